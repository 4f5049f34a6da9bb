import type { RestoreBooks } from '@landfall/domain';
import { turnRound } from './turning.js';
import type { WorkTable } from './work-table.js';
import { WORKS } from './works.js';

/** Cancels what has waited for an approval for longer than its plan allows. Returns which. */
export async function giveUpWaiting(books: RestoreBooks, works: WorkTable = WORKS): Promise<readonly string[]> {
  const cancelled: string[] = [];
  for (const restoreId of await books.unapprovedForLong()) {
    await books.transaction(async (tx) => {
      const restore = await tx.lockRestore(restoreId);
      // Somebody may have approved it, or cancelled it, a moment ago.
      if (restore?.state !== 'awaiting-approval') return;
      await tx.addEvent(restoreId, 'approval.overdue', 'Nobody has approved it in time, so it is cancelled.');
      await turnRound(tx, restore, 'cancel', null, works);
      const details = { from: restore.state, why: 'nobody has approved it in time' };
      await tx.audit({ actor: 'landfall', action: 'restore.cancel', subject: restoreId, details });
      cancelled.push(restoreId);
    });
  }
  return cancelled;
}
