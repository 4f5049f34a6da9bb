import { SCANNED_REPOSITORY } from '@landfall/contract';
import { z } from 'zod';

/*
 * Queues and what travels on them. A payload holds identifiers only, never a secret: what a job needs is read from
 * the books (services) or asked from the API (data-movers).
 */
export const QUEUES = {
  planner: 'planner',
  provisioner: 'provisioner',
  finalizer: 'finalizer',
  /** Taken by provisioners, beside their own: a capture takes hours, and steps must not wait for it. */
  captures: 'captures',
  /** Taken by any data-mover of the pool (`--transfer direct`). */
  moverPool: 'mover-pool',
} as const;

const WORKER_QUEUE = 'mover-worker-';

/** Fed to the data-movers of one worker VM. */
export function workerQueue(workerId: string): string {
  return `${WORKER_QUEUE}${workerId}`;
}

/** The worker whose queue has this name; null: it is no worker's. */
export function workerOfQueue(queue: string): string | null {
  return queue.startsWith(WORKER_QUEUE) ? queue.slice(WORKER_QUEUE.length) : null;
}

/** `run-work` on the queues of planner, provisioner and finalizer. */
export const RUN_WORK = z.object({ restoreId: z.string(), work: z.string(), epoch: z.number().int() });
/** Names of the jobs on the planner's queue that are answered. */
export const PLANNER_JOBS = { dryRun: 'dry-run', scan: 'scan-repository', damage: 'look-at-damage' } as const;

/** `dry-run` on the planner's queue; the job's return value is the plan. The request was parsed by the API, and is by the planner. */
export const DRY_RUN = z.object({ request: z.record(z.string(), z.unknown()) });
/** `scan-repository` on the planner's queue; the return value is `SCAN_RESULT`. */
export const SCAN_REPOSITORY = z.object({ name: z.string() });

/** `look-at-damage` on the planner's queue; the return value is a list of `DAMAGED_RANGE`. */
export const LOOK_AT_DAMAGE = z.object({ restoreId: z.string() });

/** Jobs that answer a waiting API call: an error travels as a value, so that its code and remedy survive. */
export const ANSWER = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({
    ok: z.literal(false),
    error: z.object({ code: z.string(), message: z.string(), fix: z.string() }),
    kind: z.enum(['permanent', 'retryable', 'waiting']),
  }),
]);

export const SCAN_RESULT = SCANNED_REPOSITORY.pick({ format: true, machines: true, points: true, skipped: true });

/** `run-capture` on the queue of captures. */
export const RUN_CAPTURE = z.object({ captureId: z.string(), epoch: z.number().int() });
export const CAPTURE_JOB = 'run-capture';

/** `segment` on a mover queue. */
export const SEGMENT_JOB = z.object({ restoreId: z.string(), segmentId: z.string(), epoch: z.number().int() });

/** Job ids hold no `:` (BullMQ) and the epoch, because an id that has already ended is silently dropped. */
export function workJobId(restoreId: string, work: string, epoch: number): string {
  return `${restoreId}-${work}-${epoch}`;
}

export function captureJobId(captureId: string, epoch: number): string {
  return `${captureId}-${epoch}`;
}

export function segmentJobId(segmentId: string, epoch: number): string {
  return `${segmentId}-${epoch}`;
}
