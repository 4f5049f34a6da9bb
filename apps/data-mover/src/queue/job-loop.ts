import type { Logger } from '@landfall/observability';
import { KEEP_ENDED_JOBS, patientConnection, queuePrefix, type RedisSettings, withDeadline } from '@landfall/pipeline';
import { DelayedError, type Job, Worker } from 'bullmq';
import { LOCK_MS, type SegmentJob, SegmentJobs, type SegmentJobsOptions } from './segment-jobs.js';

/*
 * Takes jobs from the queue and keeps their locks while they are in hand, the claim and the report included. On shutdown no
 * more are taken, those in hand get a moment to end, and the rest is given back.
 */
const LOOK_FOR_STALLED_EVERY_MS = 5_000;
const FINISH_WITHIN_MS = 3_000;
const GIVE_BACK_WITHIN_MS = 3_000;
const LEAVE_WITHIN_MS = 2_000;
const WARN_EVERY_MS = 10_000;

export interface JobLoopOptions extends SegmentJobsOptions {
  readonly redis: RedisSettings;
  readonly queue: string;
  readonly concurrency: number;
  readonly log: Logger;
}

export class JobLoop {
  readonly #worker: Worker;
  readonly #connection;
  readonly #jobs: SegmentJobs;
  #warned = { message: '', at: 0 };

  constructor(private readonly options: JobLoopOptions) {
    this.#jobs = new SegmentJobs(options);
    this.#connection = patientConnection(options.redis);
    this.#worker = new Worker(
      options.queue,
      (job: Job, token?: string, lost?: AbortSignal) =>
        this.#jobs.handle(segmentJob(job, token), lost ?? new AbortController().signal),
      {
        connection: this.#connection,
        prefix: queuePrefix(options.redis),
        concurrency: options.concurrency,
        lockDuration: LOCK_MS,
        stalledInterval: LOOK_FOR_STALLED_EVERY_MS,
        maxStalledCount: 1_000_000,
        ...KEEP_ENDED_JOBS,
      },
    );
    this.#worker.on('locksRenewed', ({ jobIds }) => jobIds.forEach((id) => this.#jobs.renewed(id)));
    this.#worker.on('lockRenewalFailed', (jobIds) => {
      for (const id of jobIds) this.#worker.cancelJob(id, 'its lock was lost');
    });
    this.#worker.on('error', (error) => this.#warn(error));
  }

  /** Returns within 10 s, whatever state Redis and the API are in. */
  async close(): Promise<void> {
    this.#jobs.close();
    // Takes nothing more and waits for what is in hand; a job that is just coming in is given back at once.
    const closed = this.#worker.close();
    closed.catch(() => undefined);
    // Without Redis, or once its door is shut, BullMQ's own end would wait for it; with nothing in hand there is nothing to wait for.
    if (this.#jobs.isIdle && this.#connection.status !== 'ready') return this.#connection.disconnect();
    await withDeadline(closed, FINISH_WITHIN_MS).catch(() => undefined);
    this.#jobs.giveBack();
    await withDeadline(closed, GIVE_BACK_WITHIN_MS).catch(() => undefined);
    this.#jobs.leave();
    await withDeadline(closed, LEAVE_WITHIN_MS).catch(() => undefined);
    this.#connection.disconnect();
  }

  /** Whether nothing is being written any more. */
  get isIdle(): boolean {
    return this.#jobs.isIdle;
  }

  /** Without Redis there is an error for every try to connect: one of a kind in ten seconds says as much. */
  #warn(error: Error): void {
    const now = performance.now();
    if (error.message === this.#warned.message && now - this.#warned.at < WARN_EVERY_MS) return;
    this.#warned = { message: error.message, at: now };
    this.options.log.warn({ error: error.message }, 'The queue reports an error.');
  }
}

function segmentJob(job: Job, token: string | undefined): SegmentJob {
  return {
    id: job.id ?? '',
    data: job.data,
    async putOff(milliseconds) {
      // One whose lock was lost is somebody else's already: this throws then, too.
      await job.moveToDelayed(Date.now() + milliseconds, token);
      throw new DelayedError();
    },
  };
}
