import { stepOf, type Leases, type RestoreBooks, type Segment } from '@landfall/domain';
import { decideOnWriter, type WriterClaim, type WriterDecision } from './writers.js';

/*
 * Who may work on a segment.
 *
 * A job names a segment and an epoch. The first claim under the segment's own epoch takes it. A second claim under the
 * same epoch means that the queue gave the job out again, because whoever held it has lost its lock: the segment goes
 * over under the next epoch, so that a late result of the first holder no longer counts. Every other epoch is stale:
 * a newer job is on its way. What is done is never given out again. Before a segment goes to another process, the one that
 * had it must be gone for certain: see writers.ts.
 */
export type ClaimDecision =
  | { readonly kind: 'granted'; readonly segment: Segment }
  /** Somebody else may still write it, under the segment's epoch. */
  | (Extract<WriterDecision, { kind: 'held' }> & { readonly segment: Segment })
  /** Finished already: the job has nothing left to do. */
  | { readonly kind: 'done' }
  /** An older epoch, an unknown segment, or a restore that no longer wants it. */
  | { readonly kind: 'stale' }
  | Extract<WriterDecision, { kind: 'lost' }>;

export interface SegmentClaim {
  readonly segmentId: string;
  /** The job's. */
  readonly epoch: number;
  /** The process that claims, as it will name itself in its report. */
  readonly mover: string;
  /** Null: one of the pool. */
  readonly workerId: string | null;
}

/**
 * Decides on a claim and, where it is granted, records holder and epoch, the grant, and an event `segment.claimed`.
 * @param writers what is known of the processes that write; left out where there is but one
 */
export async function claimSegment(
  books: RestoreBooks,
  claim: SegmentClaim,
  writers?: { readonly leases: Leases; readonly claim: WriterClaim },
): Promise<ClaimDecision> {
  const segment = await books.segment(claim.segmentId);
  if (segment === null) return { kind: 'stale' };
  if (segment.state === 'done') return { kind: 'done' };
  if (segment.state === 'failed' || segment.epoch !== claim.epoch) return { kind: 'stale' };

  // The change below is guarded by the state and epoch read above: nobody else has become its writer meanwhile.
  const writer = writers && (await decideOnWriter(writers.leases, writers.claim, segment.mover));
  if (writer?.kind === 'held') return { ...writer, segment };
  if (writer?.kind === 'lost') return writer;

  const epoch = segment.state === 'running' ? segment.epoch + 1 : segment.epoch;
  const granted = await books.transaction(async (tx) => {
    const restore = await tx.lockRestore(segment.restoreId);
    const step = restore && stepOf(restore, 'restore-data');
    if (restore?.state !== 'running' || step?.state !== 'running') return false;
    const taken = await tx.moveSegment(segment.id, { from: segment.state, epoch: segment.epoch }, 'running', {
      mover: claim.mover,
      epoch,
    });
    if (!taken) return false;
    const { mover, workerId } = claim;
    await tx.addGrant({ segmentId: segment.id, epoch, restoreId: segment.restoreId, mover, workerId });
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
