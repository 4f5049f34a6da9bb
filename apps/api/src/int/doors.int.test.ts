import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { requestRestore } from '@landfall/pipeline';
import { REGISTERED } from '@landfall/transfer';
import { aRestoreRequest, OwnRedis } from '@landfall/testing';
import { Redis } from 'ioredis';
import { hashOf } from '../access/session.js';
import { connect } from '../connect.js';
import { ApiUnderTest, until } from './running-api.fixture.test.js';

const MOVER = { name: 'worker-0', pid: 4711 };
const ROUTES = '/internal/v1';

/** What a worker's user of Redis answers; the connection is closed again. */
async function ask(url: string, ...command: [string, ...string[]]): Promise<string> {
  const connection = new Redis(url, { disableClientInfo: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  let refused = '';
  connection.on('error', (error) => void (refused = error.message));
  try {
    return String(await connection.call(...command));
  } catch (error) {
    return refused || (error as Error).message;
  } finally {
    connection.disconnect();
  }
}

/** 43 characters, as the worker would name them. */
const sessionOf = (id: string): string => hashOf(id).slice(0, 43);

async function launching(api: ApiUnderTest, id: string): Promise<void> {
  const { books, workers } = api.connections.ports;
  const { restoreId } = await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'olivia' });
  const bootstrap = { bootstrapTokenHash: hashOf(`bootstrap-of-${id}`), bootstrapSeconds: 60 };
  expect(await workers.enter({ id, restoreId, azureId: `/vms/${id}`, disks: ['web-os'], ...bootstrap })).toBe(true);
}

function register(api: ApiUnderTest, id: string) {
  const body = { bootstrapToken: `bootstrap-of-${id}`, sessionToken: sessionOf(id), mover: MOVER };
  return api.call('POST', `${ROUTES}/workers/${id}/register`, { body });
}

async function registered(api: ApiUnderTest, id: string): Promise<string> {
  await launching(api, id);
  return REGISTERED.parse((await register(api, id)).body).redisUrl;
}

describe('what a worker is let into Redis with', () => {
  let redis: OwnRedis;
  let api: ApiUnderTest;
  let prefix: string;

  beforeAll(async () => {
    redis = await OwnRedis.start();
    api = await ApiUnderTest.start({ REDIS_URL: redis.url.reveal() });
    prefix = api.environment.LANDFALL_QUEUE_PREFIX;
  });
  afterAll(async () => {
    await redis.resume();
    await api.close();
    await redis.dispose();
  });

  it('reaches its own queue and nothing else', async () => {
    const url = await registered(api, 'w-own');
    expect(await ask(url, 'PING')).toBe('PONG');
    expect(await ask(url, 'LLEN', `${prefix}:mover-worker-w-own:wait`)).toBe('0');
    await registered(api, 'w-foreign');
    const refused: [string, ...string[]][] = [
      ['FLUSHALL'],
      ['KEYS', '*'],
      ['ACL', 'LIST'],
      ['LPUSH', `${prefix}:mover-worker-w-foreign:wait`, '1'],
      ['HSET', `${prefix}:finalizer:1`, 'name', 'remove-orphans'],
      ['XADD', `${prefix}:planner:events`, '*', 'event', 'added'],
    ];
    for (const command of refused) assert.match(await ask(url, ...command), /NOPERM/, command.join(' '));
  });

  it('is the same when the registration is repeated because its answer was lost', async () => {
    const url = await registered(api, 'w-again');
    const again = REGISTERED.parse((await register(api, 'w-again')).body);
    expect(again.redisUrl).toBe(url);
    expect(await ask(url, 'PING')).toBe('PONG');
  });

  it('works again after a restart of Redis, with two APIs at once, and not for a worker that was retired', async () => {
    const url = await registered(api, 'w-stays');
    const gone = await registered(api, 'w-goes');
    const { logger, metrics } = api.connections.ports;
    const another = await connect(api.environment, logger, metrics);
    try {
      await api.connections.ports.workers.retire('w-goes');
      await redis.stop();
      await redis.resume();
      expect(await ask(url, 'PING')).toMatch(/WRONGPASS|NOAUTH/);
      await until('it is let in', async () => (await ask(url, 'PING')) === 'PONG');
      expect(await ask(gone, 'PING')).toMatch(/WRONGPASS|NOAUTH/);
    } finally {
      await another.close();
    }
  });

  it('lets nobody in who was retired while registering', async () => {
    await launching(api, 'w-late');
    const { ports } = api.connections;
    const { open } = ports.doors;
    // It is retired, and its door shut, right before that door is opened.
    Object.assign(ports.doors, {
      open: async (owner: Parameters<typeof open>[0]) => {
        await ports.workers.retire('w-late');
        await ports.doors.shut('w-late');
        return open(owner);
      },
    });
    try {
      expect((await register(api, 'w-late')).status).toBe(401);
    } finally {
      Object.assign(ports.doors, { open });
    }
    const users = await ask(redis.url.reveal(), 'ACL', 'USERS');
    assert.ok(!users.includes('w-late'), users);
  });

  it('of the pool is told to the pool, and to no worker', async () => {
    const answer = await api.call('POST', `${ROUTES}/movers/place`, { role: 'mover', body: {} });
    const place = answer.body as { redisUrl: string; queue: string };
    expect(place.queue).toBe('mover-pool');
    expect(await ask(place.redisUrl, 'LLEN', `${prefix}:mover-pool:wait`)).toBe('0');
    expect(await ask(place.redisUrl, 'LLEN', `${prefix}:mover-worker-w-own:wait`)).toMatch(/NOPERM/);

    await registered(api, 'w-curious');
    const headers = { authorization: `Bearer ${sessionOf('w-curious')}` };
    expect((await api.call('POST', `${ROUTES}/movers/place`, { headers, body: {} })).status).toBe(403);
  });

  it('stands in no log', async () => {
    const url = await registered(api, 'w-logged');
    const { password } = new URL(url);
    expect(password.length).toBeGreaterThan(20);
    expect(api.log.some((line) => line.includes(password))).toBe(false);
  });
});

describe('a Redis that does not let users be made', () => {
  let redis: OwnRedis;
  beforeAll(async () => {
    redis = await OwnRedis.start();
    await ask(redis.url.reveal(), 'ACL', 'SETUSER', 'managed', 'on', '>pw', '~*', '&*', '+@all', '-acl');
    await ask(redis.url.reveal(), 'ACL', 'SETUSER', 'narrow', 'on', '>pw', '~*:mover-worker-*', '+@all', '-acl');
  });
  afterAll(() => redis.dispose());

  const as = (user: string): string => {
    const url = new URL(redis.url.reveal());
    url.username = user;
    url.password = 'pw';
    return url.href;
  };

  it('lets no worker register, whose token stays good, and says so in log and readiness', async () => {
    const api = await ApiUnderTest.start({ REDIS_URL: as('managed') });
    try {
      await launching(api, 'w-1');
      const { status, code } = await api.problem('POST', `${ROUTES}/workers/w-1/register`, {
        body: { bootstrapToken: 'bootstrap-of-w-1', mover: MOVER },
      });
      expect([status, code]).toStrictEqual([503, 'WORKER_REDIS_USER_UNAVAILABLE']);
      expect((await api.connections.ports.workers.worker('w-1'))?.state).toBe('launching');
      const ready = await api.call('GET', '/health/ready');
      const checks = { postgres: 'ok', redis: 'ok', 'worker-redis': 'WORKER_REDIS_USER_UNAVAILABLE' };
      expect([ready.status, ready.body]).toStrictEqual([200, { status: 'ok', checks }]);
      expect(api.log.some((line) => line.includes('WORKER_REDIS_USER_UNAVAILABLE'))).toBe(true);
    } finally {
      await api.close();
    }
  });

  it('serves workers with the fixed user that is configured', async () => {
    const fixed = as('narrow');
    const api = await ApiUnderTest.start({ REDIS_URL: as('managed'), LANDFALL_WORKER_REDIS_URL: fixed });
    try {
      expect(await registered(api, 'w-1')).toBe(fixed);
      const ready = await api.call('GET', '/health/ready');
      expect((ready.body as { checks: object }).checks).toStrictEqual({
        postgres: 'ok',
        redis: 'ok',
        'worker-redis': 'ok',
      });
    } finally {
      await api.close();
    }
  });

  it('ends the start where the fixed user is the services’ own', async () => {
    const start = ApiUnderTest.start({ REDIS_URL: as('managed'), LANDFALL_WORKER_REDIS_URL: as('managed') });
    await expect(start).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
