import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ReportProxy, type ReportKind } from './report-proxy.js';

interface Taken {
  readonly path: string;
  readonly body: string;
  answer(): void;
}

/** An API that answers when it is told to, and tells of each request that has come. */
class StubApi {
  readonly taken: Taken[] = [];
  #server!: Server;
  #waiting: (() => void) | null = null;
  #atOnce = true;

  static async listen(): Promise<StubApi> {
    const api = new StubApi();
    api.#server = createServer((asked, answer) => {
      void (async () => {
        let body = '';
        for await (const chunk of asked) body += String(chunk);
        api.#take(asked.url ?? '', body, answer);
      })();
    });
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on a request is answered by its `answer` only. */
  hold(): void {
    this.#atOnce = false;
  }

  /** Resolves when so many requests have come in all. */
  async came(count: number): Promise<void> {
    while (this.taken.length < count) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }

  get bodies(): string[] {
    return this.taken.map(({ body }) => body);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #take(path: string, body: string, answer: ServerResponse): void {
    const reply = (): void =>
      void answer.writeHead(200, { 'content-type': 'application/json' }).end(`{"took":${body}}`);
    this.taken.push({ path, body, answer: reply });
    if (this.#atOnce) reply();
    this.#waiting?.();
  }
}

async function withProxy(work: (proxy: ReportProxy, api: StubApi) => Promise<void>): Promise<void> {
  const api = await StubApi.listen();
  const proxy = await ReportProxy.listen(() => api.port);
  try {
    await work(proxy, api);
  } finally {
    await proxy.close();
    await api.close();
  }
}

function post(proxy: ReportProxy, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return fetch(`${proxy.url}/internal/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

function report(proxy: ReportProxy, kind: ReportKind, number = 1, signal?: AbortSignal): Promise<Response> {
  if (kind === 'started') return post(proxy, 'movers/started', { mover: `m/${number}` }, signal);
  return post(proxy, `segments/s${number}/report`, { number, result: { kind } }, signal);
}

const KINDS: readonly ReportKind[] = ['done', 'failed', 'given-back', 'started'];

describe('the proxy in front of the API', () => {
  it('passes everything on as it is, and tells of the reports', () =>
    withProxy(async (proxy, api) => {
      const answer = await post(proxy, 'segments/s1/claim', { epoch: 1 });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(await answer.json()).toStrictEqual({ took: { epoch: 1 } });
      for (const kind of KINDS) expect((await report(proxy, kind)).status).toBe(200);
      expect(proxy.seen.map((seen) => [seen.report, seen.segmentId, seen.status])).toStrictEqual([
        ...KINDS.slice(0, 3).map((kind) => [kind, 's1', 200]),
        ['started', null, 200],
      ]);
      expect(api.taken.length).toBe(5);
      expect(proxy.struck).toBe(0);
    }));

  for (const kind of KINDS) {
    it(`strikes each report of the kind "${kind}" once, and no other one`, () =>
      withProxy(async (proxy) => {
        proxy.strike(kind, { kind: '503', times: 1 });
        const others = KINDS.filter((each) => each !== kind);
        for (const other of others) expect((await report(proxy, other)).status).toBe(200);
        for (const number of [1, 2]) {
          const refused = await report(proxy, kind, number);
          expect(refused.status).toBe(503);
          expect(((await refused.json()) as { code: string }).code).toBe('API_UNAVAILABLE');
          assert.equal((await report(proxy, kind, number)).status, 200, 'repeated it gets through');
        }
        expect(proxy.struck).toBe(2);
        proxy.relieve();
        expect((await report(proxy, kind, 3)).status).toBe(200);
      }));
  }

  it('sends a report twice at once', () =>
    withProxy(async (proxy, api) => {
      api.hold();
      proxy.strike('done', { kind: 'twice' });
      const heard = report(proxy, 'done');
      await api.came(2);
      expect(api.bodies[0]).toBe(api.bodies[1]);
      for (const taken of api.taken) taken.answer();
      expect((await heard).status).toBe(200);
      expect(proxy.struck).toBe(1);
    }));

  it('sends a report late, also when its sender waits no longer', () =>
    withProxy(async (proxy, api) => {
      proxy.strike('failed', { kind: 'late', ms: 30 });
      const impatient = new AbortController();
      const heard = expect(report(proxy, 'failed', 1, impatient.signal)).rejects.toMatchObject({ name: 'AbortError' });
      while (proxy.struck === 0) await new Promise(setImmediate);
      impatient.abort();
      await heard;
      expect(api.taken).toStrictEqual([]);
      await api.came(1);
      expect(api.bodies[0] ?? '').toMatch(/failed/);
    }));

  it('holds a report until the next one was answered', () =>
    withProxy(async (proxy, api) => {
      api.hold();
      proxy.strike('failed', { kind: 'out of order', atMostMs: 60_000 });
      const first = report(proxy, 'failed', 1);
      while (proxy.seen.length === 0) await new Promise(setImmediate);
      const second = report(proxy, 'done', 2);
      await api.came(1);
      expect(api.bodies[0] ?? '').toMatch(/"number":2/);
      assert.equal(proxy.struck, 0, 'it is not overtaken yet');
      api.taken[0]?.answer();
      await second;
      await api.came(2);
      expect(api.bodies[1] ?? '').toMatch(/"number":1/);
      api.taken[1]?.answer();
      expect((await first).status).toBe(200);
      expect(proxy.struck).toBe(1);
    }));

  it('holds no report for ever, and does not count one that nothing has overtaken', () =>
    withProxy(async (proxy) => {
      proxy.strike('failed', { kind: 'out of order', atMostMs: 1 });
      expect((await report(proxy, 'failed')).status).toBe(200);
      expect(proxy.struck).toBe(0);
    }));

  it('loses an answer to a report that has arrived', () =>
    withProxy(async (proxy, api) => {
      proxy.strike('given-back', { kind: 'answer lost' });
      await expect(report(proxy, 'given-back')).rejects.toThrow();
      expect(api.taken.length).toBe(1);
      expect((await report(proxy, 'given-back')).status).toBe(200);
      expect(api.taken.length).toBe(2);
    }));

  it('loses reports for a while, and then no more', () =>
    withProxy(async (proxy, api) => {
      proxy.strike('started', { kind: 'lost', forMs: 60_000 });
      for (let tries = 0; tries < 2; tries += 1) await expect(report(proxy, 'started')).rejects.toThrow();
      expect(api.taken).toStrictEqual([]);
      expect(proxy.struck).toBe(2);
      proxy.strike('started', { kind: 'lost', forMs: 0 });
      expect((await report(proxy, 'started')).status).toBe(200);
      expect(proxy.struck).toBe(0);
    }));

  it('cuts the connection when there is no API behind it', async () => {
    const api = await StubApi.listen();
    const { port } = api;
    await api.close();
    const proxy = await ReportProxy.listen(() => port);
    try {
      await expect(report(proxy, 'done')).rejects.toThrow();
      expect(proxy.seen.map(({ status }) => status)).toStrictEqual([null]);
    } finally {
      await proxy.close();
    }
  });
});
