import { stepNumber, type LockedRestore, type RestoreTransaction, type StepId, type Work } from '@landfall/domain';

/*
 * What the history of a restore tells of a work: of a step everything, with its number. Of the way back that it begins and is
 * tried again: its end is an event of the restore itself.
 */
export type Told =
  'started' | 'waiting' | 'retry' | 'interrupted' | 'stopped' | 'done' | 'failed' | 'skipped' | 'reopened';

const OF_WAY_BACK: Partial<Record<Told, string>> = {
  started: 'clean-up.started',
  waiting: 'clean-up.retry',
  retry: 'clean-up.retry',
};

export async function tell(
  tx: RestoreTransaction,
  { id: restoreId }: Pick<LockedRestore, 'id'>,
  { id, direction, attempts }: Pick<Work, 'id' | 'direction' | 'attempts'>,
  what: Told,
  message: string,
  data: Record<string, unknown> = {},
): Promise<void> {
  if (direction === 'forward') {
    const number = stepNumber(id as StepId);
    await tx.addEvent(restoreId, `step.${what}`, `Step ${number}, ${id}: ${message}`, { number, step: id, ...data });
  } else if (direction === 'after') {
    await tx.addEvent(restoreId, `afterwards.${what}`, message, { work: id, ...data });
  } else {
    const type = OF_WAY_BACK[what];
    const counted = what === 'waiting' ? { attempts } : {};
    if (type !== undefined) await tx.addEvent(restoreId, type, message, { ...counted, ...data });
  }
}
