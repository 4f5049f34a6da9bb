import { randomUUID } from 'node:crypto';
import type { Leases } from '@landfall/domain';

/*
 * Access to the disks of a restore belongs to one process at a time: two that seal, open and close side by side end each
 * other's accesses. Whoever finds it taken leaves it: the holder does what is to be done, and the next pass sees to the rest.
 */
const TIMES = { leaseSeconds: 60, renewEveryMs: 15_000 };

/**
 * Runs `work` with the restore's lease, which is kept while it runs. Its signal is aborted when the lease is lost.
 * @returns false when somebody else has it: nothing was done
 */
export type Exclusively = (
  restoreId: string,
  work: (signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
) => Promise<boolean>;

export function exclusivelyBy(leases: Leases, { leaseSeconds, renewEveryMs } = TIMES): Exclusively {
  return async (restoreId, work, signal) => {
    const name = `disk-accesses:${restoreId}`;
    const holder = randomUUID();
    let renewedAt = performance.now();
    if ((await leases.claim(name, holder, leaseSeconds)) === null) return false;
    const lost = new AbortController();
    const renewal = setInterval(() => {
      const asked = performance.now();
      // Whether it can be asked or not: nothing goes on beyond the lease's end.
      if (asked - renewedAt > leaseSeconds * 1_000 - renewEveryMs) lost.abort(leaseLost());
      leases.renew(name, holder, leaseSeconds).then(
        (held) => (held ? (renewedAt = asked) : lost.abort(leaseLost())),
        () => undefined,
      );
    }, renewEveryMs);
    try {
      await work(signal === undefined ? lost.signal : AbortSignal.any([signal, lost.signal]));
      return true;
    } finally {
      clearInterval(renewal);
      await leases.release(name, holder).catch(() => undefined);
    }
  };
}

function leaseLost(): Error {
  return new Error('the lease on the disk accesses was lost');
}
