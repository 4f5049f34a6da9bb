import { randomBytes } from 'node:crypto';
import type { JobInHand } from '@landfall/domain';
import { patientConnection, QueueClient, type RedisSettings } from '@landfall/pipeline';
import { until } from '@landfall/pipeline/fixtures/until';
import { OwnRedis } from '@landfall/testing';
import { jobQueuesContract } from '@landfall/testing/contracts';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { z } from 'zod';
import { queueModule, QueueProcessor, TakesJobsOf } from './index.js';

jobQueuesContract('the queues of BullMQ', async () => {
  const server = await OwnRedis.start();
  const redis: RedisSettings = { url: server.url, prefix: `test-${randomBytes(4).toString('hex')}` };
  const client = new QueueClient(redis);
  const connection = patientConnection(redis);
  const applications: INestApplicationContext[] = [];
  return {
    queues: client,
    async takeFrom(queue, handle) {
      const module = { module: class {}, imports: [queueModule(redis)], providers: [processorOf(queue, handle)] };
      applications.push(await NestFactory.createApplicationContext(module, { logger: false }));
    },
    async loseLock(queue, jobId) {
      await connection.set(`${redis.prefix}:${queue}:${jobId}:lock`, 'of somebody else', 'PX', 3_600_000);
    },
    async flush() {
      await connection.flushall();
    },
    async restart() {
      await server.stop();
      await server.resume();
    },
    async until(what, condition) {
      await until(what, async () => condition());
    },
    async dispose() {
      await Promise.all(applications.map((application) => application.close()));
      await client.close();
      connection.disconnect();
      await server.dispose();
    },
  };
});

function processorOf(queue: string, work: (job: JobInHand<unknown>) => Promise<unknown>) {
  @TakesJobsOf(queue, { concurrency: 2, locks: { lockMs: 1_000, lookEveryMs: 300 } })
  class Processor extends QueueProcessor<unknown> {
    protected readonly patience = [{ withinMs: 400, then: () => undefined }];

    constructor() {
      super({ warn: () => undefined, error: () => undefined });
    }

    protected payloadOf() {
      return z.unknown();
    }

    protected handle(job: JobInHand<unknown>): Promise<unknown> {
      return work(job);
    }

    protected onLeaving(): void {
      // Each job is ended by its test.
    }
  }
  return Processor;
}
