import { DISK_FAULTS, VERDICTS, type DiskFault } from '../afflictions/plan.js';
import { restoreTrial, type Trial } from '../live/trial.js';

/*
 * F8: the disk that is written fails, is full, takes less than it was given, loses what it was to keep, says that it has
 * what it has not, or shows what it does not hold. Once, at the first call of its kind or at a later one.
 */
/** Not more: of two data-movers with four segments to flush one has two, and perhaps none has three. */
const AFTER = [0, 1];

export function targetTrials(): readonly Trial[] {
  return DISK_FAULTS.flatMap((kind) => AFTER.map((after) => targetTrial({ kind, after })));
}

function targetTrial(disk: DiskFault): Trial {
  const code = VERDICTS[disk.kind];
  return {
    fault: 'F8',
    name: `${disk.kind} of a worker's disk${disk.after === 0 ? '' : `, after ${disk.after} that went well`}`,
    async run(cell) {
      try {
        const outcome = await restoreTrial(cell, {
          verify: 'full',
          ...(code === null ? {} : { ends: ['failed'], code }),
          prepare: () => cell.afflict({ disk }),
          disturb: () => Promise.resolve({ at: performance.now() }),
        });
        return { ...outcome, reached: cell.struck.length > 0 };
      } finally {
        cell.relieve();
      }
    },
  };
}
