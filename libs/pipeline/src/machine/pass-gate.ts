import {
  gateProblems,
  stepOf,
  type BookedDisk,
  type BookedFacts,
  type LockedRestore,
  type ObservedFacts,
  type Problem,
  type RestoreBooks,
  type RestoreTransaction,
  type WorkRun,
} from '@landfall/domain';
import { rowOf, type WorkTable } from './work-table.js';
import { WORKS } from './works.js';

/*
 * The point of no return. In one transaction, under the restore's lock: the run is still the one that is wanted, what the books
 * know is read and judged together with what the run has found out, and `cut_over_at` is set. So a verdict, a cancel and a new
 * plan come either before it and are seen, or after it and find the restore cut over.
 */

/**
 * Lets a restore through its gate, or says what keeps it from passing. One that has passed it passes again.
 * @param observed what the run has found out right before
 * @returns empty: it has passed, and what it replaces may be removed
 * @throws ConflictError `STEP_SUPERSEDED` when the run is no longer wanted: nothing may be removed by it
 */
export async function passGate(
  books: Pick<RestoreBooks, 'transaction'>,
  run: WorkRun,
  observed: ObservedFacts,
  works: WorkTable = WORKS,
): Promise<readonly Problem[]> {
  if (rowOf(works, run.work)?.needsApproval !== true) throw new Error(`The work ${run.work} has no gate to pass.`);
  return books.transaction(async (tx) => {
    await tx.requireCurrent(run);
    const restore = await tx.lockRestore(run.restoreId);
    if (restore === null) throw new Error(`there is no restore ${run.restoreId}`);
    if (restore.cutOverAt !== null) return [];
    const booked = await bookedFacts(tx, restore);
    const problems = gateProblems({ ...observed, ...booked }, await tx.now());
    if (problems.length === 0) await cutOver(tx, restore, run, booked);
    return problems;
  });
}

async function cutOver(
  tx: RestoreTransaction,
  { id, requestedBy }: LockedRestore,
  run: WorkRun,
  { planHash, approval }: BookedFacts,
): Promise<void> {
  const at = (await tx.cutOver(id)).toISOString();
  const details = { at, planHash, approvedBy: approval?.approvedBy ?? null, epoch: run.epoch };
  const sentence =
    'The gate is passed: what the restore replaces is removed now. From here on it is completed or rolled back.';
  await tx.addEvent(id, 'restore.cut-over', sentence, details);
  await tx.audit({ actor: requestedBy, action: 'restore.cut-over', subject: id, details });
}

async function bookedFacts(tx: RestoreTransaction, restore: LockedRestore): Promise<BookedFacts> {
  return {
    restoreId: restore.id,
    planHash: restore.planHash,
    requestedBy: restore.requestedBy,
    approval: await tx.approval(restore.id),
    disks: await bookedDisks(tx, restore),
    verdicts: await tx.verdicts(restore.id),
  };
}

/**
 * What is to be read back is cut once everything is written, and a writer that was replaced is fenced off before another one gets
 * its segment: where all of it is done, and the step with it, nothing was written since it was read.
 */
async function bookedDisks(tx: RestoreTransaction, restore: LockedRestore): Promise<readonly BookedDisk[]> {
  const isTransferred = stepOf(restore, 'restore-data')?.state === 'done';
  const totals = await tx.segmentTotals(restore.id);
  return restore.disks.map(({ name }) => {
    const ofDisk = totals.filter(({ diskName }) => diskName === name);
    const isDone = ofDisk.every(({ state }) => state === 'done');
    return { name, isVerified: isTransferred && isDone && ofDisk.some(({ purpose }) => purpose === 'verify') };
  });
}
