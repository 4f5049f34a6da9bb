import { setTimeout as pause } from 'node:timers/promises';
import { restoreTrial, type Trial } from '../live/trial.js';
import { stoppedOrOver } from './steps.js';

/*
 * F9: a data-mover stands still with a segment in hand until its lock has run out and another one has the segment, and
 * then goes on as if nothing had happened.
 */
const LONGER_THAN_A_LOCK_MS = 28_000;

export function zombieTrials(): readonly Trial[] {
  const transfers = ['worker', 'direct'] as const;
  const points = ['move', 'verify'].flatMap((purpose) =>
    ['afterClaim', 'afterWork', 'afterReport'].flatMap((where) =>
      ['', '#2'].map((occurrence) => `step05.${purpose}.${where}${occurrence}`),
    ),
  );
  return transfers.flatMap((transfer) =>
    points.map((point) => ({
      fault: 'F9',
      name: `data-mover stopped at ${point} for ${LONGER_THAN_A_LOCK_MS / 1_000} s (${transfer})`,
      run: (cell) =>
        restoreTrial(cell, {
          transfer,
          prepare: () => cell.arm([`${point} stop`]),
          async disturb(_, restoreId) {
            const stopped = await stoppedOrOver(cell, restoreId);
            if (stopped === null) return { at: null };
            const at = performance.now();
            await pause(LONGER_THAN_A_LOCK_MS);
            stopped.goOn();
            return { at };
          },
        }),
    })),
  );
}
