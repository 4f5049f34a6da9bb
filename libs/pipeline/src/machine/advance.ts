import {
  detailsOf,
  isRefused,
  kindOf,
  LandfallError,
  moves,
  PermanentError,
  RetryableError,
  WaitingError,
  type ErrorDetails,
  type LockedRestore,
  type Problem,
  type RestoreBooks,
  type RestorePatch,
  type RestoreState,
  type RestoreTransaction,
  type StepId,
  type Work,
  type WorkRun,
} from '@landfall/domain';
import { ATTEMPTS, backOffMs } from '../retry-policy.js';
import { missingApproval } from './approval.js';
import { dispatchWork, guardOf, mustMove } from './dispatch.js';
import { tell } from './history.js';
import { awaitApproval, dispatchNext, moved, opened } from './next-work.js';
import { VM_CREATED } from './stages.js';
import { isOnWayBack, startWayBack, TURNS, turnRound } from './turning.js';
import { rowOf, type WorkRow, type WorkTable } from './work-table.js';
import { WORKS } from './works.js';

/*
 * What moves a restore on: the works of a table, one after the other, forward, back, and after the end.
 *
 * A run is taken up with `beginWork` and ends with `recordOutcome`. The latter is the one function that moves a
 * restore on: in one transaction, under the restore's row lock, it records the outcome and writes the next job to the
 * outbox. A run whose epoch is no longer the work's is stale: both functions then change nothing and say so.
 *
 *   done        → works that don't apply are skipped, the next one is dispatched; after the last: the restore has arrived
 *   parked      → stays running; whoever ends it calls `recordOutcome` later
 *   waiting     → dispatched again after its delay, no attempt counted
 *   retryable   → dispatched again after a back-off; attempts used up: needs-attention, unless its run puts something back
 *                 first: that one says itself when a person is to be asked
 *   exhausted   → needs-attention, whatever attempts are left
 *   permanent   → of a step: the restore turns round, and is failed once the way back is done; else: needs-attention
 *   interrupted → dispatched again at once, no attempt counted (shutdown, lost lock)
 *   unapproved  → pending, no attempt counted, and the restore waits for a person to approve it
 *
 * Once a restore has cut over (it has passed the gate: pass-gate.ts), it never turns round by itself: a permanent error of a
 * step, and a verdict on a disk, leave it to a person too, who rolls it back.
 *
 * A restore arrives completed, or in the state for which it has turned round; works that come after the end begin then.
 * One of these that fails changes nothing of the restore's end.
 */
export type RunResult =
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'parked' }
  | { readonly kind: 'failed'; readonly error: unknown }
  /**
   * Whatever may pass has been tried often enough below the step: it is left to a person. `resumeFrom`: the work with which
   * a resumption has to begin, where that is not this one.
   */
  | { readonly kind: 'exhausted'; readonly error: unknown; readonly resumeFrom?: StepId }
  | { readonly kind: 'interrupted' }
  /** The run was about to stop the source, and the approval is not good any more. Nothing of the source is touched. */
  | { readonly kind: 'unapproved'; readonly problem: Problem };

/** A run that may begin; null from `beginWork` means that the job is stale and must be dropped. */
export interface BegunWork {
  readonly restore: LockedRestore;
  readonly work: Work;
}

/** A work of a restore that this transaction has locked. */
interface At extends BegunWork {
  readonly tx: RestoreTransaction;
  readonly row: WorkRow;
  readonly works: WorkTable;
}

export async function beginWork(
  books: RestoreBooks,
  run: WorkRun,
  works: WorkTable = WORKS,
): Promise<BegunWork | null> {
  return books.transaction(async (tx) => {
    const at = await lockWork(tx, run, works);
    if (!at) return null;
    const { restore, work, row } = at;
    if (!moves(restore, work)) {
      if (work.state === 'running') await giveBack(at);
      return null;
    }
    if (work.state === 'running' && !work.parked) await fail(at, interrupted(work));
    if (work.state !== 'pending' || !wasDispatched(work)) return null;
    const missing = await missingApproval(tx, restore, work, row);
    if (missing !== null) {
      await awaitApproval(tx, restore, missing);
      return null;
    }
    const startedAt = work.startedAt ?? (await tx.now());
    const patch = { startedAt, endedAt: null, notBefore: null };
    mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'running', patch));
    await tell(tx, restore, work, 'started', row.begins ?? `attempt ${work.attempts + 1}`, { epoch: work.epoch });
    return { restore, work: { ...work, state: 'running', startedAt, endedAt: null } };
  });
}

/** No job was ever sent for any other: one that names it is made up, and comes before its turn. */
function wasDispatched({ dispatchedAt }: Work): boolean {
  return dispatchedAt !== null;
}

/** Returns false when the run is stale and its outcome was dropped. */
export async function recordOutcome(
  books: RestoreBooks,
  run: WorkRun,
  result: RunResult,
  works: WorkTable = WORKS,
): Promise<boolean> {
  return books.transaction(async (tx) => {
    const at = await lockWork(tx, run, works);
    if (at?.work.state !== 'running') return false;
    await apply(at, result);
    return true;
  });
}

/**
 * Sends a work out again whose job is provably gone, or lets the way back begin that waited for it. One that has parked
 * since its job was missed has ended that job itself.
 */
export async function redispatch(books: RestoreBooks, run: WorkRun, works: WorkTable = WORKS): Promise<boolean> {
  return books.transaction(async (tx) => {
    const at = await lockWork(tx, run, works);
    if (!at || at.work.parked) return false;
    const { restore, work } = at;
    if (work.state === 'running') {
      await apply(at, { kind: 'failed', error: interrupted(work) });
      return true;
    }
    if (work.state !== 'pending' || !moves(restore, work)) return false;
    await dispatchWork(tx, restore.id, work, { works });
    return true;
  });
}

async function lockWork(tx: RestoreTransaction, run: WorkRun, works: WorkTable): Promise<At | null> {
  const row = rowOf(works, run.work);
  const restore = await tx.lockRestore(run.restoreId);
  const work = restore?.works.find(({ id, epoch }) => id === run.work && epoch === run.epoch);
  return restore && work && row ? { tx, restore, work, row, works } : null;
}

/**
 * Ends a run and writes what follows, for whoever decides on it in a transaction of their own.
 * @param restore as `lockRestore` has just given it; its `work` is running
 */
export async function applyOutcome(
  tx: RestoreTransaction,
  restore: LockedRestore,
  work: Work,
  result: RunResult,
  works: WorkTable = WORKS,
): Promise<void> {
  const row = rowOf(works, work.id);
  if (row === undefined) throw new Error(`No table knows the work ${work.id}.`);
  await apply({ tx, restore, work, row, works }, result);
}

async function apply(at: At, result: RunResult): Promise<void> {
  const { tx, restore, work, works } = at;
  if (result.kind === 'done') return finish(at, result.output);
  if (!moves(restore, work)) return giveBack(at);
  switch (result.kind) {
    case 'parked':
      mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'running', { parked: true }));
      return;
    case 'interrupted':
      await tell(tx, restore, work, 'interrupted', 'it is taken up again');
      return dispatchWork(tx, restore.id, work, { works });
    case 'failed':
      return fail(at, result.error);
    case 'exhausted':
      return leaveToPerson(at, detailsOf(result.error), result.resumeFrom);
    case 'unapproved':
      return waitForApproval(at, result.problem);
  }
}

async function finish(at: At, raw: unknown): Promise<void> {
  const { tx, restore, work, row, works } = at;
  const parsed = row.output.safeParse(raw);
  if (!parsed.success) return fail(at, badOutput(work));
  if (work.id === 'plan' && restore.plan === null) return fail(at, badOutput(work));
  const output: unknown = parsed.data;
  const patch = { output, endedAt: new Date(), error: null, parked: false };
  mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'done', patch));
  await tell(tx, restore, work, 'done', 'done');
  if (work.id === 'create-vm') {
    await tx.patchRestore(restore.id, { vmAzureId: VM_CREATED.parse(output).vmAzureId });
  }
  if (moves(restore, work)) await goOn(at);
  else await startWayBack(tx, restore.id, works);
}

async function goOn({ tx, restore: before, work, works }: At): Promise<void> {
  let restore = before;
  if (work.id === 'plan' && (await refuse(tx, restore, works))) return;
  if (restore.state === 'planning') {
    const patch = { problems: restore.plan?.problems ?? [], error: null };
    restore = await moved(tx, restore, 'running', patch);
    await tx.addEvent(restore.id, 'restore.running', 'The plan is made; the restore runs.');
  }
  if (await dispatchNext(tx, restore, work.direction, work.id, works)) return;
  if (work.direction === 'forward') {
    await end(tx, restore, 'completed', { error: null }, 'The restore is completed.', {}, works);
  } else if (work.direction === 'back' && restore.turn !== null) {
    const { purpose, cause } = restore.turn;
    const { end: to, sentence } = TURNS[purpose];
    await end(tx, restore, to, { error: cause }, sentence, { ...cause }, works);
  }
}

/** The restore is over, but for what comes after the end. */
async function end(
  tx: RestoreTransaction,
  restore: LockedRestore,
  to: RestoreState,
  patch: RestorePatch,
  sentence: string,
  data: Record<string, unknown>,
  works: WorkTable,
): Promise<void> {
  const ended = await moved(tx, restore, to, patch);
  await tx.addEvent(restore.id, `restore.${to}`, sentence, data);
  await dispatchNext(tx, await opened(tx, ended, 'after', works), 'after', null, works);
}

async function refuse(tx: RestoreTransaction, restore: LockedRestore, works: WorkTable): Promise<boolean> {
  if (restore.plan === null || !isRefused(restore.plan)) return false;
  const problems = restore.plan.problems;
  const codes = problems.filter((problem) => problem.severity === 'error').map((problem) => problem.code);
  const sentence = `The plan is refused: ${codes.join(', ')}.`;
  await end(tx, restore, 'refused', { problems }, sentence, { codes }, works);
  return true;
}

async function fail(at: At, error: unknown): Promise<void> {
  const { tx, restore, work, row, works } = at;
  const details = detailsOf(error);
  if (!moves(restore, work)) return giveBack(at);
  const kind = kindOf(error);
  if (kind === 'waiting') {
    const delayMs = error instanceof WaitingError ? error.retryAfterMs : backOffMs(1);
    // What takes hours is looked at often: it is told when the picture has changed.
    if (work.error?.message !== details.message)
      await tell(tx, restore, work, 'waiting', details.message, { ...details, delayMs });
    return dispatchWork(tx, restore.id, work, { patch: { error: details }, delayMs, works });
  }
  const attempts = work.attempts + 1;
  if (kind === 'retryable' && (attempts < ATTEMPTS[work.direction] || row.putsBack === true)) {
    const delayMs = backOffMs(attempts, error instanceof RetryableError ? error.retryAfterMs : 0);
    await tell(tx, restore, work, 'retry', details.message, { ...details, attempts, delayMs });
    return dispatchWork(tx, restore.id, work, { patch: { error: details, attempts }, delayMs, works });
  }
  if (kind !== 'permanent' || work.direction !== 'forward') return leaveToPerson(at, details);
  if (restore.cutOverAt !== null) return leaveToPerson(at, withRollback(restore, details));
  await endAsFailed(tx, restore, work, details);
  if (restore.state === 'planning') {
    // Planning creates nothing: there is nothing to remove.
    await end(tx, restore, 'failed', { error: details }, details.message, { ...details }, works);
  } else {
    await turnRound(tx, ended(restore, work), 'failure', details, works);
  }
}

/** The run has ended before it has touched anything. */
async function waitForApproval(at: At, problem: Problem): Promise<void> {
  const { tx, restore, work } = at;
  // It was judged, for the last time, before the source was stopped.
  if (restore.cutOverAt !== null) return leaveToPerson(at, withRollback(restore, problem));
  const patch = { epoch: work.epoch + 1, parked: false };
  mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'pending', patch));
  await tell(tx, restore, work, 'stopped', 'stopped, because it has to be approved');
  await awaitApproval(tx, restore, problem);
}

/** Of what ends nothing any more, because parts of the source may be gone. */
function withRollback({ id }: LockedRestore, { code, message, fix }: ErrorDetails): ErrorDetails {
  return { code, message, fix: `${fix} To bring the original machine back instead: landfall rollback ${id}.` };
}

async function leaveToPerson(
  { tx, restore, work }: At,
  details: ErrorDetails,
  resumeFrom: string | null = null,
): Promise<void> {
  await endAsFailed(tx, restore, work, details, resumeFrom);
  if (work.direction === 'after') return;
  await needAttention(tx, restore, details);
}

async function needAttention(tx: RestoreTransaction, restore: LockedRestore, details: ErrorDetails): Promise<void> {
  await moved(tx, restore, 'needs-attention', { error: details });
  await tx.addEvent(restore.id, 'restore.needs-attention', `${details.message} ${details.fix}`, { ...details });
}

async function endAsFailed(
  tx: RestoreTransaction,
  restore: LockedRestore,
  work: Work,
  details: ErrorDetails,
  resumeFrom: string | null = null,
): Promise<void> {
  const attempts = work.attempts + 1;
  const patch = { error: details, attempts, endedAt: new Date(), parked: false, resumeFrom };
  mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'failed', patch));
  await tell(tx, restore, work, 'failed', details.message, { ...details, attempts });
}

/**
 * Ends a restore for a fact that no attempt can change, whatever its steps are doing at the moment: it fails with exactly
 * this reason, and what was created is removed. A step that is being run ends first. One that has cut over is left to a person
 * for exactly this reason instead.
 *
 * @param restore as `lockRestore` has just given it
 * @param stepId whose fact it is
 * @returns false when the restore has ended, or is on its way back already: nothing is changed then
 */
export async function failRestore(
  tx: RestoreTransaction,
  restore: LockedRestore,
  stepId: StepId,
  details: ErrorDetails,
  works: WorkTable = WORKS,
): Promise<boolean> {
  if (!mayFail(restore)) return false;
  const step = restore.works.find((candidate) => candidate.id === stepId);
  const isAtWork = step?.state === 'running' && !step.parked;
  if (step !== undefined && !isAtWork && step.state !== 'done') {
    await endAsFailed(tx, restore, step, details);
  }
  const without = step === undefined || isAtWork ? restore : ended(restore, step);
  if (restore.cutOverAt === null) await turnRound(tx, without, 'failure', details, works);
  else await leaveCutOver(tx, without, withRollback(restore, details));
  return true;
}

/** Whether it goes forward, or would if a person let it. One whose way back asks for a person is on its way back, too. */
export function mayFail(restore: Pick<LockedRestore, 'state' | 'works' | 'turn'>): boolean {
  return FAILS_IN.includes(restore.state) && !isOnWayBack(restore);
}

const FAILS_IN: readonly RestoreState[] = ['running', 'awaiting-approval', 'needs-attention'];

/** Of several facts the first one is the reason: it is the one for which a resumption is refused. */
async function leaveCutOver(tx: RestoreTransaction, restore: LockedRestore, details: ErrorDetails): Promise<void> {
  if (restore.state === 'running') return needAttention(tx, restore, details);
  const [first, ...later] = await tx.verdicts(restore.id);
  if (first !== undefined && later.length === 0) await tx.patchRestore(restore.id, { error: details });
}

/** The restore once this work of it runs no more. */
function ended(restore: LockedRestore, { id, epoch }: Work): LockedRestore {
  const works = restore.works.map((work) =>
    work.id === id && work.epoch === epoch && work.state === 'running'
      ? { ...work, state: 'failed' as const, parked: false }
      : work,
  );
  return { ...restore, works };
}

/** The run has ended and its effect is not wanted any more: the way back may begin. */
async function giveBack({ tx, restore, work, works }: At): Promise<void> {
  const patch = { epoch: work.epoch + 1, parked: false };
  mustMove(await tx.moveWork(restore.id, work, guardOf(work), 'pending', patch));
  await tell(tx, restore, work, 'stopped', `stopped, because the restore is ${restore.state}`);
  await startWayBack(tx, restore.id, works);
}

/**
 * How a run ends that nobody can end any more: its job is delivered again, or is gone, because its process has died or
 * has lost its lock. Failing it gives the work a new epoch, so that whatever is left of the run can write nothing; and
 * it counts as an attempt, because a work that kills its process would otherwise be taken up for ever.
 */
function interrupted({ id, direction }: Work): LandfallError {
  if (direction === 'back') {
    return new RetryableError({
      code: 'CLEAN_UP_INTERRUPTED',
      message: 'The process that removed what was created has ended before it was done.',
      fix: 'Look into the log of the finalizer for its end; resume the restore once its cause is removed.',
    });
  }
  return new RetryableError({
    code: 'STEP_INTERRUPTED',
    message: `the process that ran it has ended before the step ${id} did.`,
    fix: 'Look into the log of the service for its end; resume the restore once its cause is removed.',
  });
}

function badOutput({ id }: Work): LandfallError {
  return new PermanentError({
    code: 'STEP_OUTPUT_INVALID',
    message: `Step ${id} has ended with something that the next steps can't read.`,
    fix: 'This is a fault of Landfall: report it with the log of the service.',
  });
}
