import {
  detailsOf,
  isRefused,
  kindOf,
  LandfallError,
  PermanentError,
  RetryableError,
  stepNumber,
  WaitingError,
  type ErrorDetails,
  type LockedRestore,
  type RestoreBooks,
  type RestoreState,
  type RestoreStep,
  type RestoreTransaction,
  type StepId,
} from '@landfall/domain';
import { dispatchStep, mustMove } from './dispatch.js';
import { backOffMs, STEP_ATTEMPTS } from '../retry-policy.js';
import { nextStep, STAGES, VM_CREATED } from './stages.js';
import { startCleanUp, turnRound } from './turn-round.js';

/*
 * The way forward of a restore.
 *
 * A step's run is taken up with `beginStep` and ends with `recordOutcome`. The latter is the one function that moves a
 * restore on: in one transaction, under the restore's row lock, it records the outcome and writes the next job to the
 * outbox. A run whose epoch is no longer the step's is stale: both functions then change nothing and say so.
 *
 *   done        → steps that the plan leaves out are skipped, the next one is dispatched; after the last: completed
 *   parked      → stays running; whoever ends it calls `recordOutcome` later
 *   waiting     → dispatched again after its delay, no attempt counted
 *   retryable   → dispatched again after a back-off; attempts used up: needs-attention
 *   exhausted   → needs-attention, whatever attempts are left
 *   permanent   → the restore turns round: what was created is removed, then it is failed
 *   interrupted → dispatched again at once, no attempt counted (shutdown, lost lock)
 *
 * A run that ends after the restore has turned round lets the clean-up begin, which waited for it.
 */
export interface StepRun {
  readonly restoreId: string;
  readonly step: StepId;
  readonly epoch: number;
}

export type RunResult =
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'parked' }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** Whatever may pass has been tried often enough below the step: it is left to a person. */
  | { readonly kind: 'exhausted'; readonly error: unknown }
  | { readonly kind: 'interrupted' };

/** A run that may begin; null from `beginStep` means that the job is stale and must be dropped. */
export interface BegunStep {
  readonly restore: LockedRestore;
  readonly step: RestoreStep;
}

export async function beginStep(books: RestoreBooks, run: StepRun): Promise<BegunStep | null> {
  return books.transaction(async (tx) => {
    const found = await lockStep(tx, run);
    if (!found) return null;
    const { restore, step } = found;
    if (!movesForward(restore.state)) {
      if (step.state === 'running') await giveBack(tx, restore, step);
      return null;
    }
    if (step.state === 'running' && !step.parked) await fail(tx, restore, step, interrupted(step.id));
    if (step.state !== 'pending' || !wasDispatched(step)) return null;
    const startedAt = step.startedAt ?? new Date();
    const guard = { from: step.state, epoch: step.epoch };
    mustMove(await tx.moveStep(restore.id, step.id, guard, 'running', { startedAt, endedAt: null, notBefore: null }));
    await stepEvent(tx, restore.id, step.id, 'started', `attempt ${step.attempts + 1}`, { epoch: step.epoch });
    return { restore, step: { ...step, state: 'running', startedAt, endedAt: null } };
  });
}

/** No job was ever sent for a step under its first epoch: one that names it is made up, and comes before its turn. */
function wasDispatched({ epoch }: Pick<RestoreStep, 'epoch'>): boolean {
  return epoch > 0;
}

/** Returns false when the run is stale and its outcome was dropped. */
export async function recordOutcome(books: RestoreBooks, run: StepRun, result: RunResult): Promise<boolean> {
  return books.transaction(async (tx) => {
    const found = await lockStep(tx, run);
    if (!found || found.step.state !== 'running') return false;
    await applyOutcome(tx, found.restore, found.step, result);
    return true;
  });
}

/** Whether steps may run: the restore is neither settled nor on its way back. */
export function movesForward(state: RestoreState): boolean {
  return state === 'planning' || state === 'running';
}

/**
 * Sends a step out again whose job is provably gone, or lets the clean-up begin that waited for it. One that has parked
 * since its job was missed has ended that job itself.
 */
export async function redispatchStep(books: RestoreBooks, run: StepRun): Promise<boolean> {
  return books.transaction(async (tx) => {
    const found = await lockStep(tx, run);
    if (!found || found.step.parked) return false;
    const { restore, step } = found;
    if (step.state === 'running') {
      await applyOutcome(tx, restore, step, { kind: 'failed', error: interrupted(step.id) });
      return true;
    }
    if (step.state !== 'pending' || !movesForward(restore.state)) return false;
    await dispatchStep(tx, restore.id, step);
    return true;
  });
}

async function lockStep(tx: RestoreTransaction, run: StepRun): Promise<BegunStep | null> {
  const restore = await tx.lockRestore(run.restoreId);
  const step = restore?.steps.find((candidate) => candidate.id === run.step);
  return restore && step && step.epoch === run.epoch ? { restore, step } : null;
}

/**
 * Ends a run and writes what follows, for whoever decides on it in a transaction of their own.
 * @param restore as `lockRestore` has just given it; its `step` is running
 */
export async function applyOutcome(
  tx: RestoreTransaction,
  restore: LockedRestore,
  step: RestoreStep,
  result: RunResult,
): Promise<void> {
  if (result.kind === 'done') return finish(tx, restore, step, result.output);
  if (!movesForward(restore.state)) return giveBack(tx, restore, step);
  switch (result.kind) {
    case 'parked':
      mustMove(await tx.moveStep(restore.id, step.id, guardOf(step), 'running', { parked: true }));
      return;
    case 'interrupted':
      await stepEvent(tx, restore.id, step.id, 'interrupted', 'it is taken up again');
      return dispatchStep(tx, restore.id, step);
    case 'failed':
      return fail(tx, restore, step, result.error);
    case 'exhausted':
      return leaveToPerson(tx, restore, step, detailsOf(result.error));
  }
}

async function finish(tx: RestoreTransaction, restore: LockedRestore, step: RestoreStep, raw: unknown): Promise<void> {
  const parsed = STAGES[step.id].output.safeParse(raw);
  if (!parsed.success) return fail(tx, restore, step, badOutput(step.id));
  if (step.id === 'plan' && restore.plan === null) return fail(tx, restore, step, badOutput(step.id));
  const output: unknown = parsed.data;
  const patch = { output, endedAt: new Date(), error: null, parked: false };
  mustMove(await tx.moveStep(restore.id, step.id, guardOf(step), 'done', patch));
  await stepEvent(tx, restore.id, step.id, 'done', 'done');
  if (step.id === 'create-vm') {
    await tx.patchRestore(restore.id, { vmAzureId: VM_CREATED.parse(output).vmAzureId });
  }
  if (movesForward(restore.state)) await goOn(tx, restore, step.id);
  else await startCleanUp(tx, restore.id);
}

async function goOn(tx: RestoreTransaction, restore: LockedRestore, after: StepId): Promise<void> {
  if (after === 'plan' && (await refuse(tx, restore))) return;
  let epoch = restore.epoch;
  if (restore.state === 'planning') {
    const patch = { problems: restore.plan?.problems ?? [], error: null };
    mustMove(await tx.moveRestore(restore.id, { from: 'planning', epoch }, 'running', patch));
    epoch += 1;
    await tx.addEvent(restore.id, 'restore.running', 'The plan is made; the restore runs.');
  }
  for (let id = nextStep(after); id !== null; id = nextStep(id)) {
    const step = restore.steps.find((candidate) => candidate.id === id);
    if (!step || step.state === 'done' || step.state === 'skipped') continue;
    const planned = restore.plan?.steps.find((candidate) => candidate.id === id);
    // One that has failed had lost its worker, and has another now.
    const patch = step.state === 'failed' ? { attempts: 0, error: null, endedAt: null } : {};
    if (planned?.applies) return dispatchStep(tx, restore.id, step, patch);
    mustMove(await tx.moveStep(restore.id, id, guardOf(step), 'skipped', { endedAt: new Date() }));
    await stepEvent(tx, restore.id, id, 'skipped', `left out: ${planned?.why ?? 'not in the plan'}`);
  }
  mustMove(await tx.moveRestore(restore.id, { from: 'running', epoch }, 'completed', { error: null }));
  await tx.addEvent(restore.id, 'restore.completed', 'The restore is completed.');
}

async function refuse(tx: RestoreTransaction, restore: LockedRestore): Promise<boolean> {
  if (restore.plan === null || !isRefused(restore.plan)) return false;
  const problems = restore.plan.problems;
  const guard = { from: restore.state, epoch: restore.epoch };
  mustMove(await tx.moveRestore(restore.id, guard, 'refused', { problems }));
  const codes = problems.filter((problem) => problem.severity === 'error').map((problem) => problem.code);
  await tx.addEvent(restore.id, 'restore.refused', `The plan is refused: ${codes.join(', ')}.`, { codes });
  return true;
}

async function fail(tx: RestoreTransaction, restore: LockedRestore, step: RestoreStep, error: unknown): Promise<void> {
  const details = detailsOf(error);
  if (!movesForward(restore.state)) return giveBack(tx, restore, step);
  const kind = kindOf(error);
  if (kind === 'waiting') {
    const delayMs = error instanceof WaitingError ? error.retryAfterMs : backOffMs(1);
    await stepEvent(tx, restore.id, step.id, 'waiting', details.message, { ...details, delayMs });
    return dispatchStep(tx, restore.id, step, { error: details }, delayMs);
  }
  const attempts = step.attempts + 1;
  if (kind === 'retryable' && attempts < STEP_ATTEMPTS) {
    const delayMs = backOffMs(attempts, error instanceof RetryableError ? error.retryAfterMs : 0);
    await stepEvent(tx, restore.id, step.id, 'retry', details.message, { ...details, attempts, delayMs });
    return dispatchStep(tx, restore.id, step, { error: details, attempts }, delayMs);
  }
  if (kind !== 'permanent') return leaveToPerson(tx, restore, step, details);
  await endAsFailed(tx, restore, step, details);
  if (restore.state === 'planning') {
    // Planning creates nothing: there is nothing to remove.
    const guard = { from: restore.state, epoch: restore.epoch };
    mustMove(await tx.moveRestore(restore.id, guard, 'failed', { error: details }));
    await tx.addEvent(restore.id, 'restore.failed', details.message, { ...details });
  } else {
    await turnRound(tx, ended(restore, step), 'failure', details);
  }
}

async function leaveToPerson(
  tx: RestoreTransaction,
  restore: LockedRestore,
  step: RestoreStep,
  details: ErrorDetails,
): Promise<void> {
  await endAsFailed(tx, restore, step, details);
  const guard = { from: restore.state, epoch: restore.epoch };
  mustMove(await tx.moveRestore(restore.id, guard, 'needs-attention', { error: details }));
  await tx.addEvent(restore.id, 'restore.needs-attention', `${details.message} ${details.fix}`, { ...details });
}

async function endAsFailed(
  tx: RestoreTransaction,
  restore: LockedRestore,
  step: RestoreStep,
  details: ErrorDetails,
): Promise<void> {
  const attempts = step.attempts + 1;
  const patch = { error: details, attempts, endedAt: new Date(), parked: false };
  mustMove(await tx.moveStep(restore.id, step.id, guardOf(step), 'failed', patch));
  await stepEvent(tx, restore.id, step.id, 'failed', details.message, { ...details, attempts });
}

/**
 * Ends a restore for a fact that no attempt can change, whatever its steps are doing at the moment: it fails with exactly
 * this reason, and what was created is removed. A step that is being run ends first.
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
): Promise<boolean> {
  if (restore.state === 'needs-attention') {
    // One that could not be removed is on its way back, too.
    const back = await tx.cleanUp(restore.id);
    if (back !== null && back.state !== 'done') return false;
  } else if (restore.state !== 'running') return false;
  const step = restore.steps.find((candidate) => candidate.id === stepId);
  const isAtWork = step?.state === 'running' && !step.parked;
  if (step !== undefined && !isAtWork && step.state !== 'done') {
    await endAsFailed(tx, restore, step, details);
  }
  await turnRound(tx, step === undefined || isAtWork ? restore : ended(restore, step), 'failure', details);
  return true;
}

/** The restore once this step of it runs no more. */
function ended(restore: LockedRestore, { id }: RestoreStep): LockedRestore {
  const steps = restore.steps.map((step) =>
    step.id === id && step.state === 'running' ? { ...step, state: 'failed' as const, parked: false } : step,
  );
  return { ...restore, steps };
}

/** The run has ended and its effect is not wanted any more: the clean-up may begin. */
async function giveBack(tx: RestoreTransaction, restore: LockedRestore, step: RestoreStep): Promise<void> {
  const patch = { epoch: step.epoch + 1, parked: false };
  mustMove(await tx.moveStep(restore.id, step.id, guardOf(step), 'pending', patch));
  await stepEvent(tx, restore.id, step.id, 'stopped', `stopped, because the restore is ${restore.state}`);
  await startCleanUp(tx, restore.id);
}

/**
 * How a run ends that nobody can end any more: its job is delivered again, or is gone, because its process has died or
 * has lost its lock. Failing it gives the step a new epoch, so that whatever is left of the run can write nothing; and
 * it counts as an attempt, because a step that kills its process would otherwise be taken up for ever.
 */
function interrupted(step: StepId): LandfallError {
  return new RetryableError({
    code: 'STEP_INTERRUPTED',
    message: `the process that ran it has ended before the step ${step} did.`,
    fix: 'Look into the log of the service for its end; resume the restore once its cause is removed.',
  });
}

function badOutput(step: StepId): LandfallError {
  return new PermanentError({
    code: 'STEP_OUTPUT_INVALID',
    message: `Step ${step} has ended with something that the next steps can't read.`,
    fix: 'This is a fault of Landfall: report it with the log of the service.',
  });
}

function guardOf(step: RestoreStep): { from: RestoreStep['state']; epoch: number } {
  return { from: step.state, epoch: step.epoch };
}

function stepEvent(
  tx: RestoreTransaction,
  restoreId: string,
  step: StepId,
  what: string,
  message: string,
  data: Record<string, unknown> = {},
): Promise<void> {
  const number = stepNumber(step);
  return tx.addEvent(restoreId, `step.${what}`, `Step ${number}, ${step}: ${message}`, { number, step, ...data });
}
