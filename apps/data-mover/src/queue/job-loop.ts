import { detailsOf, type ErrorDetails, kindOf, LandfallError } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import {
  type CrashHook,
  KEEP_ENDED_JOBS,
  patientConnection,
  queuePrefix,
  type RedisSettings,
  SEGMENT_JOB,
  withDeadline,
} from '@landfall/pipeline';
import { type SegmentGrant } from '@landfall/transfer';
import { type Job, Worker } from 'bullmq';
import { type ApiClient, NotWelcomeError } from '../session/api-client.js';
import type { WriterLease } from '../session/writer-lease.js';
import { runSegment, type SegmentWork } from '../transfer/segment.js';
import { claimSegment } from './claim.js';
import { Lease } from './lease.js';
import type { Held, Reports } from './reports.js';

/*
 * Takes segments from the queue, one claim each.
 *
 *   job → claim at the API → done or stale: drop the job
 *                          → granted: work, then a result on the results queue, then the job ends
 *
 * The lock on the job is renewed while it is in hand, the claim included. Who loses it (or can't renew it in time) stops,
 * and reports no more than that it has: the segment is somebody else's. A process without its lease stops everything and
 * reports nothing. On shutdown no more jobs are taken, those in hand get a moment to end, and
 * the rest is given back.
 */
const LOCK_MS = 15_000;
const LEASE_MARGIN_MS = 3_000;
const LOOK_FOR_STALLED_EVERY_MS = 5_000;
const FINISH_WITHIN_MS = 3_000;
const GIVE_BACK_WITHIN_MS = 3_000;
const LEAVE_WITHIN_MS = 2_000;
const WARN_EVERY_MS = 10_000;

export interface JobLoopOptions extends SegmentWork {
  readonly redis: RedisSettings;
  readonly queue: string;
  readonly concurrency: number;
  /** `name/instance`. */
  readonly mover: string;
  readonly api: ApiClient;
  readonly reports: Reports;
  /** This process' right to write anything at all. */
  readonly writer: Pick<WriterLease, 'assertHeld' | 'lost'>;
  /** Returns when another data-mover, whose lease ran out, writes nothing any more. */
  readonly seeGone: (mover: string) => Promise<void>;
  readonly log: Logger;
  /** Told of the points at which tests let the process die. */
  readonly crash?: CrashHook | null;
  /** The API no longer accepts this data-mover. */
  readonly onNotWelcome: (error: NotWelcomeError) => void;
}

export class JobLoop {
  readonly #worker: Worker;
  readonly #connection;
  readonly #leases = new Map<string, Lease>();
  /** The latest run of each segment in hand: its successor waits for its end. */
  readonly #inHand = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  /** Ends even the waiting for Redis with a report in hand. */
  readonly #leave = new AbortController();
  #closing = false;
  #warned = { message: '', at: 0 };

  constructor(private readonly options: JobLoopOptions) {
    this.#connection = patientConnection(options.redis);
    this.#worker = new Worker(
      options.queue,
      (job: Job, _token?: string, lost?: AbortSignal) => this.#handle(job, lost ?? new AbortController().signal),
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
    this.#worker.on('locksRenewed', ({ jobIds }) => jobIds.forEach((id) => this.#leases.get(id)?.renewed()));
    this.#worker.on('lockRenewalFailed', (jobIds) => {
      for (const id of jobIds) this.#worker.cancelJob(id, 'its lock was lost');
    });
    this.#worker.on('error', (error) => this.#warn(error));
  }

  /** Returns within 10 s, whatever state Redis and the API are in. */
  async close(): Promise<void> {
    this.#closing = true;
    // Takes nothing more and waits for what is in hand; a job that is just coming in is given back at once.
    const closed = this.#worker.close();
    await withDeadline(closed, FINISH_WITHIN_MS).catch(() => undefined);
    this.#stop.abort(new Error('The data-mover stops.'));
    await withDeadline(closed, GIVE_BACK_WITHIN_MS).catch(() => undefined);
    this.#leave.abort(new Error('The data-mover leaves.'));
    await withDeadline(closed, LEAVE_WITHIN_MS).catch(() => undefined);
    this.#connection.disconnect();
  }

  /** Without Redis there is an error for every try to connect: one of a kind in ten seconds says as much. */
  #warn(error: Error): void {
    const now = performance.now();
    if (error.message === this.#warned.message && now - this.#warned.at < WARN_EVERY_MS) return;
    this.#warned = { message: error.message, at: now };
    this.options.log.warn({ error: error.message }, 'The queue reports an error.');
  }

  /** Whether nothing is being written any more. */
  get isIdle(): boolean {
    return this.#inHand.size === 0;
  }

  /** A job may come a second time while its first run, whose lock was lost, is still about to end: one after the other. */
  async #handle(job: Job, lost: AbortSignal): Promise<void> {
    const wanted = SEGMENT_JOB.parse(job.data);
    const { segmentId } = wanted;
    const earlier = this.#inHand.get(segmentId) ?? Promise.resolve();
    const run = earlier.then(() => this.#run(job, wanted, lost));
    const ended = run.catch(() => undefined);
    this.#inHand.set(segmentId, ended);
    try {
      await run;
    } finally {
      if (this.#inHand.get(segmentId) === ended) this.#inHand.delete(segmentId);
    }
  }

  async #run(job: Job, wanted: Held, lost: AbortSignal): Promise<void> {
    const { log, reports, writer, crash } = this.options;
    const { segmentId } = wanted;
    const lease = new Lease(LOCK_MS, LEASE_MARGIN_MS);
    const signal = AbortSignal.any([lost, this.#stop.signal, writer.lost]);
    const reporting = AbortSignal.any([writer.lost, this.#leave.signal]);
    let held: Held = wanted;
    this.#leases.set(job.id ?? '', lease);
    try {
      if (this.#closing) throw new Error('The data-mover stops.');
      const onRetry = (error: unknown): void =>
        log.warn({ segmentId, error: detailsOf(error) }, 'Claiming again soon.');
      const grant: SegmentGrant = await claimSegment(this.options, segmentId, wanted.epoch, signal, onRetry);
      held = { segmentId, restoreId: grant.restoreId, epoch: grant.epoch };
      await crash?.(`step05.${grant.purpose}.afterClaim`);
      const begun = performance.now();
      const outcome = await runSegment(grant, this.options, signal, () => {
        lease.assertHeld();
        writer.assertHeld();
      });
      const milliseconds = performance.now() - begun;
      await crash?.(`step05.${grant.purpose}.afterWork`);
      await reports.done(held, outcome, milliseconds, reporting);
      await crash?.(`step05.${grant.purpose}.afterReport`);
      log.info(
        { ...held, purpose: grant.purpose, ...outcome, milliseconds: Math.round(milliseconds) },
        'Segment done.',
      );
    } catch (error) {
      await this.#ended(held, error, lost, reporting);
    } finally {
      this.#leases.delete(job.id ?? '');
    }
  }

  async #ended(held: Held, error: unknown, lost: AbortSignal, reporting: AbortSignal): Promise<void> {
    const { log, reports } = this.options;
    const code = error instanceof LandfallError ? error.code : null;
    if (code === 'SEGMENT_DONE' || code === 'SEGMENT_STALE') {
      log.info({ ...held, code }, 'Job dropped.');
      return;
    }
    if (this.options.writer.lost.aborted) {
      log.warn(held, 'The lease was lost; the segment is left to others.');
      throw error;
    }
    if (lost.aborted || code === 'LEASE_LOST') {
      log.warn(held, 'The lock on the segment was lost; it is left to others.');
      await reports.failed(held, 'waiting', LOCK_LOST, reporting).catch(() => undefined);
      throw error;
    }
    if (error instanceof NotWelcomeError) {
      this.options.onNotWelcome(error);
      throw error;
    }
    if (this.#closing) {
      log.info(held, 'Segment given back.');
      return reports.failed(held, 'waiting', GIVEN_BACK, reporting);
    }
    log.error({ ...held, err: error }, 'Segment failed.');
    await reports.failed(held, kindOf(error), detailsOf(error), reporting);
  }
}

const LOCK_LOST: ErrorDetails = {
  code: 'LOCK_LOST',
  message: 'the data-mover lost its lock on the job.',
  fix: 'Nothing has to be done: it is taken up again.',
};

const GIVEN_BACK: ErrorDetails = {
  code: 'MOVER_STOPPED',
  message: 'the data-mover was told to stop.',
  fix: 'Nothing has to be done: another one takes it up.',
};
