import { RetryableError, type RestoreTransaction, type Work, type WorkKey, type WorkPatch } from '@landfall/domain';
import { QUEUES, workJobId } from '../queues.js';
import { rowOf, type WorkTable } from './work-table.js';
import { WORKS } from './works.js';

/*
 * Dispatching: in one transaction the work becomes pending under a higher epoch and its job is written to the outbox.
 * Every job that was sent for it before is stale from then on.
 */

export const WORK_JOB = 'run-work';

/** The queue on which a work's jobs travel; null: no table knows it. */
export function queueOf(work: string, works: WorkTable = WORKS): string | null {
  const row = rowOf(works, work);
  return row === undefined ? null : QUEUES[row.service];
}

export async function dispatchWork(
  tx: RestoreTransaction,
  restoreId: string,
  work: WorkKey & Pick<Work, 'state' | 'epoch'>,
  { patch = {}, delayMs = 0, works = WORKS }: { patch?: WorkPatch; delayMs?: number; works?: WorkTable } = {},
): Promise<void> {
  const epoch = work.epoch + 1;
  const guard = { from: work.state, epoch: work.epoch };
  const notBefore = delayMs > 0 ? new Date(Date.now() + delayMs) : null;
  mustMove(await tx.moveWork(restoreId, work, guard, 'pending', { ...patch, epoch, notBefore, parked: false }));
  const queue = queueOf(work.id, works);
  if (queue === null) throw new Error(`No table knows the work ${work.id}.`);
  await tx.enqueue({
    queue,
    jobId: workJobId(restoreId, work.id, epoch),
    name: WORK_JOB,
    payload: { restoreId, work: work.id, epoch },
    delayMs,
  });
}

/** Of a work that is taken up as if it had never been tried. */
export const ANEW: WorkPatch = { attempts: 0, error: null, endedAt: null, resumeFrom: null };

/** What a writer believes of a work that it moves. */
export function guardOf(work: Work): { from: Work['state']; epoch: number } {
  return { from: work.state, epoch: work.epoch };
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
