import { describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '@landfall/domain';
import { createLogger } from '@landfall/observability';
import { JobLoop } from './job-loop.js';

/** Nobody listens there: as a data-mover finds it once its door is shut. */
const NOWHERE = { url: new Secret('redis://127.0.0.1:1'), prefix: 'landfall' };

describe('the queue of a data-mover', () => {
  it('is left at once without Redis when nothing is in hand, and not after the moments that work is given', async () => {
    const never = new AbortController().signal;
    const loop = new JobLoop({
      ...{ redis: NOWHERE, queue: 'mover-worker-w0', concurrency: 1, mover: 'w0-0/a' },
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
    });
    const ended = await Promise.race([loop.close().then(() => 'ended'), pause(2_900, 'waits', { ref: false })]);
    expect(ended).toBe('ended');
  });
});
