import {
  ConflictError,
  presentRound,
  RETENTION_SECONDS,
  type LockedRestore,
  type RestoreBooks,
  type RestoreTransaction,
  type Work,
} from '@landfall/domain';
import { ANEW, dispatchWork } from './dispatch.js';
import { lockRestore } from './lock-restore.js';
import { WORKS } from './works.js';
import type { WorkTable } from './work-table.js';

/*
 * What is kept of a machine that was replaced is thrown away: from then on nothing brings it back. Asked for under the restore's
 * lock, as a roll-back is: whichever comes second is refused.
 */
export interface PurgeOrder {
  /** Whether people may do alone what takes two. */
  readonly selfApproval: boolean;
  /** Who stands behind the token that is used. */
  readonly behind?: readonly string[];
}

/** @throws NotFoundError `RESTORE_NOT_FOUND`, ConflictError `NOT_PURGEABLE` */
export async function requestPurge(
  books: RestoreBooks,
  restoreId: string,
  actor: string,
  order: PurgeOrder,
  works: WorkTable = WORKS,
): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await lockRestore(tx, restoreId);
    requirePurgeable(restore);
    const before = purgeOf(restore);
    if (before !== null && before.state !== 'failed') return;
    await requireTwoBeforeItsDate(tx, restore, actor, order);
    const key = { direction: 'after', round: presentRound(restore, 'after'), id: 'purge' } as const;
    const work = before ?? (await tx.openWorks(restoreId, [key]))[0]!;
    await dispatchWork(tx, restoreId, work, { patch: before === null ? {} : ANEW, works });
    await tx.audit({ actor, action: 'restore.purge', subject: restoreId, details: { state: restore.state } });
  });
}

/** Of its present round; null: nobody has asked for it. Once it is there nothing can be brought back with certainty. */
export function purgeOf(restore: LockedRestore): Work | null {
  const round = presentRound(restore, 'after');
  return restore.works.find((work) => work.id === 'purge' && work.round === round) ?? null;
}

function requirePurgeable({ id, state, cutOverAt }: LockedRestore): void {
  if (cutOverAt !== null && (state === 'completed' || state === 'rolled-back')) return;
  throw new ConflictError({
    code: 'NOT_PURGEABLE',
    message:
      cutOverAt === null
        ? `Restore ${id} has replaced no machine: nothing is kept for it.`
        : `Restore ${id} is ${state}: what is kept for it is needed until it is completed or rolled back.`,
    fix: cutOverAt === null ? 'Nothing has to be done.' : `Let it end first; "./landfall show ${id}" says how.`,
  });
}

async function requireTwoBeforeItsDate(
  tx: RestoreTransaction,
  { id, requestedBy, endedAt }: LockedRestore,
  actor: string,
  { selfApproval, behind = [] }: PurgeOrder,
): Promise<void> {
  const isSamePerson = actor === requestedBy || behind.includes(requestedBy);
  if (!isSamePerson || selfApproval) return;
  const until = endedAt === null ? null : new Date(endedAt.getTime() + RETENTION_SECONDS * 1_000);
  if (until !== null && (await tx.now()) >= until) return;
  throw new ConflictError({
    code: 'NOT_PURGEABLE',
    message: `What is kept for restore ${id} is kept until ${until?.toISOString() ?? 'it has ended'}; whoever asked for it can't throw it away before.`,
    fix: 'Have another person do it, or wait until then.',
  });
}
