import { NotFoundError, type LockedRestore, type RestoreTransaction } from '@landfall/domain';

/** Of a restore that a person has named. @throws NotFoundError `RESTORE_NOT_FOUND` */
export async function lockRestore(tx: RestoreTransaction, restoreId: string): Promise<LockedRestore> {
  const restore = await tx.lockRestore(restoreId);
  if (restore) return restore;
  throw new NotFoundError({
    code: 'RESTORE_NOT_FOUND',
    message: `There is no restore ${restoreId}.`,
    fix: 'List the restores to find its id.',
  });
}
