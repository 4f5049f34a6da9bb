import type { Cell } from '../live/cell.js';
import { order, atRest, takeAway, type OrderOptions } from '../live/restores.js';
import { PATIENCE_MS, restoreTrial, when, type Trial } from '../live/trial.js';
import { isOver, PLACES } from './steps.js';

/*
 * F1 and F2: processes that die at every point that they come by.
 *
 * The points are not listed anywhere: an undisturbed restore by each way, and its removal, leave a trace of them. A point
 * counts as tried when the process that came to it has really died there.
 */
export interface Point {
  readonly name: string;
  readonly transfer: 'worker' | 'direct';
  /** On the way back. */
  readonly back: boolean;
}

/** Each point once, in the order in which a restore comes by it. */
export async function enumeratePoints(cell: Cell): Promise<readonly Point[]> {
  const points: Point[] = [];
  const known = new Set<string>();
  const add = (transfer: Point['transfer'], back: boolean): void => {
    for (const name of cell.trace) {
      if (known.has(name)) continue;
      known.add(name);
      points.push({ name, transfer, back });
    }
  };
  for (const transfer of ['worker', 'direct'] as const) {
    cell.forgetTrace();
    const restore = await atRest(cell, await order(cell, { transfer }), PATIENCE_MS);
    if (restore.state !== 'completed') {
      throw new Error(`The undisturbed restore is ${restore.state}: ${restore.error?.message ?? 'no error'}`);
    }
    add(transfer, false);
    cell.forgetTrace();
    await takeAway(cell, restore, PATIENCE_MS);
    add(transfer, true);
  }
  return points;
}

export function killTrial(point: Point): Trial {
  return dyingTrial('F1', `kill at ${point.name}`, point, [point.name]);
}

/**
 * The second one dies at the next point that the work comes by, whoever has taken it over; when a step's end was written
 * down, that is one of the next step. After the very last end nothing is left to recover.
 */
export function killTwiceTrials(points: readonly Point[]): readonly Trial[] {
  return points
    .filter(({ name }) => !VERY_LAST.includes(name))
    .map((point) => {
      // Where nothing of the kind follows, the next point of any kind.
      const [about = ''] = point.name.split('.');
      const goesOn = PLACES.some((place) => place === about) && !point.name.endsWith('.done.afterCommit');
      const again = goesOn ? `${about}.*` : '*';
      return dyingTrial('F2', `kill at ${point.name}, and again at ${again}`, point, [point.name, again]);
    });
}

const VERY_LAST = ['attach-disks.done.afterCommit', 'remove-created.done.afterCommit'];

function dyingTrial(fault: string, name: string, point: Point, armed: readonly string[]): Trial {
  const options: OrderOptions = { transfer: point.transfer };
  const way = point.transfer === 'direct' ? ' (direct)' : '';
  return {
    fault,
    name: `${name}${way}`,
    run: (cell) =>
      restoreTrial(cell, {
        ...options,
        duringClean: point.back,
        prepare: () => cell.arm(armed),
        async disturb(_, restoreId) {
          const at = await when(
            () => cell.armed.length === 0,
            () => isOver(cell, restoreId, point.back),
          );
          return { at };
        },
      }),
  };
}
