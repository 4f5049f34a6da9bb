import { detailsOf, LandfallError } from '@landfall/domain';
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
import type { SegmentGrant } from '@landfall/transfer';
import { DelayedError, type Job, Worker } from 'bullmq';
import { type ApiClient, NotWelcomeError } from '../session/api-client.js';
import type { WriterLease } from '../session/writer-lease.js';
import { runSegment, type SegmentWork } from '../transfer/segment.js';
import { claimSegment, HolderStaysError } from './claim.js';
import { Lease } from './lease.js';
import { type Granted, reportable, type Reports } from './reports.js';

/*
 * Takes segments from the queue, one claim each.
 *
 *   job → claim at the API → done or stale: drop the job
 *                          → not now: put the job off
 *                          → granted: work, then a report to the API, and once that is answered the job ends
 *
 * The lock on the job is renewed while it is in hand, the claim and the report included. Who loses it (or can't renew it in
 * time) stops, and reports no more than that it has: the segment is somebody else's. A process without its lease stops
 * everything. On shutdown no more jobs are taken, those in hand get a moment to end, and the rest is given back.
 *
 * But what was found out about a disk or a backup for good is reported as that, whatever else has come to an end meanwhile: a
 * device that is about to fail hangs first, and locks and leases run out beside it.
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
  readonly api: Pick<ApiClient, 'claim'>;
  readonly reports: Pick<Reports, 'send' | 'deliverOf' | 'deliverVerdicts'>;
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
      (job: Job, token?: string, lost?: AbortSignal) => this.#handle(job, token, lost ?? new AbortController().signal),
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
  async #handle(job: Job, token: string | undefined, lost: AbortSignal): Promise<void> {
    const { segmentId } = SEGMENT_JOB.parse(job.data);
    const earlier = this.#inHand.get(segmentId) ?? Promise.resolve();
    const run = earlier.then(() => this.#run(job, token, lost));
    const ended = run.catch(() => undefined);
    this.#inHand.set(segmentId, ended);
    try {
      await run;
    } finally {
      if (this.#inHand.get(segmentId) === ended) this.#inHand.delete(segmentId);
    }
  }

  async #run(job: Job, token: string | undefined, lost: AbortSignal): Promise<void> {
    const lease = new Lease(LOCK_MS, LEASE_MARGIN_MS);
    const signal = AbortSignal.any([lost, this.#stop.signal, this.options.writer.lost]);
    this.#leases.set(job.id ?? '', lease);
    try {
      const grant = await this.#claim(job, token, signal);
      if (grant !== null) await this.#work(grant, lease, lost, signal);
    } finally {
      this.#leases.delete(job.id ?? '');
    }
  }

  /** Null: there is nothing to do. @throws DelayedError when the job was put off */
  async #claim(job: Job, token: string | undefined, signal: AbortSignal): Promise<SegmentGrant | null> {
    const { log, reports, onNotWelcome } = this.options;
    const { segmentId, epoch } = SEGMENT_JOB.parse(job.data);
    try {
      if (this.#closing) throw new Error('The data-mover stops.');
      await reports.deliverVerdicts(signal);
      const onRetry = (error: unknown): void =>
        log.warn({ segmentId, error: detailsOf(error) }, 'Claiming again soon.');
      const ports = { ...this.options, deliverOf: (mover: string) => reports.deliverOf(mover, signal) };
      return await claimSegment(ports, segmentId, epoch, signal, onRetry);
    } catch (error) {
      const code = error instanceof LandfallError ? error.code : null;
      if (code === 'SEGMENT_DONE' || code === 'SEGMENT_STALE') {
        log.info({ segmentId, epoch, code }, 'Job dropped.');
        return null;
      }
      if (error instanceof NotWelcomeError) {
        onNotWelcome(error);
        throw error;
      }
      if (error instanceof HolderStaysError && (await this.#holderStays(segmentId, error))) return null;
      log.warn({ segmentId, epoch, error: detailsOf(error) }, 'The segment was not claimed; its job is put off.');
      return putOff(job, token);
    }
  }

  /** Returns whether the API has taken note: it hands the segment out anew, or leaves it to a person. */
  async #holderStays(segmentId: string, { held, cause }: HolderStaysError): Promise<boolean> {
    const { code, facts } = reportable(cause);
    const granted = { segmentId, restoreId: held.restoreId, epoch: held.epoch };
    const result = { kind: 'failed', code, facts } as const;
    return (await this.options.reports.send(granted, result, this.#leave.signal, held.heldBy)) === true;
  }

  async #work(grant: SegmentGrant, lease: Lease, lost: AbortSignal, signal: AbortSignal): Promise<void> {
    const { log, reports, writer, crash } = this.options;
    const { segmentId, restoreId, epoch, purpose } = grant;
    const granted = { segmentId, restoreId, epoch };
    await crash?.(`step05.${purpose}.afterClaim`);
    const begun = performance.now();
    try {
      const { warnings, ...bytes } = await runSegment(grant, this.options, signal, () => {
        lease.assertHeld();
        writer.assertHeld();
      });
      const milliseconds = performance.now() - begun;
      await crash?.(`step05.${purpose}.afterWork`);
      const counted = await reports.send(
        granted,
        { kind: 'done', ...bytes, milliseconds, ...(warnings.length === 0 ? {} : { warnings: [...warnings] }) },
        this.#leave.signal,
      );
      await crash?.(`step05.${purpose}.afterReport`);
      const took = Math.round(milliseconds);
      log.info({ ...granted, purpose, ...bytes, warnings, milliseconds: took, counted }, 'Segment done.');
    } catch (error) {
      await this.#failed(granted, error, lost);
    }
  }

  async #failed(granted: Granted, error: unknown, lost: AbortSignal): Promise<void> {
    const { log, reports, writer, crash, onNotWelcome } = this.options;
    if (error instanceof NotWelcomeError) {
      onNotWelcome(error);
      throw error;
    }
    const { code, facts, kind } = reportable(error);
    const isLockLost = lost.aborted || (error instanceof LandfallError && error.code === 'LEASE_LOST');
    if (kind === 'retryable') {
      if (writer.lost.aborted) {
        log.warn(granted, 'The lease was lost; the segment is left to others.');
        throw error;
      }
      const givenBack = isLockLost ? 'LOCK_LOST' : this.#closing ? 'MOVER_STOPPED' : null;
      if (givenBack !== null) {
        log.info({ ...granted, code: givenBack }, 'Segment given back.');
        await reports.send(granted, { kind: 'given-back', code: givenBack }, this.#leave.signal);
        return;
      }
    }
    log.error({ ...granted, err: error }, kind === 'retryable' ? 'Segment failed.' : 'Segment failed for good.');
    await crash?.('step05.failed.beforeReport');
    await reports.send(granted, { kind: 'failed', code, facts }, this.#leave.signal);
    await crash?.('step05.failed.afterReport');
  }
}

const PUT_OFF_MS = 1_000;

/** Back to the queue, for whoever takes it then. One whose lock was lost is somebody else's already. */
async function putOff(job: Job, token: string | undefined): Promise<never> {
  await job.moveToDelayed(Date.now() + PUT_OFF_MS, token);
  throw new DelayedError();
}
