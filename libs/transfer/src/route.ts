import { PermanentError, stepOf, type LockedRestore, type Segment, type Step, type StepId } from '@landfall/domain';
import { QUEUES, workerQueue, WORKERS_LAUNCHED } from '@landfall/pipeline';

/** Where the segments of a restore's disks are worked on. */
export interface Route {
  readonly queue: string;
  /** Names of the disks whose segments travel on it. */
  readonly disks: readonly string[];
  /** Null for the pool. */
  readonly workerId: string | null;
  /** Segments that may be handed out at one time: enough that no data-mover waits for the books. */
  readonly window: number;
}

const WORKER_WINDOW = 24;
const POOL_WINDOW = 96;

/**
 * One route for each worker, or the pool for a direct transfer.
 * @throws PermanentError `STEP_OUTPUT_MISSING` when a disk of the plan is attached to no worker
 */
export function routesOf(restore: LockedRestore): readonly Route[] {
  const disks = restore.plan?.disks.map((disk) => disk.name) ?? [];
  if (isDirect(restore)) {
    return [{ queue: QUEUES.moverPool, disks, workerId: null, window: POOL_WINDOW }];
  }
  const launched = WORKERS_LAUNCHED.safeParse(knownStep(restore, 'launch-worker').output);
  const routes = (launched.data?.workers ?? []).map((worker) => ({
    queue: workerQueue(worker.workerId),
    disks: worker.disks.map((disk) => disk.name),
    workerId: worker.workerId,
    window: WORKER_WINDOW,
  }));
  const left = disks.find((disk) => !routes.some((route) => route.disks.includes(disk)));
  if (left !== undefined) throw stranded(restore, left);
  return routes;
}

/** @throws PermanentError `STEP_OUTPUT_MISSING` as `routesOf` does, and for a disk that is not in the plan */
export function routeOf(restore: LockedRestore, segment: Pick<Segment, 'diskName'>): Route {
  const route = routesOf(restore).find((candidate) => candidate.disks.includes(segment.diskName));
  if (route === undefined) throw stranded(restore, segment.diskName);
  return route;
}

/** Step 5 as the books have it. */
export function transferStep(restore: LockedRestore): Step {
  return knownStep(restore, 'restore-data');
}

/** Whether segments are wanted: the restore goes forward and step 5 has begun and not ended. */
export function isMoving<R extends LockedRestore>(restore: R | null): restore is R {
  return restore?.state === 'running' && transferStep(restore).state === 'running';
}

/** Written through the disks' SAS, by the pool. */
export function isDirect(restore: LockedRestore): boolean {
  return restore.plan?.options.transfer === 'direct';
}

function knownStep(restore: LockedRestore, id: StepId): Step {
  const step = stepOf(restore, id);
  if (step !== undefined) return step;
  throw new PermanentError({
    code: 'STEP_OUTPUT_MISSING',
    message: `The books of restore ${restore.id} know no step ${id}.`,
    fix: 'Start the restore anew; report this with the log of the planner.',
  });
}

function stranded(restore: LockedRestore, diskName: string): PermanentError {
  return new PermanentError({
    code: 'STEP_OUTPUT_MISSING',
    message: `The disk "${diskName}" of restore ${restore.id} is attached to no worker.`,
    fix: 'Start the restore anew; report this with the log of the provisioner.',
  });
}
