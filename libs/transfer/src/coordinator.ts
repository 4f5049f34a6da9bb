import type { LockedRestore, RestoreTransaction, Segment, SegmentTotal, VerifyMode, WorkRun } from '@landfall/domain';
import { z } from 'zod';
import { applyOutcome, QUEUES, type StageOutput } from '@landfall/pipeline';
import { cutVerification } from './cut.js';
import { fillWindows } from './hand-out.js';
import { isDirect, isMoving, transferStep } from './route.js';

/*
 * Step 5 after it has begun: what comes next, written in the transaction of whoever has changed something.
 *
 *   unfinished `move` segments    → each route's window is filled, and results are waited for
 *   all moved, not yet verified   → the `verify` segments are cut (mode `none`: there are none) and handed out likewise
 *   everything done               → the step ends
 *
 * A disk that is written directly is completed before it is read back, so that nothing more can be written, and at the end
 * all access to it is taken away. Both need Azure: a job for the finalizer (finalizer/src/transfer/direct-phases.ts).
 */

/** Of the job by which the finalizer is asked to go on where Azure is needed. */
export const TRANSFER_JOB = 'go-on-with-transfer';
export const TRANSFER_JOB_PAYLOAD = z.object({ restoreId: z.string() });

/** @param restore as `lockRestore` has just given it; `from`: whose segment has changed */
export async function goOn(
  tx: RestoreTransaction,
  restore: LockedRestore,
  from: Segment['purpose'] = 'move',
): Promise<void> {
  if (!isMoving(restore)) return;
  if (from === 'move') {
    if (await isUnfinished(tx, restore, 'move')) return;
    if (!(await tx.hasSegments(restore.id, { purpose: 'verify' }))) {
      const mode = verifyMode(restore);
      const moved = mode === 'none' ? [] : await tx.segments(restore.id, { purpose: 'move' });
      if (!isVerified(mode, moved.length)) return endOrClose(tx, restore);
      if (isDirect(restore)) return askFinalizer(tx, restore, 'seal');
      await beginVerification(tx, restore, moved);
    }
  }
  if (!(await isUnfinished(tx, restore, 'verify'))) await endOrClose(tx, restore);
}

/** Cuts what is to be read back. Nothing may be written any more. */
export async function beginVerification(
  tx: RestoreTransaction,
  restore: LockedRestore,
  moved: readonly Segment[],
): Promise<void> {
  const mode = verifyMode(restore);
  const segments = (restore.plan?.disks ?? []).flatMap((disk) =>
    cutVerification(
      mode,
      moved.filter((segment) => segment.diskName === disk.name),
      disk.sizeBytes,
    ).map((cut) => ({ restoreId: restore.id, diskName: disk.name, purpose: 'verify' as const, ...cut })),
  );
  await tx.createSegments(segments);
  await tx.addEvent(
    restore.id,
    'restore-data.verifying',
    `Everything is written; reading it back (${mode}, ${segments.length} ranges).`,
    { mode, segments: segments.length },
  );
}

/** Ends the step as done: everything is written, and read back where that is wanted. */
export async function endTransfer(tx: RestoreTransaction, restore: LockedRestore): Promise<void> {
  const output = summary(await tx.segmentTotals(restore.id));
  await applyOutcome(tx, restore, transferStep(restore), { kind: 'done', output });
}

export function verifyMode(restore: LockedRestore): VerifyMode {
  return restore.plan?.options.verify ?? 'none';
}

/** Whether anything is read back. Where nothing was written, a sample of it would say nothing. */
export function isVerified(mode: VerifyMode, movedSegments: number): boolean {
  return mode === 'full' || (mode === 'sampled' && movedSegments > 0);
}

export function runOf(restore: LockedRestore): WorkRun {
  const { id: work, epoch } = transferStep(restore);
  return { restoreId: restore.id, work, epoch };
}

/** One that has failed is handed out by the next attempt of the step: nothing ends before. */
async function isUnfinished(
  tx: RestoreTransaction,
  restore: LockedRestore,
  purpose: Segment['purpose'],
): Promise<boolean> {
  return (await fillWindows(tx, restore, purpose)) || tx.hasSegments(restore.id, { purpose, states: ['failed'] });
}

async function endOrClose(tx: RestoreTransaction, restore: LockedRestore): Promise<void> {
  if (isDirect(restore)) await askFinalizer(tx, restore, 'close');
  else await endTransfer(tx, restore);
}

/** Once for each run of the step and each purpose; if it is lost, the reconciler of step 5 comes by. */
async function askFinalizer(tx: RestoreTransaction, restore: LockedRestore, what: 'seal' | 'close'): Promise<void> {
  await tx.enqueue({
    queue: QUEUES.finalizer,
    jobId: `${restore.id}-${what}-${transferStep(restore).epoch}`,
    name: TRANSFER_JOB,
    payload: { restoreId: restore.id },
  });
}

function summary(totals: readonly SegmentTotal[]): StageOutput<'restore-data'> {
  const of = (purpose: Segment['purpose'], field: 'count' | 'bytes'): number =>
    totals.filter((total) => total.purpose === purpose).reduce((sum, total) => sum + total[field], 0);
  return { segments: of('move', 'count'), bytesMoved: of('move', 'bytes'), bytesVerified: of('verify', 'bytes') };
}
