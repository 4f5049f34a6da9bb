import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server } from 'node:net';
import { Secret } from '@landfall/domain';
import { QueueClient } from './queue-client.js';

/** Lets connections through to the real Redis. */
async function passage(to: URL, port = 0): Promise<Server> {
  const server = createServer((client) => {
    const redis = createConnection({ host: to.hostname, port: Number(to.port) });
    client.on('error', () => redis.destroy()).pipe(redis);
    redis.on('error', () => client.destroy()).pipe(client);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe('the sending side of the queues', () => {
  it('works once Redis is back, on a queue that was used for the first time while Redis was away', async () => {
    const url = process.env.LANDFALL_TEST_REDIS_URL;
    assert.ok(url, 'Run this with the test runner: it starts the servers.');
    const real = new URL(url);
    const found = await passage(real);
    const { port } = found.address() as AddressInfo;
    found.close();
    await once(found, 'close');

    const through = new URL(url);
    through.port = String(port);
    const prefix = `test-${process.pid}-away`;
    const queues = new QueueClient({ url: new Secret(through.toString()), prefix });
    const message = { queue: 'mover-pool', jobId: 'job-1', name: 'segment', payload: {} };
    await expect(queues.enqueue(message)).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });

    const back = await passage(real, port);
    try {
      const deadline = performance.now() + 20_000;
      for (;;) {
        try {
          await queues.enqueue(message);
          break;
        } catch (error) {
          assert.ok(performance.now() < deadline, `it never recovers: ${String(error)}`);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
      expect(await queues.isLive('mover-pool', 'job-1')).toBe(true);
      await queues.queue('mover-pool').obliterate({ force: true });
    } finally {
      await queues.close();
      back.close();
    }
  });

  it('takes a job for lost that is put off for longer than it was to be, and one that is put off for long for live', async () => {
    const url = process.env.LANDFALL_TEST_REDIS_URL;
    assert.ok(url, 'Run this with the test runner: it starts the servers.');
    const queues = new QueueClient({ url: new Secret(url), prefix: `test-${process.pid}-put-off` });
    const queue = queues.queue('finalizer');
    try {
      const message = { queue: 'finalizer', name: 'run-work', payload: {} };
      await queues.enqueue({ ...message, jobId: 'by-a-clock-ahead', delayMs: 1 });
      await queues.enqueue({ ...message, jobId: 'for-an-hour', delayMs: 3_600_000 });
      expect(await queues.isLive('finalizer', 'by-a-clock-ahead')).toBe(true);
      expect(await queues.isLive('finalizer', 'for-an-hour')).toBe(true);
      // Half a minute later, by the clock of this process.
      const { now } = performance;
      performance.now = () => now.call(performance) + 31_000;
      try {
        expect(await queues.isLive('finalizer', 'by-a-clock-ahead')).toBe(false);
        expect(await queues.isLive('finalizer', 'for-an-hour')).toBe(true);
      } finally {
        performance.now = now;
      }
    } finally {
      await queue.obliterate({ force: true });
      await queues.close();
    }
  });
});
