import { PermanentError, type LockedRestore } from '@landfall/domain';

/** The Azure disk of one of the plan's disks. @throws PermanentError `STEP_OUTPUT_MISSING` */
export function diskIdOf(restore: LockedRestore, diskName: string): string {
  const azureId = restore.disks.find((disk) => disk.name === diskName)?.azureId;
  if (azureId) return azureId;
  throw new PermanentError({
    code: 'STEP_OUTPUT_MISSING',
    message: `The books of restore ${restore.id} know no Azure disk for "${diskName}".`,
    fix: 'Start the restore anew; report this with the log of the provisioner.',
  });
}
