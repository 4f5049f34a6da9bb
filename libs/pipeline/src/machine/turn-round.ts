import {
  ConflictError,
  detailsOf,
  hasEnded,
  kindOf,
  NotFoundError,
  RetryableError,
  WaitingError,
  type CleanUp,
  type CleanUpPurpose,
  type DiskVerdict,
  type ErrorDetails,
  type LockedRestore,
  type RestoreBooks,
  type RestoreState,
  type RestoreStep,
  type RestoreTransaction,
} from '@landfall/domain';
import { dispatchCleanUp, dispatchStep, mustMove } from './dispatch.js';
import { backOffMs, CLEAN_UP_ATTEMPTS } from '../retry-policy.js';
import { WORKER_SILENT } from './stages.js';

/*
 * The way back of a restore: cancel, failure and roll-back all remove what the ledger lists, in one clean-up job on the
 * finalizer's queue, and differ in the state that they end in. A clean-up never runs beside a step: while one is
 * running it waits, pending and not dispatched, until that run has ended or its job is provably dead.
 *
 * What a person asks for is idempotent: asked twice, the second changes nothing.
 */
const ENDS: Record<CleanUpPurpose, { on: RestoreState; end: RestoreState; sentence: string }> = {
  cancel: { on: 'cancelling', end: 'cancelled', sentence: 'The restore is cancelled; what it had created is removed.' },
  failure: { on: 'rolling-back', end: 'failed', sentence: 'The restore has failed; what it had created is removed.' },
  'roll-back': { on: 'rolling-back', end: 'rolled-back', sentence: 'The restore is rolled back.' },
};

/** @throws NotFoundError `RESTORE_NOT_FOUND`, ConflictError `NOT_CANCELLABLE` */
export async function requestCancel(books: RestoreBooks, restoreId: string, actor: string): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await lock(tx, restoreId);
    if (restore.state === 'cancelling' || restore.state === 'cancelled') return;
    if (!['planning', 'awaiting-approval', 'running', 'needs-attention'].includes(restore.state)) {
      throw new ConflictError({
        code: 'NOT_CANCELLABLE',
        message: `Restore ${restoreId} is ${restore.state} and can't be cancelled.`,
        fix:
          restore.state === 'completed'
            ? 'Roll it back to remove what it has created.'
            : 'Nothing has to be done: it does not go on.',
      });
    }
    await turnRound(tx, restore, 'cancel', null);
    await tx.audit({ actor, action: 'restore.cancel', subject: restoreId, details: { from: restore.state } });
  });
}

/** Removes what a restore to a new location has created. @throws NotFoundError, ConflictError `NOT_ROLLBACKABLE` */
export async function requestRollback(books: RestoreBooks, restoreId: string, actor: string): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await lock(tx, restoreId);
    if (restore.state === 'rolled-back') return;
    const under = await tx.cleanUp(restoreId);
    if (restore.state === 'rolling-back' && under?.purpose === 'roll-back') return;
    if (!['completed', 'failed', 'needs-attention'].includes(restore.state)) {
      throw new ConflictError({
        code: 'NOT_ROLLBACKABLE',
        message: `Restore ${restoreId} is ${restore.state} and can't be rolled back.`,
        fix: 'A restore that is under way can be cancelled; one that is completed, failed or needs attention rolled back.',
      });
    }
    if (restore.request.destination.kind !== 'new') {
      throw new ConflictError({
        code: 'NOT_ROLLBACKABLE',
        message: `Restore ${restoreId} went to the original location and can't be rolled back by this version.`,
        fix: 'Recreate the machine from the safety snapshots that the restore has listed.',
      });
    }
    await turnRound(tx, restore, 'roll-back', null);
    await tx.audit({ actor, action: 'restore.rollback', subject: restoreId, details: { from: restore.state } });
  });
}

/** Goes on where attempts were used up, forwards or backwards. @throws NotFoundError, ConflictError `NOT_RESUMABLE` */
export async function requestResume(books: RestoreBooks, restoreId: string, actor: string): Promise<void> {
  await books.transaction(async (tx) => {
    const restore = await lock(tx, restoreId);
    if (restore.state !== 'needs-attention') throw notResumable(restore);
    const cleanUp = await tx.cleanUp(restoreId);
    const back = cleanUp !== null && cleanUp.state !== 'done';
    const step = restore.steps.find((candidate) => candidate.state === 'failed');
    if (!back && !step) throw notResumable(restore);
    const [verdict] = back ? [] : await tx.verdicts(restoreId);
    if (verdict !== undefined) throw badDisk(restore, verdict);
    const to = back ? ENDS[cleanUp.purpose].on : step?.id === 'plan' ? 'planning' : 'running';
    const guard = { from: restore.state, epoch: restore.epoch };
    mustMove(await tx.moveRestore(restoreId, guard, to, { error: back ? cleanUp.cause : null }));
    await tx.addEvent(restoreId, `restore.${to}`, `Resumed by ${actor}.`, { actor });
    if (back) await dispatchCleanUp(tx, restoreId, cleanUp, { attempts: 0, error: null });
    else if (step) await resumeStep(tx, restore, step);
    await tx.audit({ actor, action: 'restore.resume', subject: restoreId, details: { to } });
  });
}

/**
 * Takes the failed step up again; or, where it has lost its worker, step 4 once more. The failed step stays as it is until
 * then: its error tells step 4 why.
 */
async function resumeStep(tx: RestoreTransaction, restore: LockedRestore, failed: RestoreStep): Promise<void> {
  const anew = { attempts: 0, error: null, endedAt: null };
  const hasLostWorker = failed.id === 'restore-data' && failed.error?.code === WORKER_SILENT;
  const launch = restore.steps.find((step) => step.id === 'launch-worker' && step.state === 'done');
  if (!hasLostWorker || launch === undefined) return dispatchStep(tx, restore.id, failed, anew);
  const { number, id: step } = launch;
  const message = `Step ${number}, ${step}: taken up again, because a worker was not heard of any more.`;
  await tx.addEvent(restore.id, 'step.reopened', message, { number, step });
  return dispatchStep(tx, restore.id, launch, anew);
}

/** Makes the restore go back for this purpose; the clean-up begins at once unless a step is still running. */
export async function turnRound(
  tx: RestoreTransaction,
  restore: LockedRestore,
  purpose: CleanUpPurpose,
  cause: ErrorDetails | null,
): Promise<void> {
  const to = ENDS[purpose].on;
  const guard = { from: restore.state, epoch: restore.epoch };
  mustMove(await tx.moveRestore(restore.id, guard, to, { error: cause }));
  await tx.addEvent(restore.id, `restore.${to}`, turningSentence(purpose, cause), { purpose, ...cause });
  await beginWayBack(tx, restore, await tx.openCleanUp(restore.id, purpose, cause));
}

/** Dispatches the clean-up that waits, unless a step is still running; a parked step ends here. */
export async function startCleanUp(tx: RestoreTransaction, restoreId: string): Promise<void> {
  const restore = await lock(tx, restoreId);
  await beginWayBack(tx, restore, await tx.cleanUp(restoreId));
}

async function beginWayBack(tx: RestoreTransaction, restore: LockedRestore, cleanUp: CleanUp | null): Promise<void> {
  if (cleanUp?.state !== 'pending') return;
  const running = restore.steps.filter((step) => step.state === 'running');
  if (running.some((step) => !step.parked)) return;
  for (const step of running) {
    const guard = { from: step.state, epoch: step.epoch };
    mustMove(await tx.moveStep(restore.id, step.id, guard, 'pending', { epoch: step.epoch + 1, parked: false }));
  }
  await dispatchCleanUp(tx, restore.id, cleanUp);
}

/** Takes a clean-up up. Null: the job is stale and must be dropped. */
export async function beginCleanUp(
  books: RestoreBooks,
  run: { restoreId: string; epoch: number },
): Promise<{ restore: LockedRestore; cleanUp: CleanUp } | null> {
  return books.transaction(async (tx) => {
    const restore = await tx.lockRestore(run.restoreId);
    const cleanUp = restore && (await tx.cleanUp(run.restoreId));
    if (!restore || !cleanUp || cleanUp.epoch !== run.epoch || !goesBack(restore.state)) return null;
    if (cleanUp.state === 'running') {
      await retryCleanUp(tx, restore, cleanUp, interrupted());
      return null;
    }
    // Under its first epoch it waits for a step to end, and no job was sent for it: one that comes is made up.
    if (cleanUp.state !== 'pending' || cleanUp.epoch === 0) return null;
    const guard = { from: cleanUp.state, epoch: cleanUp.epoch };
    mustMove(await tx.moveCleanUp(restore.id, guard, 'running', { startedAt: new Date(), notBefore: null }));
    await tx.addEvent(restore.id, 'clean-up.started', 'What was created is being removed.', { epoch: cleanUp.epoch });
    return { restore, cleanUp: { ...cleanUp, state: 'running' } };
  });
}

/** Records how a clean-up's run ended. Returns false when the run is stale and its outcome was dropped. */
export async function finishCleanUp(
  books: RestoreBooks,
  run: { restoreId: string; epoch: number },
  result:
    { readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: unknown } | { readonly kind: 'interrupted' },
): Promise<boolean> {
  return books.transaction(async (tx) => {
    const restore = await tx.lockRestore(run.restoreId);
    const cleanUp = restore && (await tx.cleanUp(run.restoreId));
    if (!restore || cleanUp?.epoch !== run.epoch || cleanUp.state !== 'running' || !goesBack(restore.state))
      return false;
    const restoreGuard = { from: restore.state, epoch: restore.epoch };
    const guard = { from: cleanUp.state, epoch: cleanUp.epoch };
    if (result.kind === 'interrupted') {
      await dispatchCleanUp(tx, restore.id, cleanUp);
    } else if (result.kind === 'done') {
      const { end, sentence } = ENDS[cleanUp.purpose];
      mustMove(await tx.moveCleanUp(restore.id, guard, 'done', { endedAt: new Date(), error: null }));
      mustMove(await tx.moveRestore(restore.id, restoreGuard, end, { error: cleanUp.cause }));
      await tx.addEvent(restore.id, `restore.${end}`, sentence, { ...cleanUp.cause });
    } else {
      await retryCleanUp(tx, restore, cleanUp, result.error);
    }
    return true;
  });
}

/** Sends a clean-up out again whose job is provably gone. */
export async function redispatchCleanUp(
  books: RestoreBooks,
  run: { restoreId: string; epoch: number },
): Promise<boolean> {
  return books.transaction(async (tx) => {
    const restore = await tx.lockRestore(run.restoreId);
    const cleanUp = restore && (await tx.cleanUp(run.restoreId));
    if (!restore || cleanUp?.epoch !== run.epoch || !goesBack(restore.state)) return false;
    if (cleanUp.state === 'running') await retryCleanUp(tx, restore, cleanUp, interrupted());
    else if (cleanUp.state === 'pending') await startCleanUp(tx, restore.id);
    else return false;
    return true;
  });
}

async function retryCleanUp(
  tx: RestoreTransaction,
  restore: LockedRestore,
  cleanUp: CleanUp,
  error: unknown,
): Promise<void> {
  const details = detailsOf(error);
  const kind = kindOf(error);
  const attempts = cleanUp.attempts + (kind === 'waiting' ? 0 : 1);
  if (kind !== 'permanent' && attempts < CLEAN_UP_ATTEMPTS) {
    const asked = error instanceof RetryableError || error instanceof WaitingError ? error.retryAfterMs : 0;
    const delayMs = kind === 'waiting' ? (asked ?? 0) : backOffMs(attempts, asked);
    await tx.addEvent(restore.id, 'clean-up.retry', details.message, { ...details, attempts, delayMs });
    return dispatchCleanUp(tx, restore.id, cleanUp, { attempts, error: details }, delayMs);
  }
  const guard = { from: cleanUp.state, epoch: cleanUp.epoch };
  mustMove(await tx.moveCleanUp(restore.id, guard, 'failed', { attempts, error: details }));
  const restoreGuard = { from: restore.state, epoch: restore.epoch };
  mustMove(await tx.moveRestore(restore.id, restoreGuard, 'needs-attention', { error: details }));
  await tx.addEvent(restore.id, 'restore.needs-attention', `${details.message} ${details.fix}`, { ...details });
}

/** As for a step: the process of the first run has died, and a new epoch shuts out whatever is left of it. */
function interrupted(): RetryableError {
  return new RetryableError({
    code: 'CLEAN_UP_INTERRUPTED',
    message: 'The process that removed what was created has ended before it was done.',
    fix: 'Look into the log of the finalizer for its end; resume the restore once its cause is removed.',
  });
}

function goesBack(state: RestoreState): boolean {
  return state === 'cancelling' || state === 'rolling-back';
}

function turningSentence(purpose: CleanUpPurpose, cause: ErrorDetails | null): string {
  if (purpose === 'cancel') return 'The restore is being cancelled.';
  if (purpose === 'roll-back') return 'The restore is being rolled back.';
  return `The restore can't go on: ${cause?.message ?? 'a step has failed.'}`;
}

function notResumable(restore: LockedRestore): ConflictError {
  return new ConflictError({
    code: 'NOT_RESUMABLE',
    message: `Restore ${restore.id} is ${restore.state}; only one whose attempts are used up can be resumed.`,
    fix: hasEnded(restore.state)
      ? 'It has ended. To bring the machine back, start a restore anew.'
      : 'Nothing has to be done while it goes on; show the restore to see what it is doing.',
  });
}

function badDisk({ id }: LockedRestore, { diskName, code, message }: DiskVerdict): ConflictError {
  return new ConflictError({
    code: 'NOT_RESUMABLE',
    message: `Restore ${id} can't be resumed: its disk "${diskName}" has failed for good (${code}): ${message}`,
    fix: 'Roll it back and start the restore anew.',
  });
}

async function lock(tx: RestoreTransaction, restoreId: string): Promise<LockedRestore> {
  const restore = await tx.lockRestore(restoreId);
  if (restore) return restore;
  throw new NotFoundError({
    code: 'RESTORE_NOT_FOUND',
    message: `There is no restore ${restoreId}.`,
    fix: 'List the restores to find its id.',
  });
}
