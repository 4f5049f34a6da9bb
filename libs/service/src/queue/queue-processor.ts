import type { JobInHand } from '@landfall/domain';
import { KEEP_ENDED_JOBS, type ServiceLog, withDeadline } from '@landfall/pipeline';
import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import type { z } from 'zod';
import type { LeavableWorker } from './leavable-worker.js';

const LOCK_MS = 15_000;
const LOOK_FOR_STALLED_EVERY_MS = 5_000;
const WARN_EVERY_MS = 10_000;

export interface TakingOptions {
  /** Jobs in hand at once. */
  readonly concurrency: number;
  /** When a job counts as left by its process, and how often that is looked for; 15 s and 5 s when left out. */
  readonly locks?: { readonly lockMs: number; readonly lookEveryMs: number };
}

/** Marks the processor of a queue. */
export function TakesJobsOf(queue: string, { concurrency, locks }: TakingOptions): ClassDecorator {
  return Processor(
    { name: queue },
    {
      concurrency,
      lockDuration: locks?.lockMs ?? LOCK_MS,
      stalledInterval: locks?.lookEveryMs ?? LOOK_FOR_STALLED_EVERY_MS,
      // A crash is counted in Postgres; the queue must never give a job up because of it.
      maxStalledCount: 1_000_000,
      ...KEEP_ENDED_JOBS,
    },
  ) as ClassDecorator;
}

/** What happens once a time has run out in which the jobs in hand may end. */
export interface Patience {
  readonly withinMs: number;
  then(): void;
}

/**
 * Takes the jobs of a queue, and adds to BullMQ what it lacks:
 *
 * - BullMQ tells that the lock on a job is lost, and lets the run go on beside its successor: here it is told to stop.
 * - A job whose payload is not what its name promises is refused, and said to be.
 * - Its end waits for Redis, for as long as it is away: here it is left after a while, and at once with nothing in hand.
 */
export abstract class QueueProcessor<P> extends WorkerHost<LeavableWorker> implements BeforeApplicationShutdown {
  readonly #log: Pick<ServiceLog, 'warn' | 'error'>;
  #inHand = 0;
  #warned = { message: '', at: 0 };

  protected constructor(log: Pick<ServiceLog, 'warn' | 'error'>) {
    super();
    this.#log = log;
  }

  /** What a job of this name carries; null: there is none of this name, it is dropped. */
  protected abstract payloadOf(name: string): z.ZodType<P> | null;

  /** What it returns is kept with the job for a while. */
  protected abstract handle(job: JobInHand<P>): Promise<unknown>;

  /** No more jobs come from now on. */
  protected abstract onLeaving(): void;

  /** How long the jobs in hand are waited for on leaving, again and again. */
  protected abstract readonly patience: readonly Patience[];

  /** The lock on a job was renewed. */
  protected onRenewed(_jobId: string): void {
    // Of interest to whoever keeps a clock of its own.
  }

  /** Whether no job is in hand. */
  get isIdle(): boolean {
    return this.#inHand === 0;
  }

  // BullMQ gives the signal to whoever takes three arguments, and to nobody else.
  override async process(job: Job, token?: string, lost?: AbortSignal): Promise<unknown> {
    const { id = '', name, data } = job;
    const payload = this.payloadOf(name)?.safeParse(data);
    if (payload === undefined) {
      this.#log.error({ job: name }, 'A job came that this service does not know; it is dropped.');
      return 'dropped';
    }
    if (!payload.success) {
      this.#log.error(
        { job: name, jobId: id, err: payload.error },
        'A job came that says something else than it has to.',
      );
      throw new UnrecoverableError('The payload is malformed.');
    }
    this.#inHand += 1;
    try {
      return await this.handle({
        ...{ id, name, payload: payload.data, lost: lost ?? new AbortController().signal },
        putOff: (milliseconds) => putOff(job, token, milliseconds),
      });
    } finally {
      this.#inHand -= 1;
    }
  }

  /** Returns once nothing is in hand any more, and after all patience at the latest, whatever state Redis is in. */
  async beforeApplicationShutdown(): Promise<void> {
    this.onLeaving();
    // Takes nothing more and waits for what is in hand; a job that is just coming in is still handled.
    const closed = this.worker.close();
    // Without Redis, or once its door is shut, no job can come any more.
    if (!this.isIdle || this.worker.isConnected) {
      for (const { withinMs, then } of this.patience) {
        const hasEnded = await withDeadline(closed, withinMs).then(
          () => true,
          () => false,
        );
        if (hasEnded) break;
        then();
      }
    }
    this.worker.leave();
  }

  @OnWorkerEvent('lockRenewalFailed')
  protected cancel(jobIds: readonly string[]): void {
    for (const id of jobIds) this.worker.cancelJob(id, 'its lock was lost');
  }

  @OnWorkerEvent('locksRenewed')
  protected renewed({ jobIds }: { readonly jobIds: readonly string[] }): void {
    for (const id of jobIds) this.onRenewed(id);
  }

  @OnWorkerEvent('stalled')
  protected stalled(jobId: string): void {
    this.#log.warn({ jobId }, 'A job was left by its process and is given out again.');
  }

  /** Without Redis there is an error for every try to connect: one of a kind in ten seconds says as much. */
  @OnWorkerEvent('error')
  protected warn(error: Error): void {
    const now = performance.now();
    if (error.message === this.#warned.message && now - this.#warned.at < WARN_EVERY_MS) return;
    this.#warned = { message: error.message, at: now };
    this.#log.warn({ err: error }, 'The queue reports an error.');
  }
}

async function putOff(job: Job, token: string | undefined, milliseconds: number): Promise<never> {
  // One whose lock was lost is somebody else's already: this throws then, too.
  await job.moveToDelayed(Date.now() + milliseconds, token);
  throw new DelayedError();
}
