import {
  ConflictError,
  LandfallError,
  PermanentError,
  RetryableError,
  type ErrorDetails,
  type GrantRecord,
  type LockedRestore,
  type Problem,
  type RestoreBooks,
  type RestoreTransaction,
  type Segment,
  type SegmentError,
} from '@landfall/domain';
import { applyOutcome, backOffMs, failRestore } from '@landfall/pipeline';
import { describeFailure, failureKind, GIVEN_BACK, rangeOf, WARNINGS } from './failures.js';
import { handOut, type HandOutAgain } from './hand-out.js';
import type { Report, SegmentResult } from './mover-protocol.js';
import { goOn } from './coordinator.js';
import { isMoving, routeOf, transferStep } from './route.js';
import { nameOfMover } from './writers.js';

/*
 * What data-movers report, entered into the books: in one transaction with all that follows from it, so that whoever comes by
 * at any moment finds both or neither.
 *
 * A report names a grant, and is believed from whom it was given to alone. What came of a segment counts for its present
 * grant only; of an earlier one it says no more than that its holder writes the segment no longer. A verdict, though, is a fact
 * about the disk: it counts for any grant, at any time until the restore has ended, and ends it.
 *
 * The start of a data-mover means that its predecessor of the same name is gone: what that one held is handed out at
 * once, without waiting for its locks to run out.
 */
export const SEGMENT_ATTEMPTS = 8;
/** A data-mover that was told to stop gives its segment back; another takes it up. */
const GIVEN_BACK_DELAY_MS = 200;

/** Who reports: a worker's data-mover, or one of the pool. */
export interface Reporter {
  readonly workerId: string | null;
}

type Done = Extract<SegmentResult, { kind: 'done' }>;
type Failed = Extract<SegmentResult, { kind: 'failed' }>;

interface Reported {
  readonly tx: RestoreTransaction;
  readonly restore: LockedRestore;
  readonly grant: GrantRecord;
  /** As it is now. */
  readonly segment: Segment;
}

/**
 * Enters a report. The same one again changes nothing and is answered alike.
 * @returns whether it counts: false where another grant has its place, or the restore no longer wants it
 * @throws ConflictError `GRANT_UNKNOWN` when the reporter was given no such grant; nothing is changed
 */
export async function enterReport(
  books: RestoreBooks,
  reporter: Reporter,
  segmentId: string,
  report: Report,
): Promise<boolean> {
  return books.transaction(async (tx) => {
    const restore = await tx.lockRestore(report.restoreId);
    const granted = restore && (await tx.granted(segmentId, report.epoch));
    if (!restore || !granted || !isTheirs(granted.grant, reporter, report)) throw unknownGrant(segmentId, report);
    const reported = { tx, restore, ...granted };
    switch (report.result.kind) {
      case 'done':
        return done(reported, report.result);
      case 'failed':
        return failed(reported, report.result);
      case 'given-back':
        return givenBack(reported, GIVEN_BACK[report.result.code]);
    }
  });
}

function isTheirs(grant: GrantRecord, { workerId }: Reporter, { restoreId, mover }: Report): boolean {
  return grant.restoreId === restoreId && grant.workerId === workerId && grant.mover === mover;
}

async function done(reported: Reported, result: Done): Promise<boolean> {
  const { tx, restore, grant, segment } = reported;
  if (segment.state === 'done') return segment.epoch === grant.epoch;
  // It is a fact even while the step is between two attempts; only a restore that goes back has no use for it.
  if (restore.state !== 'running' && restore.state !== 'needs-attention') return false;
  if (!isPresent(reported)) return letGo(reported);
  const guard = { from: segment.state, epoch: grant.epoch } as const;
  await tx.moveSegment(segment.id, guard, 'done', { mover: grant.mover, error: null });
  const { kind: _kind, milliseconds, warnings = [], ...bytes } = result;
  await tx.addEvent(restore.id, 'segment.done', `${title(segment)} is ${past(segment)}.`, {
    ...reference(segment),
    offsetBytes: segment.offsetBytes,
    lengthBytes: segment.lengthBytes,
    epoch: grant.epoch,
    mover: grant.mover,
    ...bytes,
    milliseconds: Math.round(milliseconds),
    ...(warnings.length === 0 ? {} : { warnings: warnings.map((code) => ({ code, message: WARNINGS[code] })) }),
  });
  if (warnings.includes('COPY_PASSED_OVER')) await warnOfRepository(tx, restore);
  await whatFollows(tx, restore, segment.purpose);
  return true;
}

/** Once in a restore: whoever keeps the backups should know before the other copy is damaged as well. */
async function warnOfRepository(tx: RestoreTransaction, restore: LockedRestore): Promise<void> {
  if (restore.problems.some(({ code }) => code === 'REPOSITORY_DAMAGED')) return;
  const repository = restore.plan?.restorePoint.repository ?? '';
  const problem: Problem = {
    severity: 'warning',
    code: 'REPOSITORY_DAMAGED',
    message: `The repository "${repository}" has damaged or missing parts. Another copy of them was used: the restored disks are whole.`,
    fix: 'Run `restic check --read-data` on the repository, and repair it before the other copy is needed again.',
  };
  await tx.patchRestore(restore.id, { problems: [...restore.problems, problem] });
}

async function failed(reported: Reported, { code, facts = {} }: Failed): Promise<boolean> {
  const kind = failureKind(code);
  const error = describeFailure(code, reported.segment.diskName, facts);
  if (kind === 'verdict') return verdict(reported, error);
  if (code === 'WRITER_NOT_GONE') return writerStays(reported, error);
  if (!isPresent(reported)) return letGo(reported);
  if (kind === 'permanent') {
    if (!(await failRestore(reported.tx, reported.restore, 'restore-data', error))) return false;
    const range = rangeOf(facts);
    await giveUp(reported.tx, reported.segment, { ...error, ...(range && { range }) }, { mover: null });
    return true;
  }
  const { tx, restore, segment } = reported;
  return again(tx, restore, segment, error, { delayMs: backOffMs(segment.attempts + 1) });
}

/** Told of the holder of the grant by one beside it, who could not end it: it may write on. */
async function writerStays({ tx, restore, grant, segment }: Reported, error: ErrorDetails): Promise<boolean> {
  const isOpen = segment.state === 'running' || segment.state === 'pending';
  if (!isOpen || segment.mover !== grant.mover) return false;
  return again(tx, restore, segment, error, { delayMs: backOffMs(segment.attempts + 1), writerMayLive: true });
}

async function verdict({ tx, restore, grant, segment }: Reported, error: ErrorDetails): Promise<boolean> {
  const { id: segmentId, diskName } = segment;
  const { epoch, mover } = grant;
  if (!(await tx.addVerdict({ restoreId: restore.id, diskName, segmentId, epoch, mover, ...error }))) return true;
  const counts = await failRestore(tx, restore, 'restore-data', error);
  if (counts && segment.state !== 'done') await giveUp(tx, segment, error);
  else {
    await tx.addEvent(restore.id, 'disk.failed', `The disk "${diskName}" has failed for good: ${error.message}`, {
      ...reference(segment),
      ...error,
      epoch,
      mover,
    });
  }
  // Nobody takes a disk away any more that was handed over: but its owner has to know.
  if (restore.state === 'completed') await tx.patchRestore(restore.id, { error });
  return true;
}

async function givenBack(reported: Reported, why: ErrorDetails): Promise<boolean> {
  const { tx, restore, segment } = reported;
  if (!isPresent(reported)) return letGo(reported);
  return handOutAgain(tx, restore, segment, why, { delayMs: GIVEN_BACK_DELAY_MS });
}

/** The segment is held under this very grant. */
function isPresent({ grant, segment }: Reported): boolean {
  return segment.state === 'running' && segment.epoch === grant.epoch;
}

/** An earlier holder's run has ended: another one may be given what was handed out again meanwhile. */
async function letGo({ tx, grant, segment }: Reported): Promise<false> {
  if (segment.state !== 'pending' || segment.epoch === grant.epoch || segment.mover !== grant.mover) return false;
  await tx.moveSegment(segment.id, { from: 'pending', epoch: segment.epoch }, 'pending', { mover: null });
  return false;
}

/** What follows of the step; what can't be found out ends it, as it would at its start. */
async function whatFollows(tx: RestoreTransaction, restore: LockedRestore, from: Segment['purpose']): Promise<void> {
  try {
    await goOn(tx, restore, from);
  } catch (error) {
    if (!(error instanceof LandfallError && error.code === 'STEP_OUTPUT_MISSING')) throw error;
    await applyOutcome(tx, restore, transferStep(restore), { kind: 'failed', error });
  }
}

async function giveUp(
  tx: RestoreTransaction,
  segment: Segment,
  error: SegmentError,
  patch: { readonly attempts?: number; readonly mover?: null } = {},
): Promise<void> {
  const guard = { from: segment.state, epoch: segment.epoch };
  await tx.moveSegment(segment.id, guard, 'failed', { ...patch, error });
  await tx.addEvent(segment.restoreId, 'segment.failed', `${title(segment)} has failed: ${error.message}`, {
    ...reference(segment),
    ...error,
    epoch: segment.epoch,
    mover: segment.mover,
    attempts: patch.attempts ?? segment.attempts,
  });
}

/** One more attempt of the segment; when they are used up the step is left to a person. */
async function again(
  tx: RestoreTransaction,
  restore: LockedRestore,
  segment: Segment,
  why: ErrorDetails,
  how: Omit<HandOutAgain, 'attempts'>,
): Promise<boolean> {
  const attempts = segment.attempts + 1;
  if (attempts < SEGMENT_ATTEMPTS || !isMoving(restore)) {
    return handOutAgain(tx, restore, segment, why, { ...how, attempts });
  }
  await giveUp(tx, segment, why, { attempts, ...(how.writerMayLive ? {} : { mover: null }) });
  const error = new RetryableError(why);
  await applyOutcome(tx, restore, transferStep(restore), { kind: 'exhausted', error });
  return true;
}

/** Between two attempts of the step there is nobody to hand it out: the next attempt does. */
async function handOutAgain(
  tx: RestoreTransaction,
  restore: LockedRestore,
  segment: Segment,
  why: ErrorDetails,
  how: HandOutAgain,
): Promise<boolean> {
  if (restore.state !== 'running' && restore.state !== 'needs-attention') return false;
  if (!(await handOut(tx, segment, routeOf(restore, segment).queue, how))) return false;
  await tx.addEvent(restore.id, 'segment.retry', `${title(segment)} is handed out again: ${why.message}`, {
    ...reference(segment),
    ...why,
    epoch: segment.epoch + 1,
    mover: segment.mover,
    attempts: how.attempts ?? segment.attempts,
  });
  return true;
}

/** Hands out a segment whose holder is gone. That counts as an attempt: a segment may be what killed it. */
export async function handOutLost(
  books: RestoreBooks,
  { id, restoreId, epoch }: Segment,
  why: ErrorDetails,
): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await tx.lockRestore(restoreId);
    if (!isMoving(restore)) return;
    const segment = await tx.segment(id);
    if (segment?.epoch !== epoch) return;
    if (segment.state === 'running') await again(tx, restore, segment, why, { writerMayLive: true });
    else if (segment.state === 'pending') await handOutAgain(tx, restore, segment, why, { writerMayLive: true });
  });
}

/**
 * A data-mover has begun: its predecessor of the same name is gone.
 * @throws LandfallError what the books could not do: repeat it then
 */
export async function enterStart(books: RestoreBooks, reporter: Reporter, mover: string): Promise<void> {
  for (const segment of await books.segmentsHeldBy(reporter.workerId, nameOfMover(mover))) {
    if (segment.mover === null || !isPredecessor(segment.mover, mover)) continue;
    await handOutLost(books, segment, {
      code: 'MOVER_LOST',
      message: `The data-mover ${segment.mover} ended before it had finished.`,
      fix: 'Look into the log of the data-mover for its end.',
    });
  }
}

/** For a claim that can never be granted: the books lack what every segment of this disk needs. */
export async function refuseForGood(books: RestoreBooks, segment: Segment, error: PermanentError): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await tx.lockRestore(segment.restoreId);
    if (restore !== null) await failRestore(tx, restore, 'restore-data', error.toDetails());
  });
}

/** A data-mover calls itself `name/instance`; a restarted one has the name, but not the instance, of the one before. */
export function isPredecessor(holder: string, started: string): boolean {
  return holder !== started && nameOfMover(holder) === nameOfMover(started);
}

function reference(segment: Segment): Record<string, unknown> {
  return { segmentId: segment.id, disk: segment.diskName, purpose: segment.purpose, index: segment.index };
}

function title(segment: Segment): string {
  return `Segment ${segment.index} of disk "${segment.diskName}"`;
}

function past(segment: Segment): string {
  return segment.purpose === 'move' ? 'written' : 'verified';
}

function unknownGrant(segmentId: string, { epoch, mover }: Report): ConflictError {
  return new ConflictError({
    code: 'GRANT_UNKNOWN',
    message: `The data-mover ${mover} was not given segment ${segmentId} under epoch ${epoch}.`,
    fix: 'Report only what was granted; nothing was changed.',
  });
}
