import {
  azureDiskName,
  ownerTags,
  PermanentError,
  workingGroupOf,
  type Cloud,
  type DiskSpec,
  type PlannedDisk,
  type RestoreBooks,
} from '@landfall/domain';
import { boundedMap, type StepContext, type StepHandler } from '@landfall/pipeline';

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

export function createEmptyDisks(ports: DiskPorts): StepHandler<'create-empty-disks'> {
  const { cloud, books } = ports;
  return async (context) => {
    const { restore, plan, epoch, journal, signal } = context;
    const direct = plan.options.transfer === 'direct';
    const disks = await boundedMap(plan.disks, DISKS_AT_ONCE, async (planned) => {
      const spec = diskSpec(ports, context, planned);
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

function diskSpec({ applianceId }: DiskPorts, { restore, plan }: StepContext, planned: PlannedDisk): DiskSpec {
  const { region, zone } = plan.destination;
  return {
    resourceGroup: workingGroupOf(plan, restore.id),
    region,
    zone,
    name: azureDiskName(planned.azureName, restore.id),
    tags: ownerTags(applianceId, restore.id, 'disk'),
    role: 'disk',
    purpose: 'result',
    sizeBytes: planned.sizeBytes,
    sku: planned.sku,
    os: planned.role === 'os' ? operatingSystem(restore.id, plan) : null,
  };
}

/** Azure wants to know whether the OS disk holds Linux or Windows; where nothing says, Linux is what asks for least. */
function operatingSystem(
  restoreId: string,
  { restorePoint, destination, generation, options }: StepContext['plan'],
): DiskSpec['os'] {
  // Disks alone need not boot: one whose firmware is unknown is made as a plain disk.
  if (generation === null && options.disksOnly) return null;
  if (generation === null) {
    throw new PermanentError({
      code: 'PLAN_INCOMPLETE',
      message: `The plan of restore ${restoreId} says nothing about the VM's generation.`,
      fix: 'Plan the restore again, with --generation 1 or 2.',
    });
  }
  const family = restorePoint.os?.family ?? 'linux';
  const { diskController, architecture } = destination;
  return {
    family,
    generation,
    ...(diskController === 'NVMe' ? { startsFromNvme: true } : {}),
    ...(architecture === undefined ? {} : { architecture }),
  };
}
