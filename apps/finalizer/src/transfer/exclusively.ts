import { randomUUID } from 'node:crypto';
import type { Leases } from '@landfall/domain';

/*
 * Access to the disks of a restore belongs to one process at a time: two that seal, open and close side by side end each
 * other's accesses. Whoever finds it taken leaves it: the holder does what is to be done, and the next pass sees to the rest.
 */
const LEASE_SECONDS = 60;
const RENEW_EVERY_MS = 15_000;

/**
 * Runs `work` with the restore's lease, which is kept while it runs. Its signal is aborted when the lease is lost.
 * @returns false when somebody else has it: nothing was done
 */
export type Exclusively = (
  restoreId: string,
  work: (signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
) => Promise<boolean>;

export function exclusivelyBy(leases: Leases): Exclusively {
  return async (restoreId, work, signal) => {
    const name = `disk-accesses:${restoreId}`;
    const holder = randomUUID();
    if ((await leases.claim(name, holder, LEASE_SECONDS)) === null) return false;
    const lost = new AbortController();
    const renewal = setInterval(() => {
      leases.renew(name, holder, LEASE_SECONDS).then(
        (held) => held || lost.abort(new Error('the lease on the disk accesses was lost')),
        // Not known: it is asked again before it runs out.
        () => undefined,
      );
    }, RENEW_EVERY_MS);
    try {
      await work(signal === undefined ? lost.signal : AbortSignal.any([signal, lost.signal]));
      return true;
    } finally {
      clearInterval(renewal);
      await leases.release(name, holder).catch(() => undefined);
    }
  };
}
