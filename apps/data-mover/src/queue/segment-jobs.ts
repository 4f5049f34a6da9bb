import { detailsOf, LandfallError } from '@landfall/domain';
import type { CrashHook, SEGMENT_JOB } from '@landfall/pipeline';
import type { SegmentGrant, SegmentResult } from '@landfall/transfer';
import type { z } from 'zod';
import { type ApiClient, NotWelcomeError } from '../session/api-client.js';
import type { WriterLease } from '../session/writer-lease.js';
import type { SegmentOutcome } from '../transfer/segment.js';
import { claimSegment, HolderStaysError } from './claim.js';
import { Lease } from './lease.js';
import { type Granted, reportable, type Reports } from './reports.js';

/*
 * What is done with a job, whatever queue it comes from.
 *
 *   job → claim at the API → done or stale: drop the job
 *                          → not now: put the job off
 *                          → granted: work, then a report to the API, and once that is answered the job ends
 *
 * Who loses the lock on the job (or can't renew it in time) stops, and reports no more than that: the segment is somebody
 * else's. A process without its lease stops everything.
 *
 * But what was found out about a disk or a backup for good is reported as that, whatever else has come to an end meanwhile: a
 * device that is about to fail hangs first, and locks and leases run out beside it.
 */
export const LOCK_MS = 15_000;
const LEASE_MARGIN_MS = 3_000;
const PUT_OFF_MS = 1_000;

export interface SegmentJob {
  readonly id: string;
  readonly data: z.infer<typeof SEGMENT_JOB>;
  /** Back to the queue, for whoever takes it then; throws what makes the queue believe it. */
  putOff(milliseconds: number): Promise<never>;
}

export interface SegmentJobsOptions {
  /** `name/instance`. */
  readonly mover: string;
  readonly api: Pick<ApiClient, 'claim'>;
  readonly reports: Pick<Reports, 'send' | 'deliverOf' | 'deliverVerdicts'>;
  /** This process' right to write anything at all. */
  readonly writer: Pick<WriterLease, 'assertHeld' | 'lost'>;
  /** Returns when another data-mover, whose lease ran out, writes nothing any more. */
  readonly seeGone: (mover: string) => Promise<void>;
  /** Does what was granted; `mayWrite` is asked right before each write. */
  readonly run: (grant: SegmentGrant, signal: AbortSignal, mayWrite: () => void) => Promise<SegmentOutcome>;
  readonly log: MoverLog;
  /** Told of the points at which tests let the process die. */
  readonly crash?: CrashHook | null;
  /** The API no longer accepts this data-mover. */
  readonly onNotWelcome: (error: NotWelcomeError) => void;
}

export interface MoverLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export class SegmentJobs {
  readonly #leases = new Map<string, Lease>();
  /** The latest run of each segment in hand: its successor waits for its end. */
  readonly #inHand = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  /** Ends even the waiting for an answer to a report. */
  readonly #leave = new AbortController();
  #closing = false;

  constructor(private readonly options: SegmentJobsOptions) {}

  /** The lock on the job was renewed. */
  renewed(jobId: string): void {
    this.#leases.get(jobId)?.renewed();
  }

  /** Whether nothing is being written any more. */
  get isIdle(): boolean {
    return this.#inHand.size === 0;
  }

  /** What comes in now is put off; what is in hand goes on. */
  close(): void {
    this.#closing = true;
  }

  /** What is in hand is given back. */
  giveBack(): void {
    this.#stop.abort(new Error('The data-mover stops.'));
  }

  /** Whatever is still to be told is left to the successor. */
  leave(): void {
    this.#leave.abort(new Error('The data-mover leaves.'));
  }

  /** A job may come a second time while its first run, whose lock was lost, is still about to end: one after the other. */
  async handle(job: SegmentJob, lost: AbortSignal): Promise<void> {
    const { segmentId } = job.data;
    const earlier = this.#inHand.get(segmentId) ?? Promise.resolve();
    const run = earlier.then(() => this.#run(job, lost));
    const ended = run.catch(() => undefined);
    this.#inHand.set(segmentId, ended);
    try {
      await run;
    } finally {
      if (this.#inHand.get(segmentId) === ended) this.#inHand.delete(segmentId);
    }
  }

  async #run(job: SegmentJob, lost: AbortSignal): Promise<void> {
    const lease = new Lease(LOCK_MS, LEASE_MARGIN_MS);
    const signal = AbortSignal.any([lost, this.#stop.signal, this.options.writer.lost]);
    this.#leases.set(job.id, lease);
    try {
      const grant = await this.#claim(job, signal);
      if (grant !== null) await this.#work(grant, lease, lost, signal);
    } finally {
      this.#leases.delete(job.id);
    }
  }

  /** Null: there is nothing to do. @throws what `putOff` throws when the job was put off */
  async #claim(job: SegmentJob, signal: AbortSignal): Promise<SegmentGrant | null> {
    const { log, reports, onNotWelcome } = this.options;
    const { segmentId, epoch } = job.data;
    try {
      if (this.#closing) throw new Error('The data-mover stops.');
      await reports.deliverVerdicts(signal);
      const onRetry = (error: unknown): void =>
        log.warn({ segmentId, error: detailsOf(error) }, 'Claiming again soon.');
      const ports = { ...this.options, deliverOf: (mover: string) => reports.deliverOf(mover, signal) };
      const grant = await claimSegment(ports, segmentId, epoch, signal, onRetry);
      // Whoever had it before has kept what it found out before it was gone.
      await reports.deliverVerdicts(signal);
      return grant;
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
      return job.putOff(PUT_OFF_MS);
    }
  }

  /** Returns whether the API has taken note: it hands the segment out anew, or leaves it to a person. */
  async #holderStays(segmentId: string, { held, cause }: HolderStaysError): Promise<boolean> {
    const { code, facts } = reportable(cause);
    const granted = { segmentId, restoreId: held.restoreId, epoch: held.epoch };
    const result = { kind: 'failed', code, facts } as const;
    return (await this.#tell(granted, result, held.heldBy)) === true;
  }

  async #work(grant: SegmentGrant, lease: Lease, lost: AbortSignal, signal: AbortSignal): Promise<void> {
    const { log, writer, crash } = this.options;
    const { segmentId, restoreId, epoch, purpose } = grant;
    const granted = { segmentId, restoreId, epoch };
    await crash?.(`restore-data.${purpose}.afterClaim`);
    const begun = performance.now();
    let outcome: SegmentOutcome;
    try {
      outcome = await this.options.run(grant, signal, () => {
        lease.assertHeld();
        writer.assertHeld();
      });
    } catch (error) {
      return this.#failed(granted, error, lost);
    }
    const { warnings, ...bytes } = outcome;
    const milliseconds = performance.now() - begun;
    await crash?.(`restore-data.${purpose}.afterWork`);
    const counted = await this.#tell(granted, {
      kind: 'done',
      ...bytes,
      milliseconds,
      ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
    });
    await crash?.(`restore-data.${purpose}.afterReport`);
    const took = Math.round(milliseconds);
    log.info({ ...granted, purpose, ...bytes, warnings, milliseconds: took, counted }, 'Segment done.');
  }

  async #failed(granted: Granted, error: unknown, lost: AbortSignal): Promise<void> {
    const { log, writer, crash } = this.options;
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
        await this.#tell(granted, { kind: 'given-back', code: givenBack });
        return;
      }
    }
    log.error({ ...granted, err: error }, kind === 'retryable' ? 'Segment failed.' : 'Segment failed for good.');
    await crash?.('restore-data.failed.beforeReport');
    await this.#tell(granted, { kind: 'failed', code, facts });
    await crash?.('restore-data.failed.afterReport');
  }

  /** @throws what ended the telling: the report is kept for the successor then, as it is */
  async #tell(granted: Granted, result: SegmentResult, holder?: string): Promise<boolean | null> {
    try {
      return await this.options.reports.send(granted, result, this.#leave.signal, holder);
    } catch (error) {
      if (error instanceof NotWelcomeError) this.options.onNotWelcome(error);
      throw error;
    }
  }
}
