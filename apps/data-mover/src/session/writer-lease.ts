import { detailsOf, RetryableError } from '@landfall/domain';
import type { Logger } from '@landfall/observability';
import type { ApiClient } from './api-client.js';

/*
 * This process' right to write, granted by the API on the database's clock. It is counted here on this process' own
 * monotonic clock, from before each request for it was sent, and ends a fifth early: neither a jump of the wall clock
 * nor a process that was stopped for a while can make it last longer than the API believes.
 *
 * Once lost it is lost for good: everything in hand is stopped, and the process ends and begins anew.
 */
const MARGIN = 0.2;
const RENEWALS_PER_LEASE = 5;

export class WriterLease {
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #validUntil: number;
  #renewing = false;

  constructor(
    private readonly api: Pick<ApiClient, 'renewLease'>,
    private readonly mover: string,
    granted: { readonly askedAt: number; readonly leaseMs: number },
    private readonly log: Pick<Logger, 'warn'>,
    private readonly onLost: (error: RetryableError) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#validUntil = granted.askedAt + granted.leaseMs * (1 - MARGIN);
    this.#timer = setInterval(() => this.#tick(), granted.leaseMs / RENEWALS_PER_LEASE);
  }

  /** Aborted when it is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** To be asked right before each write. @throws RetryableError `LEASE_LOST` */
  assertHeld(): void {
    if (this.#lost.signal.aborted) throw lost();
    if (this.now() < this.#validUntil) return;
    this.#lose();
    throw lost();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.now() >= this.#validUntil) return this.#lose();
    if (this.#renewing) return;
    this.#renewing = true;
    const askedAt = this.now();
    this.api
      .renewLease(this.mover)
      .then(
        ({ leaseMs }) => {
          // One that was lost while the answer was on its way stays lost.
          if (this.now() >= this.#validUntil) this.#lose();
          else this.#validUntil = askedAt + leaseMs * (1 - MARGIN);
        },
        (error: unknown) => {
          if (detailsOf(error).code === 'LEASE_LOST') this.#lose();
          else this.log.warn({ error: detailsOf(error) }, 'The lease could not be renewed yet.');
        },
      )
      .finally(() => {
        this.#renewing = false;
      });
  }

  #lose(): void {
    if (this.#lost.signal.aborted) return;
    this.end();
    const error = lost();
    this.#lost.abort(error);
    this.onLost(error);
  }
}

function lost(): RetryableError {
  return new RetryableError({
    code: 'LEASE_LOST',
    message: 'The data-mover could not renew its lease in time, so it writes nothing any more.',
    fix: 'Nothing has to be done: it starts anew, and what it had in hand is taken up again.',
  });
}
