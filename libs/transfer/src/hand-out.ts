import type { RestoreBooks, RestoreTransaction, Segment } from '@landfall/domain';
import { segmentJobId } from '@landfall/pipeline';
import { isMoving, type Route } from './route.js';

/*
 * Handing segments out, a window at a time.
 *
 * A segment that was never handed out is pending with epoch 0; handing it out raises the epoch and writes the job to the
 * outbox in the same transaction. So what is under way on a route is what is running, or pending under a higher
 * epoch; the window says how much of it there may be. Among the rest, the disks with the least under way come first, because
 * several disks together take more than one alone.
 */
export const SEGMENT_JOB_NAME = 'segment';

/** Fills the route's window with segments of this purpose. Returns how many were handed out. */
export async function fillWindow(
  books: RestoreBooks,
  restoreId: string,
  route: Route,
  purpose: Segment['purpose'],
): Promise<number> {
  const perDisk = await Promise.all(
    route.disks.map((diskName) =>
      // Twice the window: at most one window of them is under way, so another one of candidates is left.
      books.segments(restoreId, { purpose, diskName, states: ['pending', 'running'], limit: 2 * route.window }),
    ),
  );
  const chosen = chooseNext(perDisk, route.window);
  if (chosen.length === 0) return 0;
  return books.transaction(async (tx) => {
    if (!isMoving(await tx.lockRestore(restoreId))) return 0;
    let handedOut = 0;
    for (const segment of chosen) if (await handOut(tx, segment, route.queue)) handedOut += 1;
    return handedOut;
  });
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
    jobId: segmentJobId(segment.id, epoch),
    name: SEGMENT_JOB_NAME,
    payload: { restoreId: segment.restoreId, segmentId: segment.id, epoch },
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
