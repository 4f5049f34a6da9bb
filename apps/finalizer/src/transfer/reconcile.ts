import type { Restore, RestoreBooks, Segment } from '@landfall/domain';
import { QUEUES, segmentJobId, segmentResultId, STEP_ATTEMPTS } from '@landfall/pipeline';
import { isMoving, isUnderWay, routeOf, routesOf, transferStep } from '@landfall/transfer';
import type { Coordinator } from './coordinator.js';
import type { DirectDisks } from './direct-disks.js';
import type { MoverResults } from './results.js';
import type { WorkerWatch } from './worker-watch.js';

/*
 * The segments' part of the reconciler: a segment that is under way must have a live job on its queue, or a result on
 * the results queue that nobody has taken yet. One that has neither was lost with Redis' memory or with its data-mover, and is
 * handed out under the next epoch. A worker none of whose data-movers was heard of for long ends the step.
 */
export interface ReconcilePorts {
  readonly books: RestoreBooks;
  readonly watch: WorkerWatch;
  /** `QueueClient` of libs/pipeline. */
  readonly jobs: { isLive(queue: string, jobId: string): Promise<boolean> };
  readonly coordinator: Coordinator;
  readonly results: MoverResults;
  readonly direct: DirectDisks;
}

/** All restores in step 5: for the hook of libs/pipeline's reconciler. */
export async function reconcileTransfers(ports: ReconcilePorts): Promise<void> {
  for (const { restoreId, work } of await ports.books.parked()) {
    if (work === 'restore-data') await reconcileTransfer(ports, restoreId);
  }
}

/** @throws RetryableError `REDIS_UNREACHABLE`, `POSTGRES_UNREACHABLE`: nothing is lost, the next pass does it */
export async function reconcileTransfer(ports: ReconcilePorts, restoreId: string): Promise<void> {
  const { books, coordinator } = ports;
  const restore = await books.restore(restoreId);
  if (!isMoving(restore)) return;
  const silent = await ports.watch.silentWorker(restore);
  if (silent !== null) {
    await giveUpOn(books, restore);
    return coordinator.fail(restore, silent);
  }
  // Only for those who read or write: the end of the step takes all access away, and what is granted beside it would stay.
  if (restore.plan?.options.transfer === 'direct' && (await underWay(books, restore)).length > 0) {
    const step = transferStep(restore);
    await ports.direct.keepOpen(restore, books.journal(restoreId, step.id, step.epoch));
  }
  await handOutLost(ports, restore);
  await coordinator.proceed(restoreId);
}

/** What is under way and has neither a live job nor a result that waits. */
export async function handOutLost(ports: ReconcilePorts, restore: Restore): Promise<void> {
  for (const segment of await underWay(ports.books, restore)) {
    if (await hasLiveJob(ports, restore, segment)) continue;
    const why = {
      code: 'JOB_LOST',
      message: 'its job was no longer in the queue.',
      fix: 'Nothing has to be done: it is on its way again.',
    };
    if (segment.state === 'running') await ports.results.lost(restore, segment, why);
    else await ports.results.handOutAgain(restore, segment, why, { writerMayLive: true });
  }
}

/** At most a window for each route and purpose. */
async function underWay(books: RestoreBooks, restore: Restore): Promise<readonly Segment[]> {
  const limit = 2 * routesOf(restore).reduce((sum, route) => sum + route.window, 0);
  const lists = await Promise.all([
    books.segments(restore.id, { states: ['running'] }),
    ...restore.disks.map((disk) => books.segments(restore.id, { diskName: disk.name, states: ['pending'], limit })),
  ]);
  return lists.flat().filter(isUnderWay);
}

async function hasLiveJob(ports: ReconcilePorts, restore: Restore, segment: Segment): Promise<boolean> {
  const { queue } = routeOf(restore, segment);
  const { id, epoch } = segment;
  const places: [string, string][] = [
    [queue, segmentJobId(id, epoch)],
    [QUEUES.moverResults, segmentResultId(id, epoch)],
  ];
  // A job that was delivered a second time is held under the epoch after its own.
  if (segment.state === 'running' && epoch > 0) places.unshift([queue, segmentJobId(id, epoch - 1)]);
  for (const [name, jobId] of places) if (await ports.jobs.isLive(name, jobId)) return true;
  return false;
}

/** The silence was long enough: the step's own attempts would only repeat it. */
async function giveUpOn(books: RestoreBooks, restore: Restore): Promise<void> {
  const step = transferStep(restore);
  const guard = { from: step.state, epoch: step.epoch };
  await books.transaction((tx) => tx.moveStep(restore.id, step.id, guard, 'running', { attempts: STEP_ATTEMPTS - 1 }));
}
