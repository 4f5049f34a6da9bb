import { createHash } from 'node:crypto';
import type { BudgetedRequest, RequestKind } from '@landfall/domain';
import type { Redis } from 'ioredis';
import { promptConnection, queuePrefix, type RedisSettings } from '../redis.js';
import { isCleaningUp } from './clean-up-share.js';
import { poolLimit, shareOf, type BudgetLimits } from './limits.js';
import { LocalRequestBudget } from './local-budget.js';
import { RESERVE, LOWER, PAUSE } from './redis-scripts.js';
import { WaitingBudget, type BudgetObserver, type Reservation } from './waiting-budget.js';

/*
 * The budget of all processes: buckets in Redis, on Redis' clock, each request one script.
 *
 * While Redis does not answer, each process keeps to a tenth by itself: more than ten processes, all busy, would be needed
 * to go beyond the whole. A Redis that has lost its memory does not know what was spent; its buckets start with a
 * fifth, which is the headroom that the limits leave below Azure's own.
 */
const LOCAL_SHARE = 0.1;
const START_SHARE = 0.2;
const REDIS_AGAIN_AFTER_MS = 5_000;

export interface RedisBudgetOptions {
  readonly redis: RedisSettings;
  readonly subscriptionId: string;
  readonly limits: BudgetLimits;
  readonly observer?: BudgetObserver;
  /** Of a bucket that Redis does not know, what is in it; a fifth when left out. */
  readonly startShare?: number;
}

export class RedisRequestBudget extends WaitingBudget {
  readonly #options: RedisBudgetOptions;
  readonly #connection: Redis;
  readonly #local: LocalRequestBudget;
  readonly #tokens = new Map<RequestKind, number>();
  #redisFrom = 0;

  constructor(options: RedisBudgetOptions) {
    super(options.observer);
    this.#options = options;
    this.#connection = promptConnection(options.redis);
    this.#local = new LocalRequestBudget(shareOf(options.limits, LOCAL_SHARE));
    options.observer?.local(false);
  }

  override async close(): Promise<void> {
    await super.close();
    this.#connection.disconnect();
  }

  override reserve(request: BudgetedRequest, withinMs: number): Promise<Reservation> {
    return this.#shared(
      async (redis) => {
        const { kind } = request;
        const { limits, startShare = START_SHARE } = this.#options;
        const [work, kept] = [poolLimit(limits[kind], 'work'), poolLimit(limits[kind], 'clean-up')];
        const keys = [this.#key(kind, 'work'), this.#key(kind, 'clean-up'), this.#key(kind, 'pause')];
        keys.push(request.vm === null ? '' : this.#key('vm', digest(request.vm)));
        const answer = (await redis.eval(
          RESERVE,
          keys.length,
          ...keys,
          ...[work.burst, work.perSecond, kept.burst, kept.perSecond, limits.vm.burst, limits.vm.perSecond],
          ...[startShare, isCleaningUp() ? 1 : 0, Math.floor(withinMs)],
        )) as [number, number, string];
        const tokens = Number(answer[2]);
        this.#tokens.set(kind, tokens);
        return { waitMs: answer[0], reserved: answer[1] === 1, tokens };
      },
      () => this.#local.reserve(request, withinMs),
    );
  }

  override pausedMs(kind: RequestKind): Promise<number> {
    return this.#shared(
      (redis) => redis.pttl(this.#key(kind, 'pause')),
      () => this.#local.pausedMs(kind),
    );
  }

  override async pause(kind: RequestKind, milliseconds: number): Promise<void> {
    await this.#local.pause(kind, milliseconds);
    await this.#shared(
      async (redis) => void (await redis.eval(PAUSE, 1, this.#key(kind, 'pause'), Math.ceil(milliseconds))),
      () => Promise.resolve(),
    );
  }

  override async lower(kind: RequestKind, tokens: number): Promise<void> {
    // Almost always Azure has more left than we would use.
    if (tokens >= (this.#tokens.get(kind) ?? Infinity)) return;
    await this.#shared(
      async (redis) => {
        const { burst, perSecond } = poolLimit(this.#options.limits[kind], 'work');
        await redis.eval(LOWER, 1, this.#key(kind, 'work'), burst, perSecond, tokens);
      },
      () => this.#local.lower(kind, tokens),
    );
  }

  /** One hash slot for all, so that a script may use them together. */
  #key(kind: RequestKind | 'vm', what: string): string {
    return `${queuePrefix(this.#options.redis)}:{arm-budget}:${this.#options.subscriptionId}:${kind}:${what}`;
  }

  /** The budget must never be what stops a restore: without Redis it is this process' own. */
  async #shared<T>(work: (redis: Redis) => Promise<T>, alone: () => Promise<T>): Promise<T> {
    if (performance.now() < this.#redisFrom) return alone();
    try {
      const result = await work(this.#connection);
      this.#options.observer?.local(false);
      return result;
    } catch {
      this.#redisFrom = performance.now() + REDIS_AGAIN_AFTER_MS;
      this.#options.observer?.local(true);
      return alone();
    }
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text.toLowerCase()).digest('hex').slice(0, 32);
}
