import {
  livingDisks,
  PermanentError,
  sameId,
  type DiskAttachment,
  type LockedRestore,
  type NotSent,
  type PlannedDisk,
  type RestorePlan,
  type SavedVm,
} from '@landfall/domain';

/**
 * The data disks of the machine: those that are restored, and of one that is replaced those that it keeps.
 * @throws PermanentError `STEP_OUTPUT_MISSING`
 */
export function dataDisksOf(restore: LockedRestore, plan: RestorePlan): readonly DiskAttachment[] {
  const restored = plan.disks.flatMap(({ name, role, lun, caching }) =>
    role === 'data' && lun !== null ? [{ diskId: diskIdOf(restore, name), lun, caching }] : [],
  );
  const kept = (plan.source?.disks ?? []).flatMap(({ azureId, lun, caching, replacedBy }) =>
    lun !== null && replacedBy === null ? [{ diskId: azureId, lun, caching }] : [],
  );
  return [...restored, ...kept];
}

/**
 * What was attached to a machine that is replaced after it was planned for: it is kept, as all that the point does not replace.
 * One whose LUN a restored disk has is kept beside the machine.
 */
export function attachedSince(
  saved: SavedVm,
  restore: LockedRestore,
  plan: RestorePlan,
): { readonly disks: readonly DiskAttachment[]; readonly leftOut: readonly NotSent[] } {
  const taken = dataDisksOf(restore, plan).map(({ lun }) => lun);
  const known = plan.source?.disks ?? [];
  const since = livingDisks(saved).flatMap(({ azureId, lun, caching }) =>
    lun === null || known.some((disk) => sameId(disk.azureId, azureId)) ? [] : [{ diskId: azureId, lun, caching }],
  );
  return {
    disks: since.filter(({ lun }) => !taken.includes(lun)),
    leftOut: since
      .filter(({ lun }) => taken.includes(lun))
      .map(({ diskId, lun }) => ({
        path: `properties.storageProfile.dataDisks[lun ${lun}]`,
        why: `A restored disk has this LUN; "${diskId.split('/').at(-1)}", which was attached there after the plan, is kept beside the machine.`,
      })),
  };
}

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

/** @throws PermanentError `PLAN_INCOMPLETE` */
export function osDiskOf(restore: LockedRestore, plan: RestorePlan): PlannedDisk {
  const osDisk = plan.disks.find((disk) => disk.role === 'os');
  if (osDisk === undefined) throw incomplete(restore, 'which of its disks is the OS disk');
  return osDisk;
}

export function incomplete(restore: LockedRestore, what: string): PermanentError {
  return new PermanentError({
    code: 'PLAN_INCOMPLETE',
    message: `The plan of restore ${restore.id} does not say ${what}.`,
    fix: 'Plan the restore again; report this if it comes back.',
  });
}
