import {
  ConflictError,
  hasEnded,
  presentRound,
  type DiskVerdict,
  type LockedRestore,
  type RestoreBooks,
  type RestoreTransaction,
  type Work,
} from '@landfall/domain';
import { ANEW, dispatchWork, mustMove } from './dispatch.js';
import { tell } from './history.js';
import { lockRestore } from './lock-restore.js';
import { purgeOf } from './purge.js';
import { isOnWayBack, TURNS, turnRound } from './turning.js';
import type { WorkTable } from './work-table.js';
import { WORKS } from './works.js';

/*
 * What a person asks for: a cancel and a roll-back turn the restore round, a resumption goes on where attempts were used up.
 * Each is idempotent: asked twice, the second changes nothing.
 */

/** @throws NotFoundError `RESTORE_NOT_FOUND`, ConflictError `NOT_CANCELLABLE`; `CUT_OVER` where a cancel could not undo it */
export async function requestCancel(
  books: RestoreBooks,
  restoreId: string,
  actor: string,
  works: WorkTable = WORKS,
): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await lockRestore(tx, restoreId);
    if (restore.state === 'cancelling' || restore.state === 'cancelled') return;
    if (restore.cutOverAt !== null && !hasEnded(restore.state)) throw hasCutOver(restore);
    if (!['planning', 'awaiting-approval', 'running', 'needs-attention'].includes(restore.state)) {
      throw new ConflictError({
        code: 'NOT_CANCELLABLE',
        message: `Restore ${restoreId} is ${restore.state} and can't be cancelled.`,
        fix:
          restore.state === 'completed'
            ? 'Roll it back to remove what it has created.'
            : 'Nothing has to be done: it does not go on.',
      });
    }
    await turnRound(tx, restore, 'cancel', null, works);
    await tx.audit({ actor, action: 'restore.cancel', subject: restoreId, details: { from: restore.state } });
  });
}

/** Removes what a restore has created, and brings back what it has replaced. @throws NotFoundError, ConflictError `NOT_ROLLBACKABLE` */
export async function requestRollback(
  books: RestoreBooks,
  restoreId: string,
  actor: string,
  works: WorkTable = WORKS,
): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await lockRestore(tx, restoreId);
    if (restore.state === 'rolled-back') return;
    if (restore.state === 'rolling-back' && restore.turn?.purpose === 'roll-back') return;
    if (!['completed', 'failed', 'needs-attention'].includes(restore.state)) {
      throw new ConflictError({
        code: 'NOT_ROLLBACKABLE',
        message: `Restore ${restoreId} is ${restore.state} and can't be rolled back.`,
        fix:
          restore.cutOverAt === null
            ? 'A restore that is under way can be cancelled; one that is completed, failed or needs attention rolled back.'
            : 'Wait until it is completed or needs attention.',
      });
    }
    if (purgeOf(restore) !== null) throw wasPurged(restore);
    const [other] = await othersAtWork(books, restore);
    if (other !== undefined) throw isReplacedAnew(restore, other);
    await turnRound(tx, restore, 'roll-back', null, works);
    await tx.audit({ actor, action: 'restore.rollback', subject: restoreId, details: { from: restore.state } });
  });
}

/** Goes on where a person was asked for, forwards or backwards. @throws NotFoundError, ConflictError `NOT_RESUMABLE` */
export async function requestResume(
  books: RestoreBooks,
  restoreId: string,
  actor: string,
  works: WorkTable = WORKS,
): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await lockRestore(tx, restoreId);
    if (restore.state !== 'needs-attention') throw notResumable(restore);
    const turn = isOnWayBack(restore) ? restore.turn : null;
    const [verdict] = turn === null ? await tx.verdicts(restoreId) : [];
    if (verdict !== undefined) throw badDisk(restore, verdict);
    const direction = turn === null ? 'forward' : 'back';
    const round = presentRound(restore, direction);
    const failed = restore.works.find(
      (work) => work.direction === direction && work.round === round && work.state === 'failed',
    );
    if (failed === undefined) throw notResumable(restore);
    const forward = failed.id === 'plan' ? 'planning' : 'running';
    const to = turn === null ? forward : TURNS[turn.purpose].on;
    const guard = { from: restore.state, epoch: restore.epoch };
    mustMove(await tx.moveRestore(restoreId, guard, to, { error: turn?.cause ?? null }));
    await tx.addEvent(restoreId, `restore.${to}`, `Resumed by ${actor}.`, { actor });
    await takeUpAgain(tx, restore, failed, works);
    await tx.audit({ actor, action: 'restore.resume', subject: restoreId, details: { to } });
  });
}

/**
 * Takes the failed work up again; or the one that it has to be resumed from. The failed one stays as it is until then: why
 * it has failed is what that one has to know.
 */
async function takeUpAgain(
  tx: RestoreTransaction,
  restore: LockedRestore,
  failed: Work,
  works: WorkTable,
): Promise<void> {
  const from = restore.works.find(
    ({ id, direction, state }) => id === failed.resumeFrom && direction === failed.direction && state === 'done',
  );
  if (from === undefined) return dispatchWork(tx, restore.id, failed, { patch: ANEW, works });
  await tell(
    tx,
    restore,
    from,
    'reopened',
    `taken up again, because of what has failed after it (${failed.error?.code ?? 'unknown'})`,
  );
  return dispatchWork(tx, restore.id, from, { patch: ANEW, works });
}

function notResumable(restore: LockedRestore): ConflictError {
  return new ConflictError({
    code: 'NOT_RESUMABLE',
    message: `Restore ${restore.id} is ${restore.state}; only one whose attempts are used up can be resumed.`,
    fix: whatInstead(restore),
  });
}

function whatInstead({ id, state }: LockedRestore): string {
  if (state === 'awaiting-approval') return `It goes on once it is approved: landfall approve ${id}.`;
  if (hasEnded(state)) return 'It has ended. To bring the machine back, start a restore anew.';
  return 'Nothing has to be done while it goes on; show the restore to see what it is doing.';
}

function hasCutOver({ id, state }: LockedRestore): ConflictError {
  return new ConflictError({
    code: 'CUT_OVER',
    message: `Restore ${id} is ${state} and has begun to remove the machine that it replaces: it can't be cancelled any more.`,
    fix: `Let it end, or bring the original machine back once it has stopped: landfall rollback ${id}.`,
  });
}

/** One that has ended goes on with its machine: nobody else may work on that meanwhile. */
async function othersAtWork(books: RestoreBooks, { id, plan }: LockedRestore): Promise<readonly string[]> {
  if (plan?.source === undefined) return [];
  return (await books.replacing(plan.source.azureId)).filter((each) => each !== id);
}

function isReplacedAnew({ id }: LockedRestore, other: string): ConflictError {
  return new ConflictError({
    code: 'NOT_ROLLBACKABLE',
    message: `Restore ${id} can't be rolled back while restore ${other} replaces the same machine.`,
    fix: `Let that one end, or cancel it: landfall cancel ${other}.`,
  });
}

function wasPurged({ id }: LockedRestore): ConflictError {
  return new ConflictError({
    code: 'NOT_ROLLBACKABLE',
    message: `Restore ${id} can't be rolled back any more: what was kept for that is removed, or is being removed.`,
    fix: 'Restore the machine from another point of its backups.',
  });
}

function badDisk({ id }: LockedRestore, { diskName, code, message }: DiskVerdict): ConflictError {
  return new ConflictError({
    code: 'NOT_RESUMABLE',
    message: `Restore ${id} can't be resumed: its disk "${diskName}" has failed for good (${code}): ${message}`,
    fix: `Roll it back (landfall rollback ${id}) and start the restore anew.`,
  });
}
