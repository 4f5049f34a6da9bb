import { detailsOf, kindOf, LandfallError } from '@landfall/domain';
import {
  type FailureCode,
  type FailureFacts,
  failureKind,
  type FailureKind,
  isFailureCode,
  nameOfMover,
  type Report,
  reportableFacts,
  type SegmentResult,
} from '@landfall/transfer';
import { type ApiClient, NotWelcomeError } from '../session/api-client.js';
import { patiently } from '../session/patience.js';
import { isVerdict, type KeptReport, type ReportStore } from './kept-reports.js';

/** What a report is about: a grant. */
export interface Granted {
  readonly segmentId: string;
  readonly restoreId: string;
  readonly epoch: number;
}

interface ReportLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * Tells the API what came of grants. Each report is kept until it is answered, and repeated until then: through outages of
 * the API and of its database, and by whoever comes after this process.
 */
export class Reports {
  constructor(
    private readonly api: Pick<ApiClient, 'report' | 'started'>,
    private readonly store: ReportStore,
    /** `name/instance` of this process. */
    private readonly mover: string,
    private readonly log: ReportLog,
  ) {}

  /**
   * @param holder who was given it, when that is another one
   * @returns whether it counts; null: it was refused for good, which is in the log
   * @throws NotWelcomeError, and the signal's reason: it is kept then
   */
  async send(
    { segmentId, restoreId, epoch }: Granted,
    result: SegmentResult,
    signal: AbortSignal,
    holder = this.mover,
  ): Promise<boolean | null> {
    const kept = { segmentId, report: { restoreId, epoch, mover: holder, result } };
    try {
      await this.store.keep(kept);
    } catch (err) {
      // A full disk must not silence it: it is told all the same, as long as this process lives.
      this.log.error({ segmentId, ...outline(kept.report), err }, 'A report could not be kept; it is told at once.');
    }
    return this.#deliver(kept, signal);
  }

  /** Delivers what those have left who had this name before. */
  async deliverOfPredecessors(signal: AbortSignal): Promise<void> {
    const isPredecessor = (mover: string): boolean =>
      mover !== this.mover && nameOfMover(mover) === nameOfMover(this.mover);
    await this.#deliverLeft(isPredecessor, signal);
  }

  /** Delivers what this one has left, which is gone. */
  async deliverOf(mover: string, signal: AbortSignal): Promise<void> {
    await this.#deliverLeft((other) => other === mover, signal);
  }

  /** Delivers verdicts of whomever: nothing may be taken for a disk that is known to be bad. */
  async deliverVerdicts(signal: AbortSignal): Promise<void> {
    await this.#deliverLeft(() => false, signal);
  }

  async started(signal: AbortSignal): Promise<void> {
    await patiently(() => this.api.started(this.mover, signal), { signal });
  }

  async #deliverLeft(isWanted: (mover: string) => boolean, signal: AbortSignal): Promise<void> {
    for (const kept of await this.store.left(isWanted)) {
      // Those of this process are on their way already.
      if (kept.report.mover !== this.mover) await this.#deliver(kept, signal);
    }
  }

  async #deliver(kept: KeptReport, signal: AbortSignal): Promise<boolean | null> {
    const { segmentId, report } = kept;
    const onRetry = (error: unknown): void =>
      this.log.warn({ segmentId, ...outline(report), error: detailsOf(error) }, 'Reporting again soon.');
    let counted: boolean | null = null;
    try {
      counted = await patiently(() => this.api.report(segmentId, report, signal), { signal, onRetry });
    } catch (error) {
      if (error instanceof NotWelcomeError || kindOf(error) !== 'permanent') throw error;
      this.log.error({ segmentId, ...outline(report), error: detailsOf(error) }, 'The API refuses this report.');
    }
    // One that can't be struck off is told again, which changes nothing.
    await this.store
      .strike(kept)
      .catch((err: unknown) => this.log.warn({ segmentId, err }, 'A told report stays kept.'));
    return counted;
  }
}

function outline(report: Report): object {
  const { epoch, mover, result } = report;
  const code = result.kind === 'done' ? {} : { code: result.code };
  return { epoch, mover, result: result.kind, ...code, ...(isVerdict(report) ? { verdict: true } : {}) };
}

export interface ReportableFailure {
  readonly code: FailureCode;
  readonly facts: FailureFacts;
  readonly kind: FailureKind;
}

/** What of an error may be reported; the rest of it is for the log. */
export function reportable(error: unknown): ReportableFailure {
  if (!(error instanceof LandfallError)) return { code: 'UNEXPECTED', facts: {}, kind: 'retryable' };
  const code = isFailureCode(error.code) ? error.code : error.kind === 'permanent' ? 'MOVER_FAILED' : 'UNEXPECTED';
  return { code, facts: reportableFacts(error.facts), kind: failureKind(code) };
}
