import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { programOf } from '@landfall/config';
import { type Route, ROUTES } from '@landfall/contract';
import { openApiDocument } from '@landfall/contract/openapi';
import { RetryableError, Secret } from '@landfall/domain';
import { PLANNER_JOBS } from '@landfall/pipeline';
import { connect } from '../connect.js';
import { ApiUnderTest, dropDatabase, scanFinds, tokenOf } from './running-api.fixture.test.js';
import { discovered } from './samples.fixture.test.js';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await ApiUnderTest.start();
});
afterAll(() => api.close());

/** Every address of Nest's router with its method, as the OpenAPI document writes it. */
function servedRoutes(): string[] {
  interface Layer {
    readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
  }
  const { router } = api.running.app.getHttpAdapter().getInstance() as { router: { stack: readonly Layer[] } };
  return router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : Object.keys(route.methods).map((method) => `${method} ${route.path.replace(/:(\w+)/g, '{$1}')}`),
  );
}

describe('every answer', () => {
  it('says what is wrong as a problem, with a code and what to do', async () => {
    const json = { 'content-type': 'application/json' };
    const cases: [string, string, Parameters<ApiUnderTest['call']>[2], number, string][] = [
      ['GET', '/no/such/address', {}, 404, 'ROUTE_NOT_FOUND'],
      ['PATCH', '/v1/restores', {}, 404, 'ROUTE_NOT_FOUND'],
      ['POST', '/v1/restores', { raw: '{"a":' }, 400, 'BAD_REQUEST'],
      ['POST', '/v1/restores', { raw: '"text"' }, 400, 'BAD_REQUEST'],
      ['POST', '/v1/restores', { raw: '[]' }, 400, 'BAD_REQUEST'],
      ['POST', '/v1/restores', {}, 400, 'BAD_REQUEST'],
      ['POST', '/v1/restores', { raw: '[1]', headers: json }, 400, 'BAD_REQUEST'],
      [
        'POST',
        '/v1/restores',
        { raw: 'a=b', headers: { 'content-type': 'text/plain' } },
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      [
        'POST',
        '/v1/restores',
        { raw: '{}', headers: { 'content-type': 'application/json; charset=ebcdic' } },
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      ['POST', '/v1/restores', { raw: '{}', headers: { 'content-encoding': 'gzip' } }, 400, 'BAD_REQUEST'],
      ['POST', '/v1/restores', { raw: JSON.stringify({ reason: 'x'.repeat(2 ** 20) }) }, 413, 'BODY_TOO_LARGE'],
      ['GET', '/v1/restores/%00', {}, 400, 'BAD_REQUEST'],
      ['GET', '/v1/restores/%zz', {}, 400, 'BAD_REQUEST'],
      ['GET', '/v1/restores?unknown=1', {}, 400, 'BAD_REQUEST'],
    ];
    for (const [method, path, options, status, code] of cases) {
      const problem = await api.problem(method, path, options);
      assert.deepEqual(
        [problem.status, problem.code],
        [status, code],
        `${method} ${path} ${options?.raw?.slice(0, 20)}`,
      );
      expect(problem.contentType ?? '').toMatch(/^application\/problem\+json/);
      expect(JSON.stringify(problem)).not.toMatch(/node_modules|\.js:|SyntaxError/);
    }
  });

  it('lists every field that does not fit', async () => {
    const body = { restorePointId: 7, destination: { kind: 'new', planet: 'mars' }, force: true };
    const problem = await api.problem('POST', '/v1/restore-plans', { body });
    expect(problem.errors?.map((error) => error.field).sort()).toStrictEqual([
      'destination.planet',
      'force',
      'restorePointId',
    ]);
    const empty = await api.problem('POST', '/v1/restores', { body: {} });
    expect(empty.errors?.map((error) => [error.field, error.message])).toStrictEqual([
      ['restorePointId', 'is missing'],
      ['destination', 'is missing'],
    ]);
  });

  it('refuses fields that a request does not have, of whatever route', async () => {
    const bodies = Object.values<Route>(ROUTES).filter(({ body, path }) => body !== undefined && path !== '/session');
    expect(bodies.length).toBeGreaterThan(3);
    for (const { method, path } of bodies) {
      const problem = await api.problem(method, path, { role: 'admin', body: { 'made-up': 1 } });
      assert.deepEqual([problem.status, problem.code], [400, 'BAD_REQUEST'], path);
      assert.ok(
        problem.errors?.some(({ field, message }) => field === 'made-up' && message.startsWith('is not a field')),
        path,
      );
    }
    for (const { method, path } of Object.values<Route>(ROUTES).filter(({ query }) => query !== undefined)) {
      const problem = await api.problem(method, `${path.replace('{id}', 'made-up')}?made-up=1`, { role: 'admin' });
      assert.deepEqual([problem.status, problem.errors?.[0]?.field], [400, 'made-up'], path);
    }
  });

  it('carries the headers that keep browsers safe, and does not say what serves it', async () => {
    for (const path of ['/health/live', '/v1/restores', '/admin/queues', '/docs', '/', '/assets/console.css']) {
      const { headers } = await api.call('GET', path, { role: 'admin' });
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'self'.*frame-ancestors 'none'/, path);
      assert.doesNotMatch(headers.get('content-security-policy') ?? '', /script-src[^;]*unsafe/, path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('x-powered-by'), null, path);
      assert.equal(headers.get('cache-control'), 'no-store', path);
    }
  });

  it('is 503 with the time to come back while the planner does not answer', async () => {
    scanFinds(api, [discovered()]);
    const body = { name: 'nightly', kind: 'restic', url: '/srv/nightly', password: 'x' };
    await api.call('POST', '/v1/repositories', { role: 'operator', body });
    api.planner[PLANNER_JOBS.scan] = async () => {
      throw new RetryableError({ code: 'STORE_UNREACHABLE', message: 'The store is away.', fix: 'Wait.' });
    };
    const answer = await api.call('POST', '/v1/repositories/nightly/rescan', { role: 'operator' });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after') ?? '').toMatch(/^\d+$/);
  });
});

describe('the pages', () => {
  it('hold nothing that their content security policy forbids', async () => {
    const { text } = await api.call('GET', '/', { role: 'viewer' });
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//);
    for (const [, path = ''] of text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
      assert.equal((await api.call('GET', path, { role: 'viewer' })).status, 200, path);
    }
  });

  it('import only modules that are served', async () => {
    for (const name of ['console', 'lists', 'restore', 'page', 'api', 'words']) {
      const module = await api.call('GET', `/assets/${name}.js`, { role: 'viewer' });
      expect(module.headers.get('content-type') ?? '').toMatch(/javascript/);
      for (const [, imported] of module.text.matchAll(/from '\.\/([^']+)'/g)) {
        assert.equal((await api.call('GET', `/assets/${imported}`, { role: 'viewer' })).status, 200, imported);
      }
    }
  });

  it('include an OpenAPI document with every route that people call, and no other', async () => {
    const { body } = await api.call('GET', '/docs-json', { role: 'viewer' });
    expect(body).toStrictEqual(JSON.parse(JSON.stringify(openApiDocument())));
    const documented = Object.entries((body as { paths: Record<string, object> }).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const served = servedRoutes().filter((route) => !/^\w+ \/(internal|docs|docs-json|docs-yaml)(\/|$)/.test(route));
    expect(served.sort()).toStrictEqual(documented.sort());
    const page = await api.call('GET', '/docs', { role: 'viewer' });
    expect([page.status, page.text.includes('Landfall API')]).toStrictEqual([200, true]);
  });

  it('include metrics', async () => {
    const { text } = await api.call('GET', '/metrics', { role: 'viewer' });
    expect(text).toMatch(/^landfall_restores\{state="running",service="api"\} 0$/m);
    expect(text).toMatch(/^landfall_queue_jobs\{queue="planner",state="waiting",service="api"\} \d+$/m);
    expect(text).toMatch(/^landfall_http_request_duration_seconds_count\{.*route="\/health\/live"/m);
  });

  it('include the dashboard with every queue', async () => {
    const { body } = await api.call('GET', '/admin/queues/api/queues', { role: 'viewer' });
    const { queues } = body as { queues: { name: string; readOnlyMode: boolean }[] };
    expect(queues.map((queue) => [queue.name, queue.readOnlyMode]).sort()).toStrictEqual(
      ['captures', 'finalizer', 'mover-pool', 'planner', 'provisioner'].map((name) => [name, true]),
    );
    const paused = await api.call('PUT', '/admin/queues/api/queues/mover-pool/pause', { role: 'admin', body: {} });
    expect(paused.status).toBe(200);
    const entry = (await api.connections.ports.audit.entries(0, 10_000)).at(-1);
    expect([entry?.actor, entry?.action]).toStrictEqual(['admin', 'dashboard.change']);
    await api.call('PUT', '/admin/queues/api/queues/mover-pool/resume', { role: 'admin', body: {} });
  });

  it('include no way to make jobs up, and say when a job is in another state', async () => {
    const queue = (await api.connections.ports.queues()).find(({ name }) => name === 'mover-pool')!;
    const { id } = await queue.add('segment', { segmentId: 'real' });
    const admin = (method: string, path: string, body: unknown) =>
      api.call(method, `/admin/queues/api/queues/mover-pool/${path}`, { role: 'admin', body });
    const forged = { segmentId: 'made-up' };
    expect((await admin('POST', 'add', { name: 'segment', data: forged })).status).toBe(403);
    expect((await admin('POST', 'ADD/', { name: 'segment', data: forged })).status).toBe(403);
    expect((await admin('PATCH', `${id}/update-data`, { jobData: forged })).status).toBe(403);
    expect(await queue.count()).toBe(1);
    expect((await queue.getJob(id!))?.data).toStrictEqual({ segmentId: 'real' });
    const promoted = await admin('PUT', `${id}/promote`, {});
    expect([promoted.status, (promoted.body as { code: string }).code]).toStrictEqual([409, 'JOB_STATE']);
    await queue.obliterate({ force: true });
  });
});

describe('the process', () => {
  const environment = () => ({
    DATABASE_URL: api.environment.DATABASE_URL.reveal(),
    REDIS_URL: api.environment.REDIS_URL.reveal(),
    LANDFALL_QUEUE_PREFIX: api.environment.LANDFALL_QUEUE_PREFIX,
    LANDFALL_SECRET_KEY: 'ab'.repeat(32),
    LANDFALL_API_TOKEN: tokenOf('admin'),
    LANDFALL_PORT: '0',
  });

  const run = (change: Record<string, string>) => {
    const child = spawn(process.execPath, [programOf('api')], {
      env: { ...environment(), ...change },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (output += chunk));
    const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { child, code, output: () => output };
  };

  it('ends with 1, and names what is missing or wrong in its environment but no value', async () => {
    const { code, output } = run({ LANDFALL_SECRET_KEY: 'canary', REDIS_URL: '' });
    expect(await code).toBe(1);
    expect(output()).toMatch(/CONFIG_INVALID.*REDIS_URL.*LANDFALL_SECRET_KEY/s);
    expect(output()).not.toMatch(/canary/);
  });

  it('ends with 1 and a remedy when its port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { code, output } = run({ LANDFALL_PORT: String((taken.address() as AddressInfo).port) });
    expect(await code).toBe(1);
    expect(output()).toMatch(/"code":"CANNOT_LISTEN"/);
    taken.close();
  });

  it('ends soon and with 0 on SIGTERM while a watcher is connected', async () => {
    const { child, code, output } = run({});
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', () => {
        const found = /"url":"(http:[^"]+)"/.exec(output())?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', () => reject(new Error(`It has ended: ${output()}`)));
    });
    const body = {
      restorePointId: (await api.connections.ports.catalogue.points())[0]?.id,
      destination: { kind: 'new' },
    };
    const { id } = (await api.call('POST', '/v1/restores', { role: 'operator', body })).body as { id: string };
    const stream = await fetch(`${url}/v1/restores/${id}/events`, {
      headers: { authorization: `Bearer ${tokenOf('viewer')}`, accept: 'text/event-stream' },
    });
    expect(stream.status).toBe(200);
    const begun = performance.now();
    child.kill('SIGTERM');
    expect(await code).toBe(0);
    expect(performance.now() - begun).toBeLessThan(10_000);
    await stream.text();
  });
});

describe('without Postgres or Redis', () => {
  it('readiness names what answers and what does not, and nothing more', async () => {
    const good = await api.call('GET', '/health/ready');
    expect([good.status, good.body]).toStrictEqual([
      200,
      { status: 'ok', checks: { postgres: 'ok', redis: 'ok', 'worker-redis': 'ok' } },
    ]);
  });

  it('the API is live, not ready, and answers 503 with the code of what is away', async () => {
    const lonely = await ApiUnderTest.start();
    try {
      await dropDatabase(lonely.environment.DATABASE_URL);
      expect((await lonely.call('GET', '/health/live')).status).toBe(200);
      const ready = await lonely.call('GET', '/health/ready');
      expect(ready.status).toBe(503);
      expect(ready.body).toStrictEqual({
        status: 'unavailable',
        checks: { postgres: 'POSTGRES_UNREACHABLE', redis: 'ok', 'worker-redis': 'ok' },
      });
      const problem = await lonely.problem('GET', '/v1/restores');
      expect([problem.status, problem.code]).toStrictEqual([503, 'POSTGRES_UNREACHABLE']);
    } finally {
      await lonely.close();
    }
  });

  for (const [variable, url, code] of [
    ['DATABASE_URL', 'postgresql://user:canary@127.0.0.1:1/none', 'POSTGRES_UNREACHABLE'],
    ['REDIS_URL', 'redis://:canary@127.0.0.1:1', 'REDIS_UNREACHABLE'],
  ] as const) {
    it(`the start ends in ${code} when ${variable} leads nowhere`, async () => {
      const environment = { ...api.environment, [variable]: new Secret(url) };
      const { logger, metrics } = api.connections.ports;
      await assert.rejects(connect(environment, logger, metrics, 300), (error) => {
        assert.ok(error instanceof RetryableError);
        expect(error.code).toBe(code);
        expect(JSON.stringify(error.toDetails())).not.toMatch(/canary/);
        return true;
      });
    });
  }
});
