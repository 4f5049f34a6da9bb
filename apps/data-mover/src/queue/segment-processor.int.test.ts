import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '@landfall/domain';
import { createLogger } from '@landfall/observability';
import { patientConnection } from '@landfall/pipeline';
import { OwnRedis } from '@landfall/testing';
import { queueModule } from '@landfall/service';
import { NestFactory } from '@nestjs/core';
import { SEGMENT_WORK, segmentProcessorOf } from './segment-processor.js';
import type { SegmentJobsOptions } from './segment-jobs.js';

const PASSWORD = 'of-the-door';

describe('the queue of a data-mover', () => {
  let redis: OwnRedis;
  let client: ReturnType<typeof patientConnection>;
  beforeAll(async () => {
    redis = await OwnRedis.start();
    client = patientConnection({ url: redis.url, prefix: 'landfall' });
    await client.call('ACL', 'SETUSER', 'door', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
  });
  afterAll(async () => {
    client.disconnect();
    await redis.dispose();
  });

  it('is left at once when its door is shut and nothing is in hand', async () => {
    const never = new AbortController().signal;
    const door = new URL(redis.url.reveal());
    [door.username, door.password] = ['door', PASSWORD];
    const work: SegmentJobsOptions = {
      mover: 'w0-0/a',
      api: { claim: () => Promise.reject(new Error('nothing is claimed')) },
      reports: {
        send: () => Promise.resolve(true),
        deliverOf: () => Promise.resolve(),
        deliverVerdicts: () => Promise.resolve(),
      },
      writer: { assertHeld: () => undefined, lost: never },
      seeGone: () => Promise.resolve(),
      run: () => Promise.reject(new Error('nothing is run')),
      log: createLogger('data-mover', 'error'),
      onNotWelcome: () => undefined,
    };
    // It would wait for this long if it waited at all.
    class PatientProcessor extends segmentProcessorOf('mover-worker-w0', 1) {
      protected override readonly patience = [{ withinMs: 120_000, then: () => undefined }];
    }
    const module = {
      module: class {},
      imports: [queueModule({ url: new Secret(door.href), prefix: 'landfall' })],
      providers: [{ provide: SEGMENT_WORK, useValue: work }, PatientProcessor],
    };
    const application = await NestFactory.createApplicationContext(module, { logger: false });
    await connections(2);
    await client.call('ACL', 'DELUSER', 'door');
    await connections(0);
    const ended = await Promise.race([application.close().then(() => 'ended'), pause(60_000, 'waits', { ref: false })]);
    expect(ended).toBe('ended');
  });

  /** Returns once the door is used by so many connections. */
  async function connections(wanted: number): Promise<void> {
    for (;;) {
      const list = String(await client.call('CLIENT', 'LIST'));
      if (list.split('\n').filter((line) => line.includes(' user=door ')).length === wanted) return;
      await pause(20);
    }
  }
});
