import type { Restore } from '@landfall/domain';
import { DISK_FAULTS, type DiskFault } from '../afflictions/plan.js';
import { restoreTrial, type Trial } from '../live/trial.js';

/*
 * F8: the disk that is written fails, is full, takes less than it was given, loses what it was to keep, says that it has
 * what it has not, or shows what it does not hold. Once, at the first call of its kind or at a later one.
 */
interface Expected {
  readonly ends: readonly Restore['state'][];
  /** Of the restore's error, where it has failed. */
  readonly code?: string;
}

const EXPECTED: Readonly<Record<DiskFault['kind'], Expected>> = {
  EIO: { ends: ['failed'], code: 'TARGET_FAILED' },
  ENOSPC: { ends: ['failed'], code: 'TARGET_FULL' },
  'short write': { ends: ['completed'] },
  'failed flush': { ends: ['failed'], code: 'TARGET_FLUSH_FAILED' },
  'lost write': { ends: ['failed'], code: 'VERIFY_MISMATCH' },
  'lying read-back': { ends: ['failed'], code: 'VERIFY_MISMATCH' },
};

/** Not more: of two data-movers with four segments to flush one has two, and perhaps none has three. */
const AFTER = [0, 1];

export function targetTrials(): readonly Trial[] {
  return DISK_FAULTS.flatMap((kind) => AFTER.map((after) => targetTrial({ kind, after })));
}

function targetTrial(disk: DiskFault): Trial {
  return {
    fault: 'F8',
    name: `${disk.kind} of a worker's disk${disk.after === 0 ? '' : `, after ${disk.after} that went well`}`,
    async run(cell) {
      try {
        const outcome = await restoreTrial(cell, {
          verify: 'full',
          ...EXPECTED[disk.kind],
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
