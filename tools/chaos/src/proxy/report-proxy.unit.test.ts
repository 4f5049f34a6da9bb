import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
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
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-type'), 'application/json');
      assert.deepEqual(await answer.json(), { took: { epoch: 1 } });
      for (const kind of KINDS) assert.equal((await report(proxy, kind)).status, 200);
      assert.deepEqual(
        proxy.seen.map((seen) => [seen.report, seen.segmentId, seen.status]),
        [...KINDS.slice(0, 3).map((kind) => [kind, 's1', 200]), ['started', null, 200]],
      );
      assert.equal(api.taken.length, 5);
      assert.equal(proxy.struck, 0);
    }));

  for (const kind of KINDS) {
    it(`strikes each report of the kind "${kind}" once, and no other one`, () =>
      withProxy(async (proxy) => {
        proxy.strike(kind, { kind: '503', times: 1 });
        const others = KINDS.filter((each) => each !== kind);
        for (const other of others) assert.equal((await report(proxy, other)).status, 200);
        for (const number of [1, 2]) {
          const refused = await report(proxy, kind, number);
          assert.equal(refused.status, 503);
          assert.equal(((await refused.json()) as { code: string }).code, 'API_UNAVAILABLE');
          assert.equal((await report(proxy, kind, number)).status, 200, 'repeated it gets through');
        }
        assert.equal(proxy.struck, 2);
        proxy.relieve();
        assert.equal((await report(proxy, kind, 3)).status, 200);
      }));
  }

  it('sends a report twice at once', () =>
    withProxy(async (proxy, api) => {
      api.hold();
      proxy.strike('done', { kind: 'twice' });
      const heard = report(proxy, 'done');
      await api.came(2);
      assert.equal(api.bodies[0], api.bodies[1]);
      for (const taken of api.taken) taken.answer();
      assert.equal((await heard).status, 200);
      assert.equal(proxy.struck, 1);
    }));

  it('sends a report late, also when its sender waits no longer', () =>
    withProxy(async (proxy, api) => {
      proxy.strike('failed', { kind: 'late', ms: 30 });
      const impatient = new AbortController();
      const heard = assert.rejects(report(proxy, 'failed', 1, impatient.signal), { name: 'AbortError' });
      while (proxy.struck === 0) await new Promise(setImmediate);
      impatient.abort();
      await heard;
      assert.deepEqual(api.taken, []);
      await api.came(1);
      assert.match(api.bodies[0] ?? '', /failed/);
    }));

  it('holds a report until the next one was answered', () =>
    withProxy(async (proxy, api) => {
      api.hold();
      proxy.strike('failed', { kind: 'out of order', atMostMs: 60_000 });
      const first = report(proxy, 'failed', 1);
      while (proxy.seen.length === 0) await new Promise(setImmediate);
      const second = report(proxy, 'done', 2);
      await api.came(1);
      assert.match(api.bodies[0] ?? '', /"number":2/);
      assert.equal(proxy.struck, 0, 'it is not overtaken yet');
      api.taken[0]?.answer();
      await second;
      await api.came(2);
      assert.match(api.bodies[1] ?? '', /"number":1/);
      api.taken[1]?.answer();
      assert.equal((await first).status, 200);
      assert.equal(proxy.struck, 1);
    }));

  it('holds no report for ever, and does not count one that nothing has overtaken', () =>
    withProxy(async (proxy) => {
      proxy.strike('failed', { kind: 'out of order', atMostMs: 1 });
      assert.equal((await report(proxy, 'failed')).status, 200);
      assert.equal(proxy.struck, 0);
    }));

  it('loses an answer to a report that has arrived', () =>
    withProxy(async (proxy, api) => {
      proxy.strike('given-back', { kind: 'answer lost' });
      await assert.rejects(report(proxy, 'given-back'));
      assert.equal(api.taken.length, 1);
      assert.equal((await report(proxy, 'given-back')).status, 200);
      assert.equal(api.taken.length, 2);
    }));

  it('loses reports for a while, and then no more', () =>
    withProxy(async (proxy, api) => {
      proxy.strike('started', { kind: 'lost', forMs: 60_000 });
      for (let tries = 0; tries < 2; tries += 1) await assert.rejects(report(proxy, 'started'));
      assert.deepEqual(api.taken, []);
      assert.equal(proxy.struck, 2);
      proxy.strike('started', { kind: 'lost', forMs: 0 });
      assert.equal((await report(proxy, 'started')).status, 200);
      assert.equal(proxy.struck, 0);
    }));

  it('cuts the connection when there is no API behind it', async () => {
    const api = await StubApi.listen();
    const { port } = api;
    await api.close();
    const proxy = await ReportProxy.listen(() => port);
    try {
      await assert.rejects(report(proxy, 'done'));
      assert.deepEqual(
        proxy.seen.map(({ status }) => status),
        [null],
      );
    } finally {
      await proxy.close();
    }
  });
});
