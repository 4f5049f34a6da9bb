import {
  presentRound,
  type Direction,
  type LockedRestore,
  type Problem,
  type RestorePatch,
  type RestoreState,
  type RestoreTransaction,
} from '@landfall/domain';
import { ANEW, dispatchWork, guardOf, mustMove } from './dispatch.js';
import { missingApproval } from './approval.js';
import { tell } from './history.js';
import type { WorkTable } from './work-table.js';

/*
 * Which work of a restore comes next: the first in its table that is not done and applies. One that needs an approval which
 * is not there is not dispatched: the restore waits for a person, and its `requestApproval` comes back here.
 */

/** The first work after this one that applies is dispatched, or waits for approval. Returns false when there is none. */
export async function dispatchNext(
  tx: RestoreTransaction,
  restore: LockedRestore,
  direction: Direction,
  after: string | null,
  works: WorkTable,
): Promise<boolean> {
  const round = presentRound(restore, direction);
  const rows = works[direction].slice(works[direction].findIndex(({ id }) => id === after) + 1);
  for (const row of rows) {
    const work = restore.works.find((each) => each.id === row.id && each.round === round);
    if (!work || work.state === 'done' || work.state === 'skipped') continue;
    // One that has failed waited for an earlier one that was taken up again.
    const patch = work.state === 'failed' ? ANEW : {};
    if (row.when(restore)) {
      const missing = await missingApproval(tx, restore, work, row);
      if (missing !== null) await awaitApproval(tx, restore, missing);
      else await dispatchWork(tx, restore.id, work, { patch, works });
      return true;
    }
    mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'skipped', { endedAt: new Date() }));
    const why = restore.plan?.steps.find((step) => step.id === row.id)?.why ?? 'not in the plan';
    await tell(tx, restore, work, 'skipped', direction === 'forward' ? `left out: ${why}` : 'left out');
  }
  return false;
}

/** Nothing of it moves until a person has approved it. */
export async function awaitApproval(tx: RestoreTransaction, restore: LockedRestore, why: Problem): Promise<void> {
  await moved(tx, restore, 'awaiting-approval', {});
  const { code, message, fix } = why;
  await tx.addEvent(restore.id, 'restore.awaiting-approval', `${message} ${fix}`, { code, message, fix });
}

/** The restore in its next state. */
export async function moved(
  tx: RestoreTransaction,
  restore: LockedRestore,
  to: RestoreState,
  patch: RestorePatch,
): Promise<LockedRestore> {
  mustMove(await tx.moveRestore(restore.id, { from: restore.state, epoch: restore.epoch }, to, patch));
  return { ...restore, state: to, epoch: restore.epoch + 1 };
}

/** The restore with the works of this direction that belong to its present round. */
export async function opened(
  tx: RestoreTransaction,
  restore: LockedRestore,
  direction: Direction,
  works: WorkTable,
): Promise<LockedRestore> {
  const round = presentRound(restore, direction);
  const rows = works[direction].filter(({ onRequest = false }) => !onRequest);
  const keys = rows.map(({ id }) => ({ direction, round, id }));
  if (keys.length === 0) return restore;
  return { ...restore, works: [...restore.works, ...(await tx.openWorks(restore.id, keys))] };
}
