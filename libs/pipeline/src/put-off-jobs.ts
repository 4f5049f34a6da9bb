/*
 * A job that is put off waits for a moment by the clock of whoever put it off, told by the clock of whoever looks for
 * work: when these differ, or leap, it waits for hours. So its delay is counted here once more, on this process' own
 * monotonic clock; a job that has been seen to wait far longer than it was to be is as good as lost.
 */
const MARGIN_MS = 30_000;
/** One that nobody has asked after for so long has gone its way. */
const FORGET_AFTER_MS = 600_000;

export interface PutOff {
  /** By whoever's clock; another one: it was put off anew. */
  readonly until: string;
  readonly delayMs: number;
}

export class PutOffJobs {
  readonly #seen = new Map<string, { readonly until: string; readonly since: number; lookedAt: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  isOverdue(jobId: string, { until, delayMs }: PutOff): boolean {
    const now = this.now();
    const known = this.#seen.get(jobId);
    if (known?.until !== until) {
      this.#forgetOld(now);
      this.#seen.set(jobId, { until, since: now, lookedAt: now });
      return false;
    }
    known.lookedAt = now;
    return now - known.since > delayMs + MARGIN_MS;
  }

  #forgetOld(now: number): void {
    for (const [jobId, { lookedAt }] of this.#seen) if (now - lookedAt > FORGET_AFTER_MS) this.#seen.delete(jobId);
  }
}
