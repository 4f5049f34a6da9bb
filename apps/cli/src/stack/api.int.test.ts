import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ROUTES } from '@landfall/contract';
import { exitCodeOf } from '../exit-codes.js';
import { Api } from './api.js';

const MACHINE = {
  id: 'm-1',
  name: 'web',
  aliases: [],
  repositoryName: 'nightly',
  points: 1,
  latestPointAt: null,
  hosts: [],
  paths: [],
};

describe('calling the API', () => {
  let server: Server | undefined;
  const asked: { method: string; url: string; body: string }[] = [];
  afterEach(() => {
    asked.length = 0;
    server?.closeAllConnections();
    server?.close();
  });

  async function apiThatAnswers(body: unknown, status = 200): Promise<Api> {
    server = createServer((request: IncomingMessage, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        asked.push({ method: request.method!, url: request.url!, body: text });
        response.writeHead(status).end(body === undefined ? undefined : JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    return new Api(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'token', './landfall up');
  }

  it('puts names, queries and bodies where the route has them', async () => {
    const api = await apiThatAnswers([]);
    await api.ask(ROUTES.listRestorePoints, { query: { machine: 'a b&c' } });
    await api.ask(ROUTES.listRestorePoints, { query: { machine: undefined } });
    await api.call(ROUTES.removeRepository, { params: { name: '../x/ü' } });
    await api.call(ROUTES.removeOrphans, { body: { dryRun: false } });
    expect(asked.map(({ method, url, body }) => `${method} ${url} ${body}`.trim())).toStrictEqual([
      'GET /v1/restore-points?machine=a+b%26c',
      'GET /v1/restore-points',
      'DELETE /v1/repositories/..%2Fx%2F%C3%BC',
      'POST /v1/orphans/remove {"dryRun":false}',
    ]);
  });

  it('gives the answer as it came, with the fields of a newer API', async () => {
    const api = await apiThatAnswers([{ ...MACHINE, site: 'north' }]);
    expect(await api.ask(ROUTES.listMachines, {})).toStrictEqual([{ ...MACHINE, site: 'north' }]);
  });

  it('expects nothing where nothing comes back', async () => {
    const api = await apiThatAnswers(undefined, 204);
    expect(await api.ask(ROUTES.removeRepository, { params: { name: 'x' } })).toBe(undefined);
  });

  it('says what is missing or wrong in an answer, and ends with 1', async () => {
    const api = await apiThatAnswers([MACHINE, { ...MACHINE, name: undefined, points: 'many' }]);
    const refused = await api.ask(ROUTES.listMachines, {}).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'ANSWER_UNREADABLE',
      message: expect.stringMatching(/GET \/v1\/machines .*1\.name: .*; 1\.points: /),
      fix: expect.stringMatching(/version/),
    });
    expect(exitCodeOf(refused)).toBe(1);
  });

  it("passes on the API's problems, and makes do with an error of something in between", async () => {
    const problem = { code: 'RESTORE_NOT_FOUND', detail: 'There is no restore "r".', fix: 'List them.' };
    const known = await apiThatAnswers(problem, 404);
    await expect(known.ask(ROUTES.showRestore, { params: { id: 'r' } })).rejects.toMatchObject({
      ...{ code: problem.code, message: problem.detail, fix: problem.fix, status: 404 },
    });
    server!.close();
    const proxy = await apiThatAnswers({ message: 'Bad gateway', code: 502 }, 502);
    await expect(proxy.ask(ROUTES.listMachines, {})).rejects.toMatchObject({ code: 'UNEXPECTED', status: 502 });
  });
});
