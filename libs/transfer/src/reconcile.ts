import { type JobQueues, kindOf, type Restore, type RestoreBooks, type Segment } from '@landfall/domain';
import { boundedMap, recordOutcome, segmentJobId } from '@landfall/pipeline';
import { goOn, runOf } from './coordinator.js';
import { isUnderWay } from './hand-out.js';
import { handOutLost } from './results.js';
import { isDirect, isMoving, routeOf, routesOf } from './route.js';
import type { WorkerWatch } from './worker-watch.js';

/*
 * The segments' part of the reconciler: a segment that is under way must have a live job on its queue. One that has none was lost
 * with Redis' memory or with its data-mover, and is handed out under the next epoch. A worker none of whose data-movers was
 * heard of for long ends the step.
 */
export interface ReconcilePorts {
  readonly books: RestoreBooks;
  readonly watch: WorkerWatch;
  /** `QueueClient` of libs/pipeline. */
  readonly jobs: Pick<JobQueues, 'isLive'>;
  readonly direct: DirectTransfers;
  /** Told of a restore whose pass did not come to its end; the next one does it. */
  readonly onError?: (restoreId: string, error: unknown) => void;
}

/** What a restore needs in Azure whose disks are written directly. */
export interface DirectTransfers {
  /** Sees to it that whoever reads or writes its disks can. Returns false when the step has ended in an error. */
  keepOpen(restore: Restore): Promise<boolean>;
  /** Does what comes next of it. @throws LandfallError what the books could not do; call it again */
  goOn(restoreId: string, signal?: AbortSignal): Promise<void>;
}

const AT_ONCE = 4;

/** All restores in step 5: for the hook of libs/pipeline's reconciler. One whose pass fails holds up no other. */
export async function reconcileTransfers(ports: ReconcilePorts): Promise<void> {
  const { books, onError = () => undefined } = ports;
  const parked = (await books.parked()).filter(({ work }) => work === 'restore-data');
  await boundedMap(parked, AT_ONCE, ({ restoreId }) =>
    reconcileTransfer(ports, restoreId).catch((error: unknown) => onError(restoreId, error)),
  );
}

/** @throws RetryableError `REDIS_UNREACHABLE`, `POSTGRES_UNREACHABLE`: nothing is lost, the next pass does it */
export async function reconcileTransfer(ports: ReconcilePorts, restoreId: string): Promise<void> {
  const { books } = ports;
  const restore = await books.restore(restoreId);
  if (!isMoving(restore)) return;
  try {
    const silent = await ports.watch.silentWorker(restore);
    if (silent !== null) {
      // The silence was long enough: the step's own attempts would only repeat it. Another worker has to be launched.
      await recordOutcome(books, runOf(restore), { kind: 'exhausted', error: silent, resumeFrom: 'launch-worker' });
      return;
    }
    await handOutWhatIsLost(ports, restore);
  } catch (error) {
    // What the plan does not say will not be said by the next pass.
    if (kindOf(error) !== 'permanent') throw error;
    await recordOutcome(books, runOf(restore), { kind: 'failed', error });
    return;
  }
  if (isDirect(restore) && !(await ports.direct.keepOpen(restore))) return;
  await books.transaction(async (tx) => {
    const now = await tx.lockRestore(restoreId);
    if (isMoving(now)) await goOn(tx, now);
  });
  if (isDirect(restore)) await ports.direct.goOn(restoreId);
}

/** What is under way and has no live job. */
export async function handOutWhatIsLost(
  ports: Pick<ReconcilePorts, 'books' | 'jobs'>,
  restore: Restore,
): Promise<void> {
  for (const segment of await segmentsUnderWay(ports.books, restore)) {
    if (await hasLiveJob(ports, restore, segment)) continue;
    await handOutLost(ports.books, segment, {
      code: 'JOB_LOST',
      message: 'its job was no longer in the queue.',
      fix: 'Nothing has to be done: it is on its way again.',
    });
  }
}

/** The segments that data-movers have, or are to have: at most a window for each route and purpose. */
export async function segmentsUnderWay(books: RestoreBooks, restore: Restore): Promise<readonly Segment[]> {
  const limit = 2 * routesOf(restore).reduce((sum, route) => sum + route.window, 0);
  const lists = await Promise.all([
    books.segments(restore.id, { states: ['running'] }),
    ...restore.disks.map((disk) => books.segments(restore.id, { diskName: disk.name, states: ['pending'], limit })),
  ]);
  return lists.flat().filter(isUnderWay);
}

async function hasLiveJob(
  { jobs }: Pick<ReconcilePorts, 'jobs'>,
  restore: Restore,
  { id, epoch, state, diskName }: Segment,
): Promise<boolean> {
  const { queue } = routeOf(restore, { diskName });
  // A job that was delivered a second time is held under the epoch after its own.
  if (state === 'running' && epoch > 0 && (await jobs.isLive(queue, segmentJobId(id, epoch - 1)))) return true;
  return jobs.isLive(queue, segmentJobId(id, epoch));
}
