import { describe, expect, it, jest } from '@jest/globals';
import type { MoverRecord, Restore, WorkerRecord } from '@landfall/domain';
import { SILENCE_LIMIT_MS, WorkerWatch } from './worker-watch.js';

const MINUTE = 60_000;

/** A watch over one worker, on a clock that is set by hand. */
function watching(movers: () => readonly MoverRecord[]) {
  const clock = { elapsed: 5_000_000 };
  const workers = { worker: async () => ({ id: 'w0', movers: movers() }) as unknown as WorkerRecord };
  return { clock, watch: new WorkerWatch(workers, () => clock.elapsed) };
}

function moving(epoch = 1): Restore {
  const workers = [{ workerId: 'w0', azureId: '/vms/w0', disks: [{ name: 'sda', lun: 0 }] }];
  return {
    id: 'r-1',
    plan: { disks: [{ name: 'sda' }], options: { transfer: 'worker' } },
    works: [
      { direction: 'forward', id: 'launch-worker', output: { workers } },
      { direction: 'forward', id: 'restore-data', epoch },
    ],
  } as unknown as Restore;
}

const heard = (silentMs: number, seenAt: Date): MoverRecord => ({ name: 'w0-0', pid: 1, seenAt, silentMs });

describe('the watch over workers', () => {
  for (const [clocks, seenAt] of [
    ['far ahead of the books’', new Date(0)],
    ['far behind the books’', new Date('2200-01-01T00:00:00Z')],
  ] as const) {
    it(`goes by the books’ clock when its own is ${clocks}`, async () => {
      let silentMs = 1_000;
      const { clock, watch } = watching(() => [heard(silentMs, seenAt)]);
      expect(await watch.silentWorker(moving())).toBe(null);
      clock.elapsed += 60 * MINUTE;
      expect(await watch.silentWorker(moving())).toBe(null);
      silentMs = SILENCE_LIMIT_MS;
      expect((await watch.silentWorker(moving()))?.code).toBe('WORKER_SILENT');
    });
  }

  it('does not count the time by which its own wall clock leaps', async () => {
    const workers = { worker: async () => ({ id: 'w0', movers: [] }) as unknown as WorkerRecord };
    const watch = new WorkerWatch(workers);
    const now = Date.now();
    const wallClock = jest.spyOn(Date, 'now').mockReturnValue(now);
    try {
      expect(await watch.silentWorker(moving())).toBe(null);
      wallClock.mockReturnValue(now + 24 * 60 * MINUTE);
      expect(await watch.silentWorker(moving())).toBe(null);
    } finally {
      wallClock.mockRestore();
    }
  });

  it('lets a worker live one of whose data-movers is heard of', async () => {
    const { clock, watch } = watching(() => [heard(60 * MINUTE, new Date()), heard(0, new Date())]);
    await watch.silentWorker(moving());
    clock.elapsed += 60 * MINUTE;
    expect(await watch.silentWorker(moving())).toBe(null);
  });

  it('gives a worker the whole time again with each attempt of the step, and one that was never heard of no more', async () => {
    const { clock, watch } = watching(() => []);
    await watch.silentWorker(moving(1));
    clock.elapsed += SILENCE_LIMIT_MS - 1;
    expect(await watch.silentWorker(moving(1))).toBe(null);
    expect(await watch.silentWorker(moving(2))).toBe(null);
    clock.elapsed += SILENCE_LIMIT_MS - 1;
    expect(await watch.silentWorker(moving(2))).toBe(null);
    clock.elapsed += 1;
    expect((await watch.silentWorker(moving(2)))?.message ?? '').toMatch(/worker w0 for 10 minutes/);
  });
});
