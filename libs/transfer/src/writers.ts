import type { Lease, Leases } from '@landfall/domain';

/*
 * Who writes a disk, and what it takes for another to go on in its place.
 *
 * Every data-mover process holds a lease of its own, under its name at its site (a worker, or the pool). It renews it all
 * the time, and stops by itself, on its own clock, before the lease can have run out. But a process that was stopped may
 * wake up in the middle of a write, so that an expired lease alone proves nothing. A segment goes to another writer only
 * when the one before is proven gone:
 *
 *   its run of the segment has ended, which it reported itself   → the segment names no writer any more
 *   it has left, or another process has its name                 → the name's lock on the worker is free, or was taken over
 *   its lease ran out, and a data-mover on the same worker has   → that one says so when it claims (`gone`)
 *   killed it and seen its lock become free
 *
 * In the pool nobody can look at another's process. There the segment goes on once the lease ran out; what a late writer
 * may still send are the same bytes, and its access to the disk ends before anything is verified.
 */
export const POOL = 'pool';

export interface WriterClaim {
  /** The worker's id, or `POOL`. */
  readonly site: string;
  /** `name/instance` of the claiming process. */
  readonly mover: string;
  /** Processes that the claiming one has seen to be gone. */
  readonly gone: readonly string[];
}

export type WriterDecision =
  | { readonly kind: 'free' }
  /** Somebody else may still write; `expired`: its lease ran out, and it has to be seen gone. */
  | { readonly kind: 'held'; readonly by: string; readonly expired: boolean }
  /** The claiming process itself has no lease any more: it has to end. */
  | { readonly kind: 'lost' };

/** A data-mover calls itself `name/instance`. */
export function nameOfMover(mover: string): string {
  const end = mover.lastIndexOf('/');
  return end < 0 ? mover : mover.slice(0, end);
}

export function writerLease(site: string, mover: string): string {
  return `mover:${site}/${nameOfMover(mover)}`;
}

/** @param holder the process that the segment was given to before; null: nobody can be writing it */
export async function decideOnWriter(
  leases: Leases,
  claim: WriterClaim,
  holder: string | null,
): Promise<WriterDecision> {
  const own = await leases.lease(writerLease(claim.site, claim.mover));
  if (!isHeldBy(own, claim.mover) || own?.state !== 'held') return { kind: 'lost' };
  if (holder === null || holder === claim.mover) return { kind: 'free' };
  const name = writerLease(claim.site, holder);
  const before = await leases.lease(name);
  if (!isHeldBy(before, holder) || before?.state === 'released') return { kind: 'free' };
  if (before?.state === 'held') return { kind: 'held', by: holder, expired: false };
  if (claim.site !== POOL && !claim.gone.includes(holder)) return { kind: 'held', by: holder, expired: true };
  await leases.release(name, holder);
  return { kind: 'free' };
}

function isHeldBy(lease: Lease | null, mover: string): boolean {
  return lease?.holder === mover;
}
