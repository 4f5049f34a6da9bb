import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { Secret } from '@landfall/domain';
import { requestBudgetContract } from '@landfall/testing/contracts';
import { promptConnection } from '../redis.js';
import { duringCleanUp } from './clean-up-share.js';
import type { BudgetLimits } from './limits.js';
import { RedisRequestBudget } from './redis-budget.js';

const SPENT = { code: 'AZURE_BUDGET_SPENT' };
const READ = { kind: 'read', vm: null } as const;

requestBudgetContract('The budget in Redis', async (limits) => {
  const settings = { redis: redisOf(), subscriptionId: 's', limits, startShare: 1 };
  const sides = [new RedisRequestBudget(settings), new RedisRequestBudget(settings)] as const;
  return {
    sides,
    cleaningUp: duringCleanUp,
    async dispose() {
      for (const side of sides) await side.close();
      await forget(settings.redis);
    },
  };
});

describe('the budget in Redis', () => {
  const never = { burst: 100, perSecond: 0.000_1 };
  const limits: BudgetLimits = { read: never, write: never, delete: never, vm: never };

  it('starts with a fifth after Redis has lost its memory, which is less than Azure leaves above the limits', async () => {
    const redis = redisOf();
    const budget = new RedisRequestBudget({ redis, subscriptionId: 's', limits });
    expect(await takeAll(budget)).toBe(16);
    await forget(redis);
    expect(await takeAll(budget)).toBe(16);
    await budget.close();
    await forget(redis);
  });

  it('keeps each process to a tenth while Redis is away, says so, and comes back', async () => {
    const redis = redisOf();
    const proxy = await throughProxy(redis.url);
    const told: boolean[] = [];
    const observer = {
      ...{ taken: () => undefined, refused: () => undefined, throttled: () => undefined },
      local: (isLocal: boolean) => void told.push(isLocal),
    };
    const settings = { redis: { ...redis, url: proxy.url }, subscriptionId: 's', limits, startShare: 1, observer };
    const budget = new RedisRequestBudget(settings);
    await budget.take(READ);
    // On a busy machine the first connection may have come too late.
    const taken = told.includes(true) ? 1 : 0;
    proxy.cut();
    expect(await takeAll(budget)).toBe(8 - taken);
    expect(told.at(-1)).toBe(true);
    await budget.close();
    proxy.close();
    await forget(redis);
  });

  it('honours a pause that it was told of while Redis was away', async () => {
    const budget = new RedisRequestBudget({
      ...{ redis: { url: new Secret('redis://127.0.0.1:1'), prefix: 'x' }, subscriptionId: 's', limits },
    });
    await budget.answered(READ, { status: 429, retryAfterMs: 60_000, remaining: null });
    await expect(budget.take(READ)).rejects.toMatchObject(SPENT);
    await budget.close();
  });
});

async function takeAll(budget: RedisRequestBudget): Promise<number> {
  for (let taken = 0; taken < 1_000; taken += 1) {
    try {
      await budget.take(READ);
    } catch (error) {
      expect((error as { code?: string }).code).toBe(SPENT.code);
      return taken;
    }
  }
  throw new Error('There is no end to it.');
}

function redisOf() {
  const url = process.env['LANDFALL_TEST_REDIS_URL'];
  assert.ok(url, 'LANDFALL_TEST_REDIS_URL is not set: run this through the test runner');
  return { url: new Secret(url), prefix: `budget-${randomBytes(6).toString('hex')}` };
}

async function forget(redis: { url: Secret; prefix: string }): Promise<void> {
  const connection = promptConnection(redis);
  const keys = await connection.keys(`${redis.prefix}:*`);
  if (keys.length > 0) await connection.del(...keys);
  connection.disconnect();
}

/** A way to Redis that can be cut. */
async function throughProxy(target: Secret): Promise<{ url: Secret; cut(): void; close(): void }> {
  const { hostname, port } = new URL(target.reveal());
  const sockets = new Set<Socket>();
  let open = true;
  const server = createServer((inward) => {
    if (!open) return void inward.destroy();
    const outward = connect(Number(port), hostname);
    for (const socket of [inward, outward]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [inward, outward].forEach((each) => each.destroy()));
    }
    inward.pipe(outward).pipe(inward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    open = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: new Secret(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`),
    cut,
    close() {
      cut();
      server.close();
    },
  };
}
