import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { JobInHand } from '@landfall/domain';
import { patientConnection, type RedisSettings } from '@landfall/pipeline';
import { until } from '@landfall/pipeline/fixtures/until';
import { OwnRedis } from '@landfall/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type LeavableWorker, queueModule, QueueProcessor, TakesJobsOf } from './index.js';

const QUEUE = 'numbers';
const NUMBER = z.object({ number: z.number() });
type Numbered = z.infer<typeof NUMBER>;
const PATIENCE_MS = 400;
const HANGS_MS = 15_000;

interface Taken extends JobInHand<Numbered> {
  end(): void;
}

describe('a processor', () => {
  let server: OwnRedis;
  let redis: RedisSettings;
  let connection: Redis;
  let queue: Queue;
  let application: INestApplicationContext | undefined;
  let worker: LeavableWorker | undefined;
  let taken: Taken[];
  let told: string[];
  let log: { fields: object; message: string }[];

  beforeEach(async () => {
    server = await OwnRedis.start();
    redis = { url: server.url, prefix: `test-${randomBytes(4).toString('hex')}` };
    connection = patientConnection(redis);
    queue = new Queue(QUEUE, { connection, prefix: redis.prefix ?? '' });
    queue.on('error', () => undefined);
    [taken, told, log] = [[], [], []];
  });

  afterEach(async () => {
    await server.resume();
    for (const { end } of taken) end();
    await application?.close();
    application = undefined;
    await queue.close();
    connection.disconnect();
    await server.dispose();
  });

  /** One that keeps each job in hand until it is told to end it. */
  async function start(): Promise<void> {
    const note = (fields: object, message: string): void => void log.push({ fields, message });

    @TakesJobsOf(QUEUE, { concurrency: 2, locks: { lockMs: 1_000, lookEveryMs: 300 } })
    class Numbers extends QueueProcessor<Numbered> {
      protected readonly patience = [
        { withinMs: PATIENCE_MS, then: () => void told.push('give back') },
        { withinMs: PATIENCE_MS, then: () => void told.push('leave') },
      ];

      constructor() {
        super({ warn: note, error: note });
      }

      protected payloadOf(name: string) {
        return name === 'number' ? NUMBER : null;
      }

      protected async handle(job: JobInHand<Numbered>): Promise<unknown> {
        const ended = Promise.withResolvers<undefined>();
        taken.push({ ...job, end: () => ended.resolve(undefined) });
        await ended.promise;
        return job.payload.number + 1;
      }

      protected onLeaving(): void {
        told.push('stop');
      }

      protected override onRenewed(jobId: string): void {
        told.push(`renewed ${jobId}`);
      }
    }

    const module = { module: class {}, imports: [queueModule(redis)], providers: [Numbers] };
    application = await NestFactory.createApplicationContext(module, { logger: false });
    worker = application.get(Numbers).worker;
  }

  const add = (number: unknown, name = 'number') => queue.add(name, { number }, { jobId: `job-${String(number)}` });
  const stateOf = async (id: string) => (await queue.getJob(id))?.getState();
  const taking = (count: number) => until(`${count} taken`, async () => taken.length === count);

  /** Far longer than its patience is no end. */
  async function closing(): Promise<'closed' | 'hangs'> {
    const closed = application?.close();
    application = undefined;
    return Promise.race([closed!.then(() => 'closed' as const), pause(HANGS_MS, 'hangs' as const, { ref: false })]);
  }

  it('gives the payload that the name promises, and keeps what comes of it with the job', async () => {
    await start();
    await add(1);
    await taking(1);
    expect(taken[0]).toMatchObject({ id: 'job-1', name: 'number', payload: { number: 1 } });
    expect(taken[0]?.lost.aborted).toBe(false);
    taken[0]?.end();
    await until('it is done', async () => (await queue.getJob('job-1'))?.isCompleted());
    expect((await queue.getJob('job-1'))?.returnvalue).toBe(2);
  });

  it('refuses a payload that says something else, drops a name that it does not know, and tells of both', async () => {
    await start();
    await add('two');
    await add(3, 'letter');
    await until('both are through', async () => log.length === 2);
    await until('it is refused', async () => (await stateOf('job-two')) === 'failed');
    await until('it is dropped', async () => (await stateOf('job-3')) === 'completed');
    expect(taken).toStrictEqual([]);
  });

  it('tells a run to stop whose lock is lost, while its successor works on the job', async () => {
    await start();
    await add(1);
    await taking(1);
    await until('it is renewed', async () => told.includes('renewed job-1'));
    await connection.set(`${redis.prefix}:${QUEUE}:job-1:lock`, 'of somebody else', 'PX', 60_000);
    await until('it is told', async () => taken[0]?.lost.aborted);
    taken[0]?.end();
  });

  it('puts a job off', async () => {
    await start();
    await add(1);
    await taking(1);
    const [job] = taken;
    await expect(job?.putOff(60_000)).rejects.toThrow();
    await until('it is put off', async () => (await stateOf('job-1')) === 'delayed');
    job?.end();
  });

  it('waits at its end for what is in hand, and takes nothing more', async () => {
    await start();
    await add(1);
    await taking(1);
    const closed = closing();
    await until('it leaves', async () => told.includes('stop'));
    await add(2);
    taken[0]?.end();
    await closed;
    expect(told.filter((word) => !word.startsWith('renewed'))).toStrictEqual(['stop']);
    expect([await stateOf('job-1'), await stateOf('job-2'), taken.length]).toStrictEqual(['completed', 'waiting', 1]);
  });

  it('leaves what does not end, after all its patience', async () => {
    await start();
    await add(1);
    await taking(1);
    expect(await closing()).toBe('closed');
    expect(told.filter((word) => !word.startsWith('renewed'))).toStrictEqual(['stop', 'give back', 'leave']);
  });

  it('ends within its patience while Redis is away, with a job in hand', async () => {
    await start();
    await add(1);
    await taking(1);
    await server.stop();
    expect(await closing()).toBe('closed');
    expect(told.filter((word) => !word.startsWith('renewed'))).toStrictEqual(['stop', 'give back', 'leave']);
  });

  it('ends at once while Redis is away and nothing is in hand', async () => {
    await start();
    await until('it is connected', async () => worker?.isConnected);
    await server.stop();
    await until('it is known', async () => !worker?.isConnected);
    expect(await closing()).toBe('closed');
    expect(told).toStrictEqual(['stop']);
  });
});
