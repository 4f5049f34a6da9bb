import type { CloudLock } from '../../ports/cloud/reader.js';
import type { Problem } from '../../problems.js';

/*
 * Locks on a machine that is to be replaced, on what it lies in and on its parts. One that comes to be known after the machine is
 * stopped keeps it stopped for nothing: they are looked at with the plan, and once more before the stop.
 */

/** What of the machine stays, by its ID: a lock that only stops its deletion stops nothing of the restore. */
export interface LockedMachine {
  readonly name: string;
  readonly nicIds: readonly string[];
  readonly addressIds: readonly string[];
}

/** Why the machine can't be replaced while these locks are there; empty: it can. */
export function lockedProblems(locks: readonly CloudLock[], machine: LockedMachine): readonly Problem[] {
  const stays = new Set([...machine.nicIds, ...machine.addressIds].map((id) => id.toLowerCase()));
  return locks
    .filter(({ level, scope }) => level === 'ReadOnly' || !stays.has(scope.toLowerCase()))
    .map(({ azureId, name, level, scope }) => ({
      severity: 'error',
      code: 'LOCKED',
      message: `"${machine.name}" can't be replaced: the lock "${name}" (${level}) is set on ${scope}.`,
      fix: `Remove it until the restore is over (az lock delete --ids ${azureId}); Azure may take some minutes to notice. Or restore with --to new.`,
    }));
}
