import type { RestoreBooks, StepId } from '@landfall/domain';
import { recordOutcome, type RunResult } from './machine/advance.js';

/** Ends a parked step as whoever it waits for does. Returns false when it is not parked. */
export async function endParked(
  books: RestoreBooks,
  restoreId: string,
  step: StepId,
  result: Exclude<RunResult, { kind: 'parked' }>,
): Promise<boolean> {
  const restore = await books.restore(restoreId);
  const parked = restore?.works.find((candidate) => candidate.id === step && candidate.parked);
  return parked ? recordOutcome(books, { restoreId, work: step, epoch: parked.epoch }, result) : false;
}
