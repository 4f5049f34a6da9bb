import { diskOf, type Cloud, type RestoreBooks } from '@landfall/domain';
import { boundedMap, type StepHandler } from '@landfall/pipeline';

/*
 * Step 3: as many new disks as the plan says, named after the restore so that a repetition finds them. A worker writes
 * empty disks; a direct transfer needs disks that wait for an upload.
 */
const DISKS_AT_ONCE = 4;

export interface DiskPorts {
  readonly cloud: Pick<Cloud, 'disks'>;
  readonly books: Pick<RestoreBooks, 'transaction'>;
  readonly applianceId: string;
}

export function createEmptyDisks({ cloud, books, applianceId }: DiskPorts): StepHandler<'create-empty-disks'> {
  return async ({ restore, plan, epoch, journal, signal }) => {
    const direct = plan.options.transfer === 'direct';
    const disks = await boundedMap(plan.disks, DISKS_AT_ONCE, async (planned) => {
      const spec = diskOf(plan, planned, { applianceId, restoreId: restore.id });
      const disk = direct
        ? await cloud.disks.ensureUpload(spec, journal, signal)
        : await cloud.disks.ensureEmpty(spec, journal, signal);
      await books.transaction(async (tx) => {
        await tx.requireCurrent({ restoreId: restore.id, work: 'create-empty-disks', epoch });
        await tx.setDiskAzureId(restore.id, planned.name, disk.azureId);
      });
      return { name: planned.name, azureId: disk.azureId, uniqueId: disk.uniqueId };
    });
    return { kind: 'done', output: { disks } };
  };
}
