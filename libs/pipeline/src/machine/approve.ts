import {
  APPROVAL_SETTINGS,
  approvalProblems,
  ConflictError,
  type ApprovalSettings,
  type LockedRestore,
  type RestoreBooks,
  type RestoreTransaction,
  type RestoreState,
} from '@landfall/domain';
import { approvalProblemsNow, needOf } from './approval.js';
import { lockRestore } from './lock-restore.js';
import { dispatchNext, moved } from './next-work.js';
import { isOnWayBack } from './turning.js';
import type { WorkTable } from './work-table.js';
import { WORKS } from './works.js';

/*
 * A person's approval: accepted as soon as there is a plan and until the gate is passed. A restore that waits for it goes on in
 * the same transaction.
 */

/** What a person approves, and under which settings. */
export interface ApprovalOrder extends Partial<ApprovalSettings> {
  /** Of the plan that they have read. */
  readonly planHash: string;
  /** Who stands behind the token that is used; left out: nobody besides whoever bears it. */
  readonly behind?: readonly string[];
}

/**
 * Idempotent: while there is a good approval, another one changes nothing.
 * @throws NotFoundError `RESTORE_NOT_FOUND`, ConflictError `NOT_APPROVABLE`
 */
export async function requestApproval(
  books: RestoreBooks,
  restoreId: string,
  actor: string,
  order: ApprovalOrder,
  works: WorkTable = WORKS,
): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await lockRestore(tx, restoreId);
    if (await isApproved(tx, restore, order)) return;
    requireApprovable(restore, works);
    const { planHash, selfApproval, validSeconds } = { ...APPROVAL_SETTINGS, ...order };
    const now = await tx.now();
    // A token that the asker has made for somebody is the asker's.
    const approvedBy = order.behind?.includes(restore.requestedBy) === true ? restore.requestedBy : actor;
    const wanted = { planHash, approvedBy, selfApproval };
    const wouldBe = {
      ...wanted,
      requestedBy: restore.requestedBy,
      approvedAt: now,
      expiresAt: later(now, validSeconds),
    };
    const [problem] = approvalProblems(wouldBe, needOf(restore, 0), now);
    if (problem !== undefined) throw notApprovable(problem.message, problem.fix);
    const { expiresAt } = await tx.addApproval({ ...wanted, restoreId, validSeconds });
    const details = { planHash, expiresAt: expiresAt.toISOString(), selfApproval };
    await tx.addEvent(restoreId, 'approval.given', `Approved by ${actor}, until ${details.expiresAt}.`, {
      ...{ actor, ...details },
    });
    await tx.audit({ actor, action: 'restore.approve', subject: restoreId, details });
    if (restore.state === 'awaiting-approval') await letGoOn(tx, restore, works);
  });
}

/** One that waits has found that what was approved before is not good enough, whatever it looks like now. */
async function isApproved(
  tx: RestoreTransaction,
  restore: LockedRestore,
  { planHash }: ApprovalOrder,
): Promise<boolean> {
  if (restore.state === 'awaiting-approval' || restore.planHash !== planHash) return false;
  return (await approvalProblemsNow(tx, restore, 0)).length === 0;
}

/** The work that waits is the first that is not done. */
async function letGoOn(tx: RestoreTransaction, waiting: LockedRestore, works: WorkTable): Promise<void> {
  const restore = await moved(tx, waiting, 'running', {});
  await tx.addEvent(restore.id, 'restore.running', 'The restore is approved and goes on.');
  await dispatchNext(tx, restore, 'forward', null, works);
}

/** In which a plan is there, or will be, and may still be approved. */
const APPROVABLE_IN: readonly RestoreState[] = ['planning', 'running', 'awaiting-approval', 'needs-attention'];

function requireApprovable(restore: LockedRestore, works: WorkTable): void {
  const { id, state } = restore;
  if (restore.cutOverAt !== null) {
    throw notApprovable(`Restore ${id} has passed its gate already.`, 'Nothing has to be done: it goes on without.');
  }
  if (!APPROVABLE_IN.includes(state) || isOnWayBack(restore)) {
    throw notApprovable(`Restore ${id} is ${state} and does not go forward any more.`, 'Start a restore anew.');
  }
  if (restore.plan === null) {
    throw notApprovable(`Restore ${id} has no plan yet.`, 'Wait until it is planned, and read the plan first.');
  }
  if (!works.forward.some((row) => row.needsApproval === true && row.when(restore))) {
    throw notApprovable(`Restore ${id} removes nothing that needs an approval.`, 'Nothing has to be done.');
  }
}

function later(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1_000);
}

function notApprovable(message: string, fix: string): ConflictError {
  return new ConflictError({ code: 'NOT_APPROVABLE', message, fix });
}
