import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Cell } from '../live/cell.js';
import { restoreTrial, type Trial } from '../live/trial.js';
import { isBack, PLACES, stopAtBegin, stoppedOrOver, type Place } from './steps.js';

/*
 * F3: Redis is restarted, emptied, cut off for ten seconds, or goes back to what it held when the restore began, each
 * just when a step has begun.
 */
const CUT_MS = 10_000;

const KINDS: Readonly<Record<string, (cell: Cell) => Promise<void> | void>> = {
  restart: (cell) => void cell.kill('redis'),
  FLUSHALL: flushAll,
  'cut for 10 s': (cell) => {
    cell.redisProxy.refuse(true);
    setTimeout(() => cell.redisProxy.refuse(false), CUT_MS);
  },
  'back to an older state': (cell) => {
    const { files, kept } = filesOf(cell);
    cell.kill('redis');
    rmSync(files, { recursive: true, force: true });
    renameSync(kept, files);
  },
};

export function redisTrials(): readonly Trial[] {
  return Object.keys(KINDS).flatMap((kind) => PLACES.map((place) => redisTrial(kind, place)));
}

function redisTrial(kind: string, place: Place): Trial {
  return {
    fault: 'F3',
    name: `Redis: ${kind} during ${place}`,
    run: (cell) =>
      restoreTrial(cell, {
        duringClean: isBack(place),
        prepare() {
          keep(cell);
          stopAtBegin(cell, place);
        },
        async disturb(_, restoreId) {
          const stopped = await stoppedOrOver(cell, restoreId, isBack(place));
          if (stopped === null) return { at: null };
          await KINDS[kind]?.(cell);
          stopped.goOn();
          return { at: performance.now() };
        },
      }),
  };
}

export async function flushAll(cell: Cell): Promise<void> {
  const redis = new Redis(cell.redisUrl);
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}

/** A log that only grows is a state of its own at each moment; Redis passes over a last line that is cut short. */
function keep(cell: Cell): void {
  const { files, kept } = filesOf(cell);
  rmSync(kept, { recursive: true, force: true });
  if (existsSync(files)) cpSync(files, kept, { recursive: true });
}

function filesOf(cell: Cell): { readonly files: string; readonly kept: string } {
  const folder = join(cell.folder, 'redis');
  return { files: join(folder, 'appendonlydir'), kept: join(folder, 'kept') };
}
