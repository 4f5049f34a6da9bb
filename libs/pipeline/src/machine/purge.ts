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
 * lock, as a roll-back is: whichever comes second is refused. Nobody has to ask once it was kept for as long as it has to be: it
 * costs money every day.
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
    await open(tx, restore, works);
    await tx.audit({ actor, action: 'restore.purge', subject: restoreId, details: { state: restore.state } });
  });
}

/**
 * Where what is kept is older than it has to be: so it is only if two clocks say so, and nobody has to ask.
 * @param azureNow what Azure's clock says
 */
export async function purgeWhatIsDue(
  books: RestoreBooks,
  azureNow: () => Promise<Date>,
  works: WorkTable = WORKS,
): Promise<readonly string[]> {
  const due = await books.keptFor(RETENTION_SECONDS);
  if (due.length === 0) return [];
  const purged: string[] = [];
  const azures = await azureNow();
  for (const restoreId of due) {
    const isDue = await books.transaction(async (tx) => {
      const restore = await lockRestore(tx, restoreId);
      const { cutOverAt, state } = restore;
      const until = keptUntil(restore);
      const isOver = until !== null && until <= azures && until <= (await tx.now());
      const hasEnded = cutOverAt !== null && (state === 'completed' || state === 'rolled-back');
      if (!isOver || !hasEnded || purgeOf(restore) !== null) return false;
      await open(tx, restore, works);
      const details = { state: restore.state, keptUntil: until };
      await tx.audit({ actor: 'landfall', action: 'restore.purge', subject: restoreId, details });
      return true;
    });
    if (isDue) purged.push(restoreId);
  }
  return purged;
}

/** Null: as long as it has not ended. */
export function keptUntil({ endedAt }: Pick<LockedRestore, 'endedAt'>): Date | null {
  return endedAt === null ? null : new Date(endedAt.getTime() + RETENTION_SECONDS * 1_000);
}

async function open(tx: RestoreTransaction, restore: LockedRestore, works: WorkTable): Promise<void> {
  const before = purgeOf(restore);
  const key = { direction: 'after', round: presentRound(restore, 'after'), id: 'purge' } as const;
  const work = before ?? (await tx.openWorks(restore.id, [key]))[0]!;
  await dispatchWork(tx, restore.id, work, { patch: before === null ? {} : ANEW, works });
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
  restore: LockedRestore,
  actor: string,
  { selfApproval, behind = [] }: PurgeOrder,
): Promise<void> {
  const { id, requestedBy } = restore;
  const isSamePerson = actor === requestedBy || behind.includes(requestedBy);
  if (!isSamePerson || selfApproval) return;
  const until = keptUntil(restore);
  if (until !== null && (await tx.now()) >= until) return;
  throw new ConflictError({
    code: 'NOT_PURGEABLE',
    message: `What is kept for restore ${id} is kept until ${until?.toISOString() ?? 'it has ended'}; whoever asked for it can't throw it away before.`,
    fix: 'Have another person do it, or wait until then.',
  });
}
