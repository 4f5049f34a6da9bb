import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { trustEmulator, type Exchange } from '@landfall/azure-emulator';
import { driveDisks } from '../fixtures/drive-disks.fixture.test.js';
import { driveLocks, driveMoves } from '../fixtures/drive-governance.fixture.test.js';
import { driveBadRequests, driveGroups } from '../fixtures/drive-groups.fixture.test.js';
import { driveMachines } from '../fixtures/drive-machines.fixture.test.js';
import { driveNetworks } from '../fixtures/drive-networks.fixture.test.js';
import { driveSnapshots } from '../fixtures/drive-snapshots.fixture.test.js';
import {
  GROUP,
  REGION,
  send,
  startRecordedAzure,
  SUBSCRIPTION,
  type RecordedAzure,
} from '../fixtures/recorded-azure.fixture.test.js';
import { replay } from './replay.js';

const DRIVES = [
  ...[driveGroups, driveBadRequests, driveDisks, driveSnapshots, driveNetworks, driveMachines, driveLocks, driveMoves],
];

describe('recorded requests that are sent again', () => {
  let exchanges: readonly Exchange[];
  beforeAll(async () => {
    const azure = await startRecordedAzure();
    for (const drive of DRIVES) await drive(azure);
    await azure.close();
    exchanges = azure.exchanges;
  });

  it('are answered as before by a fresh Azure, but for ids and times', async () => {
    const fresh = await startRecordedAzure();
    try {
      const result = await replay(exchanges, fresh.emulator);
      expect(result.differences).toStrictEqual([]);
      assert.ok(result.sent > 300, `only ${result.sent} requests were sent`);
    } finally {
      await fresh.close();
    }
  });

  it('show what is different: a status, a member, a value, a header', async () => {
    const fresh = await startRecordedAzure();
    const path = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}`;
    const got = await oneGet(fresh, path);
    const body = got.answer.body as Record<string, unknown>;
    const changed = (answer: Partial<Exchange['answer']>): Exchange => ({
      ...got,
      answer: { ...got.answer, ...answer },
    });
    const { location, ...homeless } = body;
    try {
      const of = async (exchange: Exchange) => (await replay([exchange], fresh.emulator)).differences;
      expect(await of(got)).toStrictEqual([]);
      expect((await of(changed({ status: 201 })))[0] ?? '').toMatch(/status 201 and now 200/);
      expect(await of(changed({ body: homeless }))).toStrictEqual([
        `GET ${path}: location: undefined and now "${REGION}"`,
      ]);
      expect(await of(changed({ body: { ...body, location: 'x' } }))).toStrictEqual([
        `GET ${path}: location: "x" and now "${String(location)}"`,
      ]);
      expect((await of(changed({ headers: {} })))[0] ?? '').toMatch(/content-type:: null and now/);
    } finally {
      await fresh.close();
    }
  });
});

describe('a recording of an emulator that runs as a process', () => {
  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'landfall-recording-'))));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is a JSON document a line, which can be checked and replayed', async () => {
    const file = join(folder, 'calls.jsonl');
    await recorded(file);
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as Exchange).answer.status)).toStrictEqual([201, 200, 404]);
    const tool = fileURLToPath(new URL('../main.js', import.meta.url));
    const run = (command: string) => promisify(execFile)(process.execPath, [tool, command, file]);
    expect((await run('replay')).stdout).toMatch(/^3 requests sent again, 0 passed over, 0 differences$/m);
    expect((await run('check')).stdout).toMatch(/^3 exchanges of 2 operations, 0 findings$/m);
    await expect(run('sing')).rejects.toMatchObject({ code: 2 });
  });

  async function recorded(file: string): Promise<void> {
    const main = fileURLToPath(new URL('./main.js', import.meta.resolve('@landfall/azure-emulator')));
    const token = 'a-token-for-recordings';
    const child = spawn(process.execPath, [main, '--data', join(folder, 'azure'), '--record', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], EMULATOR_TOKEN: token, EMULATOR_SUBSCRIPTION_ID: SUBSCRIPTION },
    });
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const { url, ca } = JSON.parse(line) as { readonly url: string; readonly ca: string };
      trustEmulator({ caPath: ca });
      const azure = { emulator: { url, token } };
      const group = `/subscriptions/${SUBSCRIPTION}/resourcegroups/r?api-version=2021-04-01`;
      await send(azure, 'PUT', group, { location: REGION, tags: { a: 'b' } });
      await send(azure, 'GET', group);
      await send(azure, 'GET', group.replace('/r?', '/none?'));
    } finally {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
  }
});

async function oneGet(azure: RecordedAzure, path: string): Promise<Exchange> {
  await send(azure, 'GET', `${path}?api-version=2021-04-01`);
  const [exchange] = azure.exchanges.slice(-1);
  assert.ok(exchange !== undefined);
  return exchange;
}
