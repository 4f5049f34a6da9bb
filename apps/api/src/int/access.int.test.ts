import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { Application } from 'express';
import { mayDo, type Requirement, type Role } from '../access/roles.js';
import { hashOf } from '../access/session.js';
import { ApiUnderTest, ROLES, tokenOf } from './running-api.fixture.test.js';

/** Whom each route is for; a route that is not named here fails the test, so that none comes in unnoticed. */
const ROUTES: Readonly<Record<string, Requirement>> = {
  'GET /health/live': 'nobody',
  'GET /health/ready': 'nobody',
  'GET /metrics': 'viewer',
  'GET /docs': 'viewer',
  'GET /docs/': 'viewer',
  'GET /docs/index.html': 'viewer',
  'GET /docs/LICENSE': 'viewer',
  'GET /docs/swagger-ui-init.js': 'viewer',
  'GET /docs/docs/swagger-ui-init.js': 'viewer',
  'GET /docs-json': 'viewer',
  'GET /docs-yaml': 'viewer',
  'GET /session': 'viewer',
  'POST /session': 'nobody',
  'DELETE /session': 'nobody',
  'GET /v1/repositories': 'viewer',
  'POST /v1/repositories': 'operator',
  'GET /v1/repositories/:name': 'viewer',
  'DELETE /v1/repositories/:name': 'operator',
  'POST /v1/repositories/:name/rescan': 'operator',
  'GET /v1/machines': 'viewer',
  'GET /v1/restore-points': 'viewer',
  'GET /v1/restore-points/:id': 'viewer',
  'POST /v1/restore-plans': 'operator',
  'GET /v1/restores': 'viewer',
  'POST /v1/restores': 'operator',
  'GET /v1/restores/:id': 'viewer',
  'GET /v1/restores/:id/plan': 'viewer',
  'GET /v1/restores/:id/damage': 'viewer',
  'GET /v1/restores/:id/resources': 'viewer',
  'GET /v1/restores/:id/events': 'viewer',
  'POST /v1/restores/:id/cancel': 'operator',
  'POST /v1/restores/:id/resume': 'operator',
  'POST /v1/restores/:id/rollback': 'operator',
  'POST /v1/restores/:id/approve': 'approver',
  'POST /v1/restores/:id/purge': 'approver',
  'GET /v1/tokens': 'admin',
  'POST /v1/tokens': 'admin',
  'DELETE /v1/tokens/:name': 'admin',
  'GET /v1/captures': 'viewer',
  'POST /v1/captures': 'operator',
  'GET /v1/captures/:id': 'viewer',
  'GET /v1/captures/:id/events': 'viewer',
  'POST /v1/captures/:id/cancel': 'operator',
  'GET /v1/workers': 'viewer',
  'GET /v1/audit': 'viewer',
  'GET /v1/orphans': 'viewer',
  'POST /v1/orphans/remove': 'admin',
  'POST /internal/v1/workers/:id/register': 'nobody',
  'POST /internal/v1/workers/:id/heartbeat': 'data-mover',
  'POST /internal/v1/movers/place': 'data-mover',
  'POST /internal/v1/movers/lease': 'data-mover',
  'POST /internal/v1/movers/renew': 'data-mover',
  'POST /internal/v1/movers/leave': 'data-mover',
  'POST /internal/v1/movers/started': 'data-mover',
  'POST /internal/v1/segments/:id/claim': 'data-mover',
  'POST /internal/v1/segments/:id/report': 'data-mover',
};

/** Beside the router: the console's files and the queue dashboard with all that it brings. */
/** Refused to everybody: jobs are made from the books alone. */
const MAKES_JOBS = 'POST /admin/queues/api/queues/planner/add';

const MOUNTED = [
  'GET /',
  'GET /index.html',
  'GET /assets/console.js',
  'GET /admin/queues',
  'GET /admin/queues/',
  'GET /admin/queues/queue/planner',
  'GET /admin/queues/api/queues',
  'GET /admin/queues/api/queues/planner/1',
  'GET /admin/queues/static/js/main.js',
  'GET /admin/queues/static/images/logo.svg',
  'GET /admin/queues/nothing/here',
  'PUT /admin/queues/api/queues/planner/pause',
  'PUT /admin/queues/api/queues/pause',
  'PUT /admin/queues/api/queues/planner/clean/completed',
  'PUT /admin/queues/api/queues/planner/empty',
  'PUT /admin/queues/api/queues/planner/obliterate',
  MAKES_JOBS,
];

const PERSON: Requirement = 'viewer';

describe('access', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await ApiUnderTest.start();
  });
  afterAll(() => api.close());

  const statusOf = async (route: string, role?: Role): Promise<number> => {
    const [method = '', pattern = ''] = route.split(' ');
    const path = pattern.replace(/:\w+/g, 'unknown-thing');
    const body = method === 'POST' || method === 'PUT' ? { body: {} } : {};
    return (await api.call(method, path, { ...(role === undefined ? {} : { role }), ...body })).status;
  };

  it('is decided for every route that the router has', () => {
    expect([...routesOf(api)].sort()).toStrictEqual(Object.keys(ROUTES).sort());
  });

  it('is refused with 401 everywhere but at the open addresses when there is no token', async () => {
    for (const [route, requirement] of Object.entries(ROUTES)) {
      if (requirement !== 'nobody') assert.equal(await statusOf(route), 401, route);
    }
    for (const route of [
      ...MOUNTED,
      'GET /admin/queues/api/redis/stats',
      'GET /no/such/address',
      'POST /v1/nothing',
      'OPTIONS /v1/restores',
    ]) {
      assert.equal(await statusOf(route), 401, route);
    }
  });

  for (const role of ROLES) {
    it(`is given to ${role} where the role suffices, and 403 elsewhere`, async () => {
      const principal = { kind: 'user', name: role, role, via: 'token' } as const;
      for (const [route, requirement] of Object.entries(ROUTES)) {
        // Both open POSTs check a credential of their own in the body.
        if (route === 'POST /session' || route.endsWith('/register')) continue;
        const status = await statusOf(route, role);
        if (mayDo(principal, requirement)) assert.ok(![401, 403].includes(status), `${route}: ${status}`);
        else assert.equal(status, 403, route);
      }
    });
  }

  it('to the dashboard is read-only for all but administrators', async () => {
    for (const role of ROLES) {
      const principal = { kind: 'user', name: role, role, via: 'token' } as const;
      for (const route of MOUNTED.filter((one) => one.includes('/admin/'))) {
        const status = await statusOf(route, role);
        const allowed = route !== MAKES_JOBS && mayDo(principal, route.startsWith('GET') ? PERSON : 'admin');
        if (allowed) assert.ok(![401, 403].includes(status), `${role}: ${route}: ${status}`);
        else assert.equal(status, 403, `${role}: ${route}`);
      }
    }
  });

  it('does not hang on how an address is written', async () => {
    for (const path of [
      '/V1/restores',
      '/v1/restores/',
      '//v1/restores',
      '/health/live/../../v1/restores',
      '/health/live/',
      '/HEALTH/live',
      '/metrics?x=/health/live',
      '/assets/sign-in.css/../console.js',
      '/session/',
    ]) {
      assert.equal((await api.call('GET', path)).status, 401, path);
    }
  });

  it('is refused to tokens that are unknown, revoked, expired or sent in another way', async () => {
    const { tokens } = api.connections.ports;
    const put = (token: string, expiresAt: Date | null) =>
      tokens.put({ name: 'short', role: 'admin', tokenHash: hashOf(token), expiresAt });
    await put('expired-token', new Date(Date.now() - 1_000));
    await tokens.revoke((await put('revoked-token', null)).id);
    for (const authorization of [
      'Bearer nonsense',
      'Bearer expired-token',
      'Bearer revoked-token',
      'Bearer ',
      'Basic YWRtaW46YWRtaW4=',
      `Token ${'x'.repeat(40)}`,
    ]) {
      assert.equal((await api.call('GET', '/v1/restores', { headers: { authorization } })).status, 401, authorization);
    }
  });

  it('shows the sign-in page to a browser and a problem to a program', async () => {
    for (const path of ['/', '/admin/queues', '/admin/queues/queue/planner', '/docs']) {
      const page = await api.call('GET', path, { headers: { accept: 'text/html' } });
      expect(page.status).toBe(401);
      expect(page.text).toMatch(/<form method="post" action="\/session">/);
      expect(page.text).toMatch(new RegExp(`name="next" value="${path}"`));
    }
    const problem = await api.call('GET', '/v1/restores', { headers: { accept: 'text/html' } });
    expect(problem.headers.get('content-type') ?? '').toMatch(/application\/problem\+json/);
  });
});

describe('a session in a browser', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await ApiUnderTest.start();
  });
  afterAll(() => api.close());

  const signIn = async (role: Role) => {
    const answer = await api.call('POST', '/session', { body: { token: tokenOf(role) } });
    return { answer, cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '' };
  };

  it('is opened by a token and is a cookie that scripts and other sites cannot use', async () => {
    const { answer, cookie } = await signIn('viewer');
    expect(answer.status).toBe(204);
    expect(answer.headers.get('set-cookie') ?? '').toMatch(/; HttpOnly; SameSite=Strict$/);
    const me = await api.call('GET', '/session', { headers: { cookie } });
    expect(me.body).toStrictEqual({ name: 'viewer', role: 'viewer' });
    expect((await api.call('GET', '/', { headers: { cookie } })).status).toBe(200);
  });

  it('is opened by the form as well, which leads on to where one wanted to go', async () => {
    const form = (fields: Record<string, string>) =>
      api.call('POST', '/session', {
        raw: new URLSearchParams(fields).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
    const good = await form({ token: tokenOf('viewer'), next: '/docs' });
    expect([good.status, good.headers.get('location')]).toStrictEqual([303, '/docs']);
    const away = await form({ token: tokenOf('viewer'), next: '//evil.example' });
    expect(away.headers.get('location')).toBe('/');
    const bad = await form({ token: 'wrong', next: '/docs' });
    expect(bad.status).toBe(401);
    expect(bad.text).toMatch(/role="alert"/);
  });

  it('is not opened by a wrong token nor by that of a data-mover', async () => {
    expect((await api.call('POST', '/session', { body: { token: 'wrong' } })).status).toBe(401);
    expect((await signIn('mover')).answer.status).toBe(401);
  });

  it('changes things only when its browser says that a page of this site asked for it', async () => {
    const { cookie } = await signIn('operator');
    const host = new URL(api.url).host;
    const attempts: [Record<string, string>, boolean][] = [
      [{}, false],
      [{ origin: 'https://evil.example' }, false],
      [{ origin: 'null' }, false],
      [{ 'sec-fetch-site': 'cross-site' }, false],
      [{ 'sec-fetch-site': 'same-site', origin: `http://${host}` }, false],
      [{ 'sec-fetch-site': 'none' }, false],
      [{ origin: `http://${host}` }, true],
      [{ 'sec-fetch-site': 'same-origin' }, true],
    ];
    for (const [headers, passes] of attempts) {
      const answer = await api.call('POST', '/v1/restores/unknown-thing/cancel', { headers: { cookie, ...headers } });
      assert.equal(answer.status, passes ? 404 : 403, JSON.stringify(headers));
    }
  });

  it('cannot be opened from another site', async () => {
    const answer = await api.call('POST', '/session', {
      body: { token: 'x' },
      headers: { origin: 'https://evil.example' },
    });
    expect(answer.status).toBe(403);
  });

  it('ends with its token, when it is closed, and is not forged', async () => {
    const { tokens } = api.connections.ports;
    const { cookie } = await signIn('approver');
    const [name, value = ''] = cookie.split('=');
    const middle = Math.floor(value.length / 2);
    const flipped = `${name}=${value.slice(0, middle)}${value[middle] === 'A' ? 'B' : 'A'}${value.slice(middle + 1)}`;
    for (const forged of [flipped, `${name}=`, `${name}=e30`, `${name}=${'A'.repeat(5_000)}`]) {
      expect((await api.call('GET', '/session', { headers: { cookie: forged } })).status).toBe(401);
    }
    const closed = await api.call('DELETE', '/session', { headers: { cookie } });
    expect(closed.headers.get('set-cookie') ?? '').toMatch(/landfall-session=;.*Expires=Thu, 01 Jan 1970/);
    const record = (await tokens.list()).find((token) => token.name === 'approver');
    await tokens.revoke(record?.id ?? '');
    expect((await api.call('GET', '/session', { headers: { cookie } })).status).toBe(401);
  });
});

function routesOf(api: ApiUnderTest): Set<string> {
  const { router } = api.running.app.getHttpAdapter().getInstance() as Application;
  const routes = new Set<string>();
  for (const { route } of router.stack) {
    if (route === undefined) continue;
    for (const layer of route.stack) routes.add(`${layer.method.toUpperCase()} ${route.path}`);
  }
  return routes;
}
