import {
  approvalProblems,
  type ApprovalNeed,
  type LockedRestore,
  type Problem,
  type RestoreTransaction,
  type Work,
} from '@landfall/domain';
import type { WorkRow } from './work-table.js';

/*
 * Whether the approval of a restore is good at this moment. The machine asks before the first run of a work that needs one; the
 * run itself asks once more when it stops the source. Nobody asks again after that: one that runs out while the source is stopped
 * must not keep it stopped.
 */

/**
 * What keeps the approval from being good now, by the books' own clock; empty: nothing does.
 * @param restore as `lockRestore` has just given it
 * @param outageSeconds for how long the machine is going to be gone, as estimated
 */
export async function approvalProblemsNow(
  tx: RestoreTransaction,
  restore: LockedRestore,
  outageSeconds: number,
): Promise<readonly Problem[]> {
  return approvalProblems(await tx.approval(restore.id), needOf(restore, outageSeconds), await tx.now());
}

export function needOf({ id, planHash, requestedBy }: LockedRestore, outageSeconds: number): ApprovalNeed {
  return { restoreId: id, planHash, requestedBy, outageSeconds };
}

/** Why a work may not be run for the first time; null: it may, or has been. How long the outage takes is for its run to say. */
export async function missingApproval(
  tx: RestoreTransaction,
  restore: LockedRestore,
  { startedAt }: Pick<Work, 'startedAt'>,
  { needsApproval = false }: Pick<WorkRow, 'needsApproval'>,
): Promise<Problem | null> {
  if (!needsApproval || startedAt !== null || restore.cutOverAt !== null) return null;
  const [first = null] = await approvalProblemsNow(tx, restore, 0);
  return first;
}
