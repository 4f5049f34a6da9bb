import {
  PermanentError,
  type LockedRestore,
  type NewSegment,
  type RestoreTransaction,
  type Segment,
  type SegmentTotal,
  type VerifyMode,
  type WorkRun,
} from '@landfall/domain';
import { z } from 'zod';
import { applyOutcome, QUEUES, type StageOutput } from '@landfall/pipeline';
import { cutVerification } from './cut.js';
import { fillWindows } from './hand-out.js';
import { isDirect, isMoving, transferStep } from './route.js';

/*
 * Step 5 after it has begun: what comes next, written in the transaction of whoever has changed something.
 *
 * A phase is begun by cutting its segments; while some are unfinished, each route's window is filled and results are
 * waited for; then comes the next phase that finds something to do, and after the last the step ends.
 *
 * A disk that is written directly is completed before a phase that needs it so, and at the end all access to it is taken
 * away. Both need Azure: a job for the finalizer (finalizer/src/transfer/direct-phases.ts).
 */
interface Phase {
  /** Of its segments. */
  readonly purpose: Segment['purpose'];
  /** Nothing may be written any more. */
  readonly sealed: boolean;
  /** Its segments, once the phases before it are done; none: there is nothing to do. */
  readonly cut: (tx: RestoreTransaction, restore: LockedRestore) => Promise<readonly NewSegment[]>;
  /** What is told of its beginning. */
  readonly told: (segments: readonly NewSegment[], restore: LockedRestore) => PhaseBegun;
}

interface PhaseBegun {
  readonly type: string;
  readonly message: string;
  readonly data: Record<string, unknown>;
}

/** In their order. */
export const PHASES: readonly Phase[] = [
  {
    purpose: 'move',
    sealed: false,
    cut: cutForMoving,
    told: (segments, { plan }) => ({
      type: 'restore-data.begun',
      message: `${segments.length} segments of ${plan?.disks.length ?? 0} disks are to be written.`,
      data: { segments: segments.length, bytes: bytesOf(segments), transfer: plan?.options.transfer },
    }),
  },
  {
    purpose: 'verify',
    sealed: true,
    cut: cutForVerification,
    told: (segments, restore) => ({
      type: 'restore-data.verifying',
      message: `Everything is written; reading it back (${verifyMode(restore)}, ${segments.length} ranges).`,
      data: { mode: verifyMode(restore), segments: segments.length },
    }),
  },
];

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
  if (await isUnfinished(tx, restore, from)) return;
  for (const phase of PHASES.slice(PHASES.findIndex(({ purpose }) => purpose === from) + 1)) {
    if (!(await tx.hasSegments(restore.id, { purpose: phase.purpose }))) {
      const segments = await phase.cut(tx, restore);
      if (segments.length === 0) continue;
      if (phase.sealed && isDirect(restore)) return askFinalizer(tx, restore, 'seal');
      await begin(tx, restore, phase, segments);
    }
    if (await isUnfinished(tx, restore, phase.purpose)) return;
  }
  await endOrClose(tx, restore);
}

/**
 * Cuts the segments of a phase, whether there are any or not. Whoever begins one that needs its disks sealed has sealed them.
 * @throws PermanentError `CONTENTS_MISSING` for `move`, when nobody has written down what a disk is to hold
 */
export async function beginPhase(
  tx: RestoreTransaction,
  restore: LockedRestore,
  purpose: Segment['purpose'],
): Promise<void> {
  for (const phase of PHASES) {
    if (phase.purpose === purpose) await begin(tx, restore, phase, await phase.cut(tx, restore));
  }
}

async function begin(
  tx: RestoreTransaction,
  restore: LockedRestore,
  { told }: Phase,
  segments: readonly NewSegment[],
): Promise<void> {
  await tx.createSegments(segments);
  const { type, message, data } = told(segments, restore);
  await tx.addEvent(restore.id, type, message, data);
}

/** As the plan has it: where there is something to write was found out when it was made. */
async function cutForMoving(tx: RestoreTransaction, restore: LockedRestore): Promise<readonly NewSegment[]> {
  const contents = await tx.contents(restore.id);
  return (restore.plan?.disks ?? []).flatMap(({ name: diskName }) => {
    const { used } = contents.find(({ name }) => name === diskName) ?? unknownContents(restore, diskName);
    return used.map((cut) => ({ restoreId: restore.id, diskName, purpose: 'move' as const, ...cut }));
  });
}

async function cutForVerification(tx: RestoreTransaction, restore: LockedRestore): Promise<readonly NewSegment[]> {
  const mode = verifyMode(restore);
  const moved = mode === 'none' ? [] : await tx.segments(restore.id, { purpose: 'move' });
  if (!isVerified(mode, moved.length)) return [];
  return (restore.plan?.disks ?? []).flatMap((disk) =>
    cutVerification(
      mode,
      moved.filter((segment) => segment.diskName === disk.name),
      disk.sizeBytes,
    ).map((cut) => ({ restoreId: restore.id, diskName: disk.name, purpose: 'verify' as const, ...cut })),
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

function bytesOf(segments: readonly NewSegment[]): number {
  return segments.reduce((sum, { dataBytes, lengthBytes }) => sum + (dataBytes ?? lengthBytes), 0);
}

function unknownContents(restore: LockedRestore, diskName: string): never {
  throw new PermanentError({
    code: 'CONTENTS_MISSING',
    message: `The plan of restore ${restore.id} does not say what the disk "${diskName}" is to hold.`,
    fix: 'Start the restore anew; report this with the log of the planner.',
  });
}
