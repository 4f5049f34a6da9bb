import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CAPTURE } from '@landfall/contract';
import { newCaptureId, newRestoreId, type CaptureState } from '@landfall/domain';
import { runProgram } from '../command-line.js';
import { describeCommands } from './index.js';

describe('cancelling', () => {
  let folder: string;
  let server: Server;
  let answer: { status: number; body: unknown };
  const asked: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-cancel-'));
    server = createServer(({ method, url }, response) => {
      asked.push(`${method} ${url}`);
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const certificate = join(folder, 'ca.pem');
    writeFileSync(certificate, '');
    const stack = {
      api,
      azure: 'https://127.0.0.1:1',
      azureCa: certificate,
      token: 't',
      azureToken: 't',
      processes: [],
    };
    writeFileSync(join(folder, 'stack.json'), JSON.stringify(stack));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  async function cancel(id: string, ...more: readonly string[]) {
    let [stdout, stderr] = ['', ''];
    asked.length = 0;
    const terminal = {
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: (text: string) => (stderr += text) },
    };
    const words = ['cancel', id, '--data', folder, ...more];
    const code = await runProgram(describeCommands, words, { terminal, signal: new AbortController().signal });
    return { code, stdout, stderr };
  }

  function aCapture(id: string, state: CaptureState) {
    return { ...(CAPTURE.meta()?.examples as object[])[0], id, state };
  }

  it('stops a capture where the id is a capture’s, and says what follows', async () => {
    const id = newCaptureId();
    answer = { status: 202, body: aCapture(id, 'cancelling') };
    const { code, stdout, stderr } = await cancel(id);
    expect([code, stderr]).toStrictEqual([0, '']);
    expect(asked).toStrictEqual([`POST /v1/captures/${id}/cancel`]);
    expect(stdout).toBe(
      `Capture ${id} is cancelling: what it has made is removed, and the VM runs again if it was stopped for it.\n`,
    );
    expect(JSON.parse((await cancel(id, '--json')).stdout)).toStrictEqual(answer.body);
    answer = { status: 202, body: aCapture(id, 'cancelled') };
    expect((await cancel(id)).stdout).toBe(`Capture ${id} is cancelled.\n`);
  });

  it('says why a capture can not be cancelled any more', async () => {
    const problem = {
      code: 'NOT_CANCELLABLE',
      title: 'It has ended.',
      detail: 'It has ended.',
      fix: 'Look.',
      status: 409,
    };
    answer = { status: 409, body: problem };
    const { code, stdout, stderr } = await cancel(newCaptureId());
    expect([code, stdout]).toStrictEqual([2, '']);
    expect(stderr).toMatch(/It has ended/);
  });

  it('stops a restore where the id, or its beginning, is a restore’s', async () => {
    answer = {
      status: 404,
      body: { code: 'RESTORE_NOT_FOUND', title: 'None.', detail: 'None.', fix: 'Look.', status: 404 },
    };
    for (const id of [newRestoreId(), 'r2', 'no-such-id']) {
      expect((await cancel(id)).code).not.toBe(0);
      expect(asked).toStrictEqual([`POST /v1/restores/${id}/cancel`]);
    }
  });
});
