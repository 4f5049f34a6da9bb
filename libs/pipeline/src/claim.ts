import type { RestoreBooks, Segment } from '@landfall/domain';

/*
 * Who may work on a segment.
 *
 * A job names a segment and an epoch. The first claim under the segment's own epoch takes it. A second claim under the
 * same epoch means that the queue gave the job out again, because whoever held it has lost its lock: the segment goes
 * over under the next epoch, so that a late result of the first holder no longer counts. Every other epoch is stale:
 * a newer job is on its way. What is done is never given out again.
 */
export type ClaimDecision =
  | { readonly kind: 'granted'; readonly segment: Segment }
  /** Finished already: the job has nothing left to do. */
  | { readonly kind: 'done' }
  /** An older epoch, an unknown segment, or a restore that no longer wants it. */
  | { readonly kind: 'stale' };

export interface SegmentClaim {
  readonly segmentId: string;
  /** The job's. */
  readonly epoch: number;
  /** The process that claims, as it will name itself in its result. */
  readonly mover: string;
}

/** Decides on a claim and, where it is granted, records holder and epoch and an event `segment.claimed`. */
export async function claimSegment(books: RestoreBooks, claim: SegmentClaim): Promise<ClaimDecision> {
  const segment = await books.segment(claim.segmentId);
  if (segment === null) return { kind: 'stale' };
  if (segment.state === 'done') return { kind: 'done' };
  if (segment.state === 'failed' || segment.epoch !== claim.epoch) return { kind: 'stale' };

  const epoch = segment.state === 'running' ? segment.epoch + 1 : segment.epoch;
  const granted = await books.transaction(async (tx) => {
    const restore = await tx.lockRestore(segment.restoreId);
    const step = restore?.steps.find((candidate) => candidate.id === 'restore-data');
    if (restore?.state !== 'running' || step?.state !== 'running') return false;
    const taken = await tx.moveSegment(segment.id, { from: segment.state, epoch: segment.epoch }, 'running', {
      mover: claim.mover,
      epoch,
    });
    if (!taken) return false;
    await tx.addEvent(
      segment.restoreId,
      'segment.claimed',
      `Segment ${segment.index} of disk "${segment.diskName}" (${segment.purpose}) was taken by ${claim.mover}.`,
      {
        segmentId: segment.id,
        disk: segment.diskName,
        purpose: segment.purpose,
        index: segment.index,
        epoch,
        mover: claim.mover,
      },
    );
    return true;
  });
  if (!granted) return { kind: 'stale' };
  return { kind: 'granted', segment: { ...segment, state: 'running', epoch, mover: claim.mover } };
}
