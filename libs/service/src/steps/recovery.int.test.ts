import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { OwnRedis } from '@landfall/testing';
import { boundedMap, type QueueClient, reconcileOnce, requestCancel, runOutboxRelay } from '@landfall/pipeline';
import { until } from '@landfall/pipeline/fixtures/until';
import { ServiceStack } from './services.fixture.test.js';

const DOOMED = fileURLToPath(new URL('doomed-service.fixture.test.js', import.meta.url));
const LOCKS = { lockMs: 1_000, lookEveryMs: 500 };

describe('recovery', () => {
  let stack: ServiceStack;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    stack = await ServiceStack.start();
  });
  afterEach(() => stack.close());
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  it('takes up the step of a service that was killed, and counts an attempt', async () => {
    await stack.service('planner');
    await stack.service('finalizer');
    const args = [DOOMED, stack.database.url.reveal(), stack.redis.url.reveal(), stack.redis.prefix ?? ''];
    const doomed = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(doomed);
    const id = await stack.request();
    await once(doomed.stdout, 'data');
    doomed.kill('SIGKILL');
    await once(doomed, 'exit');

    await stack.service('provisioner', { locks: LOCKS });
    const restore = await stack.reaches(id, 'completed');
    const step = restore.works.find((candidate) => candidate.id === 'create-empty-disks');
    expect(step?.attempts).toBe(1);
    expect(step?.epoch).toBe(2);
  });

  it('ends a cancelled restore whose running step died with its service', async () => {
    await stack.service('planner');
    await stack.service('finalizer');
    const args = [DOOMED, stack.database.url.reveal(), stack.redis.url.reveal(), stack.redis.prefix ?? ''];
    const doomed = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(doomed);
    const id = await stack.request();
    await once(doomed.stdout, 'data');
    doomed.kill('SIGKILL');
    await once(doomed, 'exit');
    await requestCancel(stack.books, id, 'olivia');
    expect((await stack.books.restore(id))?.state).toBe('cancelling');

    await stack.service('provisioner', { locks: LOCKS });
    await stack.reaches(id, 'cancelled');
  });

  it('leaves alone what has a live job, and sends out what has none, once', async () => {
    const id = await stack.request();
    const relay = runOutboxRelay(stack.books, stack.queues);
    await relay.close();
    await relay.drain();
    const options = { books: stack.books, queues: stack.queues };
    expect(await reconcileOnce(options)).toStrictEqual([]);

    await stack.loseAllJobs();
    const passes = await Promise.all([reconcileOnce(options), reconcileOnce(options), reconcileOnce(options)]);
    expect(passes.flat().map((work) => [work.restoreId, work.work, work.epoch])).toStrictEqual([[id, 'plan', 1]]);
    expect((await stack.books.claimOutbox(10)).map((message) => message.jobId)).toStrictEqual([`${id}-plan-2`]);
  });

  it('carries every job of the outbox over once, with two relays at work', async () => {
    // Fewer at a time than the pool has connections: a busy machine must not make one wait for too long.
    const ids = await boundedMap(Array.from({ length: 120 }), 8, () => stack.request());
    const carried: string[] = [];
    const counting = Object.create(stack.queues) as QueueClient;
    counting.enqueue = async (message) => {
      carried.push(message.jobId);
      await stack.queues.enqueue(message);
    };
    const relays = [runOutboxRelay(stack.books, counting), runOutboxRelay(stack.books, counting)];
    await until('the outbox to be empty', async () => (await stack.queues.queue('planner').getWaitingCount()) === 120);
    await Promise.all(relays.map((relay) => relay.close()));
    expect(carried.toSorted()).toStrictEqual(ids.map((id) => `${id}-plan-1`).toSorted());
    expect((await stack.books.runnable()).every((work) => !work.awaitsRelay)).toBe(true);
  });
});

describe('a Redis of its own', () => {
  it('may die with everything it held: the restore goes on when it is back', async () => {
    const redis = await OwnRedis.start(['appendonly no']);
    const stack = await ServiceStack.start(redis.url.reveal());
    try {
      await stack.service('planner');
      const id = await stack.request();
      await until('step 3 to wait for its service', async () =>
        stack.queues.isLive('provisioner', `${id}-create-empty-disks-1`),
      );
      await redis.stop();
      // Asked for while the queue is away: waits in the outbox.
      const meanwhile = await stack.request();
      await redis.resume();
      await stack.service('provisioner');
      await stack.service('finalizer');
      await stack.reaches(id, 'completed');
      await stack.reaches(meanwhile, 'completed');
    } finally {
      await stack.close();
      await redis.dispose();
    }
  });

  it('does not keep a service from ending while it is away, not even one whose step does not end', async () => {
    const redis = await OwnRedis.start();
    const stack = await ServiceStack.start(redis.url.reveal());
    const step = Promise.withResolvers<never>();
    try {
      let begun = false;
      const plan = async (): Promise<never> => {
        begun = true;
        return step.promise;
      };
      const service = await stack.service('planner', { handlers: stack.handlers({ plan }) });
      await stack.request();
      await until('the step to be running', async () => begun);
      await redis.stop();
      const asked = performance.now();
      await service.close();
      // The process is given 12 s before it ends whatever hangs.
      expect(performance.now() - asked).toBeLessThan(12_000);
    } finally {
      step.reject(new Error('The test has ended.'));
      await redis.resume();
      await stack.close();
      await redis.dispose();
    }
  });
});
