import { setTimeout as pause } from 'node:timers/promises';
import {
  WaitingError,
  type BudgetAnswer,
  type BudgetedRequest,
  type RequestBudget,
  type RequestKind,
} from '@landfall/domain';

/*
 * The waiting that every budget has in common. Where a token is, or will be soon, it is reserved and waited for, so that
 * each request asks once and those that came first go first; where it would take longer nothing is reserved, and the
 * step gives its place to others for the time.
 */
const LONGEST_WAIT_MS = 20_000;
const LONGEST_ADVICE_MS = 60_000;
/** Where Azure names no time. */
const PAUSE_MS = 5_000;

export interface Reservation {
  /** Until the token is there; or, without one, until it is worth asking again. */
  readonly waitMs: number;
  readonly reserved: boolean;
  /** What is left for ordinary work; negative: reserved by those who wait. */
  readonly tokens: number;
}

/** For metrics. */
export interface BudgetObserver {
  taken(kind: RequestKind, tokens: number, waitedMs: number): void;
  refused(kind: RequestKind): void;
  throttled(kind: RequestKind): void;
  /** Whether each process keeps to a small part of its own, because the shared budget can't be reached. */
  local(isLocal: boolean): void;
}

export abstract class WaitingBudget implements RequestBudget {
  readonly #closed = new AbortController();

  constructor(private readonly observer?: BudgetObserver) {}

  async take(request: BudgetedRequest, signal?: AbortSignal): Promise<void> {
    const begun = performance.now();
    const waited = (): number => performance.now() - begun;
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closed.signal.aborted) throw spent(request.kind, PAUSE_MS);
      const { waitMs, reserved, tokens } = await this.reserve(request, LONGEST_WAIT_MS - waited());
      if (!reserved && waited() + waitMs > LONGEST_WAIT_MS) {
        this.observer?.refused(request.kind);
        throw spent(request.kind, waitMs);
      }
      if (waitMs > 0) await this.#wait(waitMs, request.kind, signal);
      if (!reserved) continue;
      if (waitMs > 0) await this.#waitOutPause(request.kind, LONGEST_WAIT_MS - waited(), signal);
      this.observer?.taken(request.kind, tokens, waited());
      return;
    }
  }

  async answered(request: BudgetedRequest, answer: BudgetAnswer): Promise<void> {
    if (answer.status === 429) {
      this.observer?.throttled(request.kind);
      await this.pause(request.kind, answer.retryAfterMs ?? PAUSE_MS);
    } else if (answer.remaining !== null) {
      await this.lower(request.kind, answer.remaining);
    }
  }

  close(): Promise<void> {
    this.#closed.abort();
    return Promise.resolve();
  }

  /** Takes a token, now or for later; none when it would take longer than that, or while this kind pauses. */
  protected abstract reserve(request: BudgetedRequest, withinMs: number): Promise<Reservation>;
  protected abstract pausedMs(kind: RequestKind): Promise<number>;
  protected abstract pause(kind: RequestKind, milliseconds: number): Promise<void>;
  /** There are no more tokens than that. */
  protected abstract lower(kind: RequestKind, tokens: number): Promise<void>;

  /** A pause may have begun while the token was waited for. */
  async #waitOutPause(kind: RequestKind, withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    const pausedMs = await this.pausedMs(kind);
    if (pausedMs <= 0) return;
    if (pausedMs > withinMs) throw spent(kind, pausedMs);
    await this.#wait(pausedMs, kind, signal);
  }

  async #wait(milliseconds: number, kind: RequestKind, signal: AbortSignal | undefined): Promise<void> {
    const closed = this.#closed.signal;
    try {
      await pause(milliseconds, undefined, { signal: signal ? AbortSignal.any([signal, closed]) : closed });
    } catch (error) {
      if (closed.aborted) throw spent(kind, PAUSE_MS);
      throw error;
    }
  }
}

function spent(kind: RequestKind, waitMs: number): WaitingError {
  return new WaitingError(
    {
      code: 'AZURE_BUDGET_SPENT',
      message: `What Landfall may ask of Azure in a while is used up (${kind}s).`,
      fix: 'Nothing has to be done: Landfall goes on as Azure allows.',
    },
    { retryAfterMs: Math.min(LONGEST_ADVICE_MS, Math.max(1_000, Math.ceil(waitMs))) },
  );
}
