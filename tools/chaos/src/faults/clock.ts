import { setTimeout as pause } from 'node:timers/promises';
import type { Cell } from '../live/cell.js';
import { isAtRest } from '../live/restores.js';
import { PATIENCE_MS, restoreTrial, type Trial } from '../live/trial.js';
import { stopAtBegin, stoppedOrOver, type Place } from './steps.js';

/*
 * F10: all processes of a kind, or one of two, whose wall clock is an hour wrong all the time; clocks of all processes that
 * leap by a day in the middle of a step. Azure refuses the first try of two calls, so that something has to be put off by the clock as well.
 */
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const PROCESSES = [
  { name: 'api', transfer: 'worker' },
  { name: 'planner', transfer: 'worker' },
  { name: 'provisioner', transfer: 'worker' },
  { name: 'finalizer', transfer: 'worker' },
  { name: 'worker', transfer: 'worker' },
  { name: 'data-mover', transfer: 'direct' },
  { name: 'api-1', transfer: 'worker' },
  { name: 'planner-1', transfer: 'worker' },
  { name: 'provisioner-1', transfer: 'worker' },
  { name: 'finalizer-1', transfer: 'worker' },
  { name: 'data-mover-1', transfer: 'direct' },
] as const;

/** So long that the work is put off, and not waited for. */
const LONG_SECONDS = 45;

const LEAP_IN: readonly Place[] = ['create-empty-disks', 'restore-data', 'create-vm'];
const PUT_OFF = ['Disks_CreateOrUpdate', 'VirtualMachines_CreateOrUpdate'];

export function clockTrials(): readonly Trial[] {
  const wrong = PROCESSES.flatMap((process) => [HOUR_MS, -HOUR_MS].map((skew) => wrongClock(process, skew)));
  const leaps = LEAP_IN.flatMap((place) => [DAY_MS, -DAY_MS].map((leap) => leapingClocks(place, leap)));
  return [...wrong, ...leaps, leapWhilePutOff()];
}

function wrongClock({ name, transfer }: (typeof PROCESSES)[number], skewMs: number): Trial {
  const wrong = skewMs > 0 ? 'an hour ahead' : 'an hour behind';
  return {
    fault: 'F10',
    name: `the clock of ${name} is ${wrong}`,
    run: (cell) =>
      putOff(cell, async () => {
        const outcome = await restoreTrial(cell, {
          transfer,
          prepare: () => cell.afflict({ clockMs: { [name]: skewMs } }),
          disturb: () => Promise.resolve({ at: performance.now() }),
        });
        return { ...outcome, reached: cell.struck.length > 0 };
      }),
  };
}

function leapingClocks(place: Place, leapMs: number): Trial {
  return {
    fault: 'F10',
    name: `all clocks leap a day ${leapMs > 0 ? 'ahead' : 'back'} during ${place}`,
    run: (cell) =>
      putOff(cell, () =>
        restoreTrial(cell, {
          prepare: () => stopAtBegin(cell, place),
          async disturb(_, restoreId) {
            const stopped = await stoppedOrOver(cell, restoreId);
            if (stopped === null) return { at: null };
            cell.afflict({ clockMs: { '*': leapMs } });
            stopped.goOn();
            return { at: performance.now() };
          },
        }),
      ),
  };
}

/** What was to be tried again by the clock of today would be tried tomorrow. */
function leapWhilePutOff(): Trial {
  return {
    fault: 'F10',
    name: 'all clocks leap a day back while a step is put off',
    run: (cell) =>
      putOff(
        cell,
        () =>
          restoreTrial(cell, {
            async disturb(_, restoreId) {
              if (!(await isPutOff(cell, restoreId))) return { at: null };
              cell.afflict({ clockMs: { '*': -DAY_MS } });
              return { at: performance.now() };
            },
          }),
        LONG_SECONDS,
      ),
  };
}

async function isPutOff(cell: Cell, restoreId: string): Promise<boolean> {
  const { books } = cell.books;
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await pause(50)) {
    const work = (await books.runnable()).find((each) => each.restoreId === restoreId);
    if (work?.notBefore && !work.awaitsRelay) return true;
    const restore = await books.restore(restoreId);
    if (restore !== null && isAtRest(restore)) return false;
  }
  return false;
}

async function putOff<T>(cell: Cell, run: () => Promise<T>, retryAfterSeconds = 2): Promise<T> {
  for (const operation of PUT_OFF) {
    await cell.azure.call('POST', '/_emulator/faults', { kind: 'throttle', retryAfterSeconds, operation });
  }
  try {
    return await run();
  } finally {
    cell.relieve();
    await cell.azure.call('DELETE', '/_emulator/faults');
  }
}
