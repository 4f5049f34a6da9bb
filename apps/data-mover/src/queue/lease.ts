import { RetryableError } from '@landfall/domain';

/*
 * The right to write, in the data-mover's own hands. The queue's lock on a job is what keeps others from it; this side
 * counts from the latest renewal on its own monotonic clock, which neither a jump of the wall clock nor a process that was
 * stopped for a while can deceive, and stops with a margin before the lock can have run out.
 */
export class Lease {
  #renewedAt: number;

  constructor(
    private readonly durationMs: number,
    private readonly marginMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#renewedAt = now();
  }

  renewed(): void {
    this.#renewedAt = this.now();
  }

  /** @throws RetryableError `LEASE_LOST` */
  assertHeld(): void {
    if (this.now() - this.#renewedAt < this.durationMs - this.marginMs) return;
    throw new RetryableError({
      code: 'LEASE_LOST',
      message: 'The data-mover could not renew its lock on the segment in time.',
      fix: 'Nothing has to be done: another data-mover takes the segment up.',
    });
  }
}
