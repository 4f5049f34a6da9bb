import type { BudgetedRequest, RequestKind } from '@landfall/domain';
import { isCleaningUp } from './clean-up-share.js';
import { poolLimit, type BucketLimit, type BudgetLimits, type Pool } from './limits.js';
import { WaitingBudget, type BudgetObserver, type Reservation } from './waiting-budget.js';

/** A budget of this process alone: what is left while the shared one can't be reached, and the double of it in tests. */
export class LocalRequestBudget extends WaitingBudget {
  readonly #limits: BudgetLimits;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();
  readonly #pausedUntil = new Map<RequestKind, number>();

  constructor(limits: BudgetLimits, observer?: BudgetObserver, now: () => number = () => performance.now()) {
    super(observer);
    this.#limits = limits;
    this.#now = now;
  }

  override reserve(request: BudgetedRequest, withinMs: number): Promise<Reservation> {
    const now = this.#now();
    const work = this.#pool(request.kind, 'work');
    const pausedMs = (this.#pausedUntil.get(request.kind) ?? 0) - now;
    if (pausedMs > 0) return Promise.resolve({ waitMs: pausedMs, reserved: false, tokens: work.level(now) });

    const buckets = [this.#chosen(request.kind, work, now)];
    if (request.vm !== null) buckets.push(this.#bucket(`vm ${request.vm.toLowerCase()}`, this.#limits.vm));
    const waitMs = Math.max(...buckets.map((bucket) => bucket.waitMs(now)));
    const reserved = waitMs <= withinMs;
    if (reserved) for (const bucket of buckets) bucket.take(now);
    return Promise.resolve({ waitMs, reserved, tokens: work.level(now) });
  }

  override pausedMs(kind: RequestKind): Promise<number> {
    return Promise.resolve((this.#pausedUntil.get(kind) ?? 0) - this.#now());
  }

  override pause(kind: RequestKind, milliseconds: number): Promise<void> {
    const until = this.#now() + milliseconds;
    this.#pausedUntil.set(kind, Math.max(until, this.#pausedUntil.get(kind) ?? 0));
    return Promise.resolve();
  }

  override lower(kind: RequestKind, tokens: number): Promise<void> {
    this.#pool(kind, 'work').lower(tokens, this.#now());
    return Promise.resolve();
  }

  #chosen(kind: RequestKind, work: Bucket, now: number): Bucket {
    if (!isCleaningUp()) return work;
    const kept = this.#pool(kind, 'clean-up');
    return kept.waitMs(now) <= work.waitMs(now) ? kept : work;
  }

  #pool(kind: RequestKind, pool: Pool): Bucket {
    return this.#bucket(`${kind} ${pool}`, poolLimit(this.#limits[kind], pool));
  }

  #bucket(name: string, limit: BucketLimit): Bucket {
    let bucket = this.#buckets.get(name);
    if (!bucket) this.#buckets.set(name, (bucket = new Bucket(limit, this.#now())));
    return bucket;
  }
}

class Bucket {
  #tokens: number;
  #at: number;

  constructor(
    private readonly limit: BucketLimit,
    now: number,
  ) {
    this.#tokens = limit.burst;
    this.#at = now;
  }

  level(now: number): number {
    return Math.min(this.limit.burst, this.#tokens + ((now - this.#at) * this.limit.perSecond) / 1000);
  }

  /** Until there is a whole token. */
  waitMs(now: number): number {
    return Math.max(0, Math.ceil(((1 - this.level(now)) / this.limit.perSecond) * 1000));
  }

  take(now: number): void {
    this.#tokens = this.level(now) - 1;
    this.#at = now;
  }

  lower(tokens: number, now: number): void {
    this.#tokens = Math.min(this.level(now), tokens);
    this.#at = now;
  }
}
