import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exitCodeOf } from '../exit-codes.js';
import { Api } from './api.js';
import { Unreachable } from './errors.js';
import { followRestore } from './follow-restore.js';
import { aRestoreView } from './views.fixture.test.js';

const view = (state: string, changes: object = {}) => JSON.stringify({ ...aRestoreView({ state }), ...changes });

const event = (sequence: number) => {
  const told = { sequence, restoreId: 'r1', at: '2026-01-01T00:00:00.000Z', type: 'step.done', message: '', data: {} };
  return `id: ${sequence}\nevent: step.done\ndata: ${JSON.stringify(told)}\n\n`;
};

describe('following a restore', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
  });

  async function apiThat(listener: RequestListener, port = 0): Promise<{ api: Api; port: number }> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve));
    server.unref();
    const at = (server.address() as AddressInfo).port;
    return { api: new Api(`http://127.0.0.1:${at}`, 'token', './landfall up'), port: at };
  }

  function follow(api: Api, onSilence = () => {}, patienceMs = 20_000, now = () => performance.now()) {
    const states: string[] = [];
    const events: number[] = [];
    const ended = followRestore(api, 'r1', {
      signal: new AbortController().signal,
      onChange: (restore) => states.push(restore.state),
      onEvent: ({ sequence }) => events.push(sequence),
      onSilence,
      patienceMs,
      pauseMs: 5,
      now,
    });
    return { states, events, ended };
  }

  it('takes each change from the event stream and ends with the restore', async () => {
    const { api } = await apiThat((request, response) => {
      expect(request.headers.authorization).toBe('Bearer token');
      if (!request.url!.endsWith('/events')) return void response.end(view('planning'));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`${event(1)}event: restore\ndata: ${view('running')}\n\n`);
      response.end(`event: restore\ndata: ${view('completed')}\n\n`);
    });
    const { states, ended } = follow(api);
    expect((await ended).state).toBe('completed');
    expect(states).toStrictEqual(['running', 'completed']);
  });

  it('tells every event once and in order, from the first on, over a stream that breaks off', async () => {
    const { api } = await apiThat((request, response) => {
      if (!request.url!.endsWith('/events')) return void response.end(view('running'));
      const after = Number(request.headers['last-event-id'] ?? 0);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (after < 2) return void response.end(`${event(1)}${event(2)}`);
      response.end(`: still here\n\n${event(after + 1)}event: restore\ndata: ${view('completed')}\n\n`);
    });
    const { events, ended } = follow(api);
    expect((await ended).state).toBe('completed');
    expect(events).toStrictEqual([1, 2, 3]);
  });

  it('goes on by asking where there is no event stream', async () => {
    const answers = ['planning', 'running', 'failed'];
    const { api } = await apiThat((request, response) => {
      if (request.url!.endsWith('/events')) return void response.destroy();
      response.end(view(answers.shift()!));
    });
    expect((await follow(api).ended).state).toBe('failed');
  });

  it('waits for an API that is restarted meanwhile, and says so once', async () => {
    let restarts = 0;
    let silences = 0;
    const { api, port } = await apiThat((request, response) => {
      if (!request.url!.endsWith('/events')) return void response.end(view('running'));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': here\n\n', () => {
        restarts += 1;
        server!.closeAllConnections();
        server!.close();
      });
    });
    const { ended } = follow(api, () => {
      silences += 1;
      // It was noticed that nobody answers: now the API comes back.
      void apiThat((_request, response) => void response.end(view('completed')), port);
    });
    expect((await ended).state).toBe('completed');
    expect(restarts).toBe(1);
    expect(silences).toBe(1);
  });

  it('is as patient after a long time on the stream as at the start', async () => {
    const clock = { now: 0 };
    let asked = 0;
    const { api } = await apiThat((request, response) => {
      if (request.url!.endsWith('/events')) {
        clock.now += 3_600_000;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        return void response.end(asked === 0 ? event(1) : `event: restore\ndata: ${view('completed')}\n\n`);
      }
      asked += 1;
      response.writeHead(503).end();
    });
    expect((await follow(api, undefined, 120_000, () => clock.now).ended).state).toBe('completed');
    expect(asked).toBe(1);
  });

  it('minds neither fields nor states of a newer API', async () => {
    const answers = ['dreaming', 'completed'];
    const { api } = await apiThat((request, response) => {
      if (request.url!.endsWith('/events')) return void response.destroy();
      response.end(view(answers.shift()!, { outage: { seconds: 7 } }));
    });
    const { states, ended } = follow(api);
    expect(await ended).toMatchObject({ state: 'completed', outage: { seconds: 7 } });
    expect(states).toStrictEqual(['dreaming', 'completed']);
  });

  for (const [where, isStream] of [
    ['on the stream', true],
    ['when it is asked', false],
  ] as const) {
    it(`gives up at once where the API says something else than its contract ${where}`, async () => {
      const { api } = await apiThat((request, response) => {
        const wrong = view('running', { steps: null });
        if (!request.url!.endsWith('/events')) return void response.end(wrong);
        if (!isStream) return void response.destroy();
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(`event: restore\ndata: ${wrong}\n\n`);
      });
      const refused = await follow(api).ended.catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'ANSWER_UNREADABLE', message: expect.stringMatching(/\(steps: /) });
      expect(exitCodeOf(refused)).toBe(1);
    });
  }

  it('gives up when the API stays away', async () => {
    const { api } = await apiThat(() => undefined);
    server!.close();
    await expect(follow(api, undefined, 30).ended).rejects.toMatchObject({ code: 'STACK_UNREACHABLE' });
  });

  it('gives up at once where the stack is down', async () => {
    const { api } = await apiThat(() => undefined);
    server!.close();
    const down = new Unreachable({ code: 'STACK_NOT_RUNNING', message: 'It is down.', fix: 'Start it.' });
    const options = { signal: new AbortController().signal, onChange: () => undefined, whyDown: () => down };
    await expect(followRestore(api, 'r1', options)).rejects.toBe(down);
  });

  it('gives up at once where the restore does not exist', async () => {
    const { api } = await apiThat((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ code: 'RESTORE_NOT_FOUND', detail: 'There is no restore r1.', fix: 'List them.' }));
    });
    await expect(follow(api).ended).rejects.toMatchObject({
      code: 'RESTORE_NOT_FOUND',
      message: 'There is no restore r1.',
      fix: 'List them.',
      status: 404,
    });
  });
});
