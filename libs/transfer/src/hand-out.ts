import type { LockedRestore, RestoreTransaction, Segment, SegmentToHandOut } from '@landfall/domain';
import { segmentJobId } from '@landfall/pipeline';
import { routesOf } from './route.js';

/*
 * Handing segments out, a window at a time.
 *
 * A segment that was never handed out is pending with epoch 0; handing it out raises the epoch and writes the job to the
 * outbox in the same transaction. So what is under way on a route is what is running, or pending under a higher
 * epoch; the window says how much of it there may be. Among the rest, the disks with the least under way come first, because
 * several disks together take more than one alone.
 */
export const SEGMENT_JOB_NAME = 'segment';

/**
 * Fills the window of each of the restore's routes with segments of this purpose.
 * @returns whether any of them is under way then
 */
export async function fillWindows(
  tx: RestoreTransaction,
  restore: LockedRestore,
  purpose: Segment['purpose'],
): Promise<boolean> {
  const routes = routesOf(restore);
  const unfinished = await tx.unfinishedSegments(restore.id, {
    purpose,
    disks: routes.flatMap((route) => route.disks),
    // Twice the window: at most one window of them is under way, so another one of candidates is left.
    perDisk: 2 * Math.max(...routes.map((route) => route.window)),
  });
  if (unfinished.length === 0) return false;
  const chosen = routes.flatMap(({ disks, queue, window }) => {
    const perDisk = disks.map((name) => unfinished.filter((segment) => segment.diskName === name));
    return chooseNext(perDisk, window).map((segment) => jobFor(segment, queue));
  });
  if (chosen.length > 0) await tx.handOut(chosen);
  return true;
}

function jobFor(segment: Segment, queue: string): SegmentToHandOut {
  return { segment, queue, ...jobOf(segment, segment.epoch + 1) };
}

function jobOf({ id, restoreId }: Segment, epoch: number) {
  return {
    jobId: segmentJobId(id, epoch),
    name: SEGMENT_JOB_NAME,
    payload: { restoreId, segmentId: id, epoch },
  };
}

export interface HandOutAgain {
  readonly attempts?: number;
  readonly delayMs?: number;
  /** Nobody has said that its run has ended: the segment keeps naming who had it, until that one is seen gone. */
  readonly writerMayLive?: boolean;
}

/** Sends a segment out under the next epoch; every job that was sent for it before is stale from then on. */
export async function handOut(
  tx: RestoreTransaction,
  segment: Segment,
  queue: string,
  again: HandOutAgain = {},
): Promise<boolean> {
  const epoch = segment.epoch + 1;
  const attempts = again.attempts ?? segment.attempts;
  const guard = { from: segment.state, epoch: segment.epoch };
  if (
    !(await tx.moveSegment(segment.id, guard, 'pending', {
      epoch,
      attempts,
      ...(again.writerMayLive ? {} : { mover: null }),
    }))
  )
    return false;
  await tx.enqueue({
    queue,
    ...jobOf(segment, epoch),
    ...(again.delayMs === undefined ? {} : { delayMs: again.delayMs }),
  });
  return true;
}

export function isUnderWay(segment: Segment): boolean {
  return segment.state === 'running' || (segment.state === 'pending' && segment.epoch > 0);
}

/** Which segments to hand out next; `perDisk` holds each disk's unfinished ones. */
export function chooseNext(perDisk: readonly (readonly Segment[])[], window: number): readonly Segment[] {
  let free = window;
  const candidates: { readonly segment: Segment; readonly rank: number }[] = [];
  for (const segments of perDisk) {
    const underWay = segments.filter(isUnderWay).length;
    free -= underWay;
    const waiting = segments.filter((segment) => !isUnderWay(segment)).sort((left, right) => left.index - right.index);
    for (const [position, segment] of waiting.entries()) candidates.push({ segment, rank: underWay + position });
  }
  candidates.sort((left, right) => left.rank - right.rank);
  return candidates.slice(0, Math.max(0, free)).map((candidate) => candidate.segment);
}
