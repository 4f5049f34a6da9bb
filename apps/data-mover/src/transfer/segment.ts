import type { DiskTarget } from '@landfall/domain';
import type { SegmentGrant, WarningCode } from '@landfall/transfer';
import type { Sources } from '../source/sources.js';
import { moveRange } from './move.js';
import { verifyRange } from './verify.js';

export interface SegmentWork {
  readonly sources: Sources;
  readonly openTarget: (grant: SegmentGrant) => Promise<DiskTarget>;
}

export interface SegmentOutcome {
  /** Of the backup's contents, or read back for a verification. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly bytesZero: number;
  readonly warnings: readonly WarningCode[];
}

/**
 * Does one segment: when it returns, what it wrote has been flushed, or what it read back was equal.
 *
 * @param mayWrite asked before each write; throws once this process may no longer write
 * @throws LandfallError of the source or the target; the signal's reason
 */
export async function runSegment(
  grant: SegmentGrant,
  { sources, openTarget }: SegmentWork,
  signal: AbortSignal,
  mayWrite: () => void,
): Promise<SegmentOutcome> {
  const range = { offset: grant.offsetBytes, length: grant.lengthBytes };
  return sources.use(grant, async (source, passedOver) => {
    signal.throwIfAborted();
    const target = await openTarget(grant);
    try {
      if (grant.purpose === 'move') {
        const moved = await moveRange(source, target, range, { signal, mayWrite });
        return { bytesRead: moved.bytesWritten, ...moved, warnings: passedOver() ? ['COPY_PASSED_OVER'] : [] };
      }
      const mode = grant.verify === 'full' ? 'full' : 'sampled';
      const verified = await verifyRange(source, target, range, mode, grant.segmentId, signal);
      const warnings = isReadThroughCache(target) ? (['READ_BACK_CACHED'] as const) : [];
      return { bytesRead: verified.bytesCompared, bytesWritten: 0, bytesZero: verified.bytesZero, warnings };
    } finally {
      await target.close();
    }
  });
}

/** What was read back may have come from memory, and not from the disk. */
function isReadThroughCache(target: DiskTarget): boolean {
  return target.readsPastCache === false;
}
