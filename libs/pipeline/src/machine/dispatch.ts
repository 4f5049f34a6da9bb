import {
  RetryableError,
  type CleanUp,
  type RestoreStep,
  type RestoreTransaction,
  type StepId,
  type StepPatch,
} from '@landfall/domain';
import { QUEUES, stepJobId } from '../queues.js';
import { STAGES } from './stages.js';

/*
 * Dispatching: in one transaction the work becomes pending under a higher epoch and its job is written to the outbox.
 * Every job that was sent for it before is stale from then on.
 */

export const STEP_JOB = 'run-step';
export const CLEAN_UP_JOB = 'clean-up';

/** The queue on which a step's or a clean-up's jobs travel. */
export function queueOf(work: StepId | 'clean-up'): string {
  return work === 'clean-up' ? QUEUES.finalizer : QUEUES[STAGES[work].service];
}

export async function dispatchStep(
  tx: RestoreTransaction,
  restoreId: string,
  step: Pick<RestoreStep, 'id' | 'state' | 'epoch'>,
  patch: StepPatch = {},
  delayMs = 0,
): Promise<void> {
  const epoch = step.epoch + 1;
  const guard = { from: step.state, epoch: step.epoch };
  const notBefore = delayMs > 0 ? new Date(Date.now() + delayMs) : null;
  mustMove(await tx.moveStep(restoreId, step.id, guard, 'pending', { ...patch, epoch, notBefore, parked: false }));
  await tx.enqueue({
    queue: queueOf(step.id),
    jobId: stepJobId(restoreId, step.id, epoch),
    name: STEP_JOB,
    payload: { restoreId, step: step.id, epoch },
    delayMs,
  });
}

export async function dispatchCleanUp(
  tx: RestoreTransaction,
  restoreId: string,
  cleanUp: Pick<CleanUp, 'state' | 'epoch'>,
  patch: Omit<StepPatch, 'output' | 'parked'> = {},
  delayMs = 0,
): Promise<void> {
  const epoch = cleanUp.epoch + 1;
  const guard = { from: cleanUp.state, epoch: cleanUp.epoch };
  const notBefore = delayMs > 0 ? new Date(Date.now() + delayMs) : null;
  mustMove(await tx.moveCleanUp(restoreId, guard, 'pending', { ...patch, epoch, notBefore }));
  await tx.enqueue({
    queue: queueOf('clean-up'),
    jobId: stepJobId(restoreId, 'clean-up', epoch),
    name: CLEAN_UP_JOB,
    payload: { restoreId, epoch },
    delayMs,
  });
}

/** For guarded changes under a restore's lock: they can only miss when the books were changed by somebody without it. */
export function mustMove(moved: boolean): void {
  if (moved) return;
  throw new RetryableError({
    code: 'BOOKS_CHANGED',
    message: 'The books of the restore were changed at the same moment by somebody else.',
    fix: 'Nothing was changed by this attempt; try again.',
  });
}
