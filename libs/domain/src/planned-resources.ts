import { ownerTags, type ResourceRole } from './cloud/ownership.js';
import { resourceId, sameId, type GroupedKind } from './cloud/kinds.js';
import { PermanentError } from './errors.js';
import { azureDiskName, isolatedNetworkName, networkInterfaceName, safetyGroupName } from './names.js';
import { workingGroupOf, type PlannedDisk, type RestorePlan } from './plan.js';
import { livingDisks } from './planning/original/living-vm.js';
import type { DiskSpec } from './ports/cloud/disks.js';
import type { GroupSpec } from './ports/cloud/groups.js';
import type { DiskAttachment, NotSent, RecreateSpec, VmSpec } from './ports/cloud/machines.js';
import type { IsolatedNetworkSpec, NicSpec } from './ports/cloud/network.js';
import type { SavedResource, SavedVm } from './ports/cloud/reader.js';
import type { NetworkAccess, SnapshotSpec } from './ports/cloud/snapshots.js';
import type { RecordedSnapshot } from './source-record.js';

/*
 * What a plan makes in Azure, as it is asked for. The steps make it from here, and Azure's policies are asked about it from here
 * beforehand: what they are asked about is what is made.
 */

/** By whom it is made, and for what. */
export interface Maker {
  readonly applianceId: string;
  readonly restoreId: string;
}

/** The resource group in which the new disks of a restore to the original location wait. */
export function stagingGroupOf(plan: RestorePlan, maker: Maker): GroupSpec {
  const name = workingGroupOf(plan, maker.restoreId);
  return { ...groupOf(plan, maker, 'staging'), name, purpose: 'help' };
}

/** The resource group in which the safety snapshots of what is replaced are kept. */
export function safetyGroupOf(plan: RestorePlan, maker: Maker): GroupSpec {
  return { ...groupOf(plan, maker, 'safety'), name: safetyGroupName(maker.restoreId), purpose: 'safety' };
}

/** @throws PermanentError `PLAN_INCOMPLETE` */
export function diskOf(plan: RestorePlan, planned: PlannedDisk, maker: Maker): DiskSpec {
  const { region, zone } = plan.destination;
  return {
    ...{ resourceGroup: workingGroupOf(plan, maker.restoreId), region, zone },
    ...{ role: 'disk', purpose: 'result', tags: ownerTags(maker.applianceId, maker.restoreId, 'disk') },
    name: azureDiskName(planned.azureName, maker.restoreId),
    sizeBytes: planned.sizeBytes,
    sku: planned.sku,
    os: planned.role === 'os' ? systemOf(plan, maker) : null,
  };
}

/** The network of a machine that is to be isolated; null: it goes into one that is there. @throws PermanentError `PLAN_INCOMPLETE` */
export function isolatedNetworkOf(plan: RestorePlan, maker: Maker): IsolatedNetworkSpec | null {
  if (!plan.options.isolated) return null;
  const { vmName } = machineOf(plan, maker);
  return partOf(plan, maker, isolatedNetworkName(vmName, maker.restoreId), 'isolated-network');
}

/**
 * @param isolatedSubnetId of `isolatedNetworkOf`, which the plan can't name
 * @throws PermanentError `PLAN_INCOMPLETE`
 */
export function nicOf(plan: RestorePlan, isolatedSubnetId: string | null, maker: Maker): NicSpec {
  const { vmName, subnetId, privateIp } = machineOf(plan, maker);
  const into = isolatedSubnetId ?? subnetId;
  if (into === null) throw incomplete(maker.restoreId, 'does not say the subnet of the VM');
  const name = networkInterfaceName(vmName, maker.restoreId);
  return { ...partOf(plan, maker, name, 'nic'), subnetId: into, privateIp };
}

/** @throws PermanentError `PLAN_INCOMPLETE` */
export function vmOf(plan: RestorePlan, nicId: string, diskIdOf: DiskIdOf, maker: Maker): VmSpec {
  const { vmName, size, diskController } = machineOf(plan, maker);
  const osDisk = osDiskOf(plan, maker);
  return {
    ...partOf(plan, maker, vmName, 'vm'),
    ...{ size, nicId },
    ...(diskController === undefined ? {} : { diskController }),
    osDisk: {
      diskId: diskIdOf(osDisk.name),
      family: plan.restorePoint.os?.family ?? 'linux',
      caching: osDisk.caching,
    },
    dataDisks: dataDisksOf(plan, diskIdOf),
  };
}

/**
 * The machine that is made anew at its original place, around the restored disks.
 * @param instanceId as `RecreateSpec` has it
 * @throws PermanentError `PLAN_INCOMPLETE`
 */
export function vmAnewOf(
  plan: RestorePlan,
  saved: SavedVm,
  taken: readonly TakenDisk[],
  diskIdOf: DiskIdOf,
  instanceId: string | null,
  maker: Maker,
): RecreateSpec {
  return {
    ...{ saved, instanceId, role: 'vm', purpose: 'result' },
    osDiskId: diskIdOf(osDiskOf(plan, maker).name),
    dataDisks: [...dataDisksOf(plan, diskIdOf), ...attachedSince(saved, plan, taken).disks],
    tags: ownerTags(maker.applianceId, maker.restoreId, 'vm'),
  };
}

/**
 * A copy of a disk of what is replaced, in the group of such copies.
 * @param saved as it was saved; undefined: nothing is saved of it, so nobody may read it
 */
export function safetySnapshotOf(
  plan: RestorePlan,
  name: string,
  diskId: string,
  saved: SavedResource | undefined,
  maker: Maker,
): SnapshotSpec {
  const resourceGroup = safetyGroupName(maker.restoreId);
  return {
    ...groupOf(plan, maker, 'snapshot'),
    resourceGroup,
    name,
    diskId,
    purpose: 'safety',
    access: accessOf(saved),
  };
}

/** No wider than that of the disk: what it holds lies open in its snapshot. */
function accessOf(saved: SavedResource | undefined): NetworkAccess {
  const { networkAccessPolicy, publicNetworkAccess, diskAccessId } = (saved?.body['properties'] ?? {}) as Readonly<
    Record<string, unknown>
  >;
  const isPrivate = networkAccessPolicy === 'AllowPrivate' && typeof diskAccessId === 'string';
  if (isPrivate) return { policy: 'AllowPrivate', diskAccessId };
  const isOpen = (networkAccessPolicy ?? 'AllowAll') === 'AllowAll' && publicNetworkAccess !== 'Disabled';
  return { policy: saved !== undefined && isOpen ? 'AllowAll' : 'DenyAll', diskAccessId: null };
}

/** The ID of one of the plan's disks, by its name in the plan. */
export type DiskIdOf = (name: string) => string;

/** Where the disks are going to be when the machine is made. */
export function futureDiskIds(plan: RestorePlan, { restoreId }: Pick<Maker, 'restoreId'>): DiskIdOf {
  return (name) => {
    const azureName = plan.disks.find((disk) => disk.name === name)?.azureName ?? name;
    return futureId(plan, 'disk', azureDiskName(azureName, restoreId));
  };
}

export function futureId({ destination }: RestorePlan, kind: GroupedKind, name: string): string {
  return resourceId(destination.subscriptionId, destination.resourceGroup, kind, name);
}

/** The data disks of the machine: those that are restored, and of one that is replaced those that it keeps. */
export function dataDisksOf(plan: RestorePlan, diskIdOf: DiskIdOf): readonly DiskAttachment[] {
  const restored = plan.disks.flatMap(({ name, role, lun, caching }) =>
    role === 'data' && lun !== null ? [{ diskId: diskIdOf(name), lun, caching }] : [],
  );
  const kept = (plan.source?.disks ?? []).flatMap(({ azureId, lun, caching, replacedBy }) =>
    lun !== null && replacedBy === null ? [{ diskId: azureId, lun, caching }] : [],
  );
  return [...restored, ...kept];
}

/** A disk of a machine that is replaced, of which a safety snapshot was taken. */
export type TakenDisk = Pick<RecordedSnapshot, 'diskId' | 'lun'>;

/**
 * What was attached to a machine that is replaced after it was planned for: it is kept, as all that the point does not replace.
 * One whose LUN a restored disk has is kept beside the machine.
 * @param saved as it was before it was stopped
 * @param snapshots of all that was attached when it was removed
 */
export function attachedSince(
  saved: SavedVm,
  plan: RestorePlan,
  snapshots: readonly TakenDisk[],
): { readonly disks: readonly DiskAttachment[]; readonly leftOut: readonly NotSent[] } {
  const taken = dataDisksOf(plan, (name) => name).map(({ lun }) => lun);
  const known = plan.source?.disks ?? [];
  const living = livingDisks(saved);
  const later = snapshots
    .filter(({ diskId }) => !living.some(({ azureId }) => sameId(azureId, diskId)))
    .map(({ diskId, lun }) => ({ azureId: diskId, lun, caching: 'None' as const }));
  const since = [...living, ...later].flatMap(({ azureId, lun, caching }) =>
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

/** @throws PermanentError `PLAN_INCOMPLETE` */
export function osDiskOf(plan: RestorePlan, { restoreId }: Pick<Maker, 'restoreId'>): PlannedDisk {
  const osDisk = plan.disks.find(({ role }) => role === 'os');
  if (osDisk === undefined) throw incomplete(restoreId, 'does not say which of its disks is the OS disk');
  return osDisk;
}

/** Azure wants to know whether the OS disk holds Linux or Windows; where nothing says, Linux is what asks for least. */
function systemOf(
  { restorePoint, destination, generation, options }: RestorePlan,
  { restoreId }: Maker,
): DiskSpec['os'] {
  // Disks alone need not boot: one whose firmware is unknown is made as a plain disk.
  if (generation === null && options.disksOnly) return null;
  if (generation === null) {
    const fix = 'Plan the restore again, with --generation 1 or 2.';
    throw incomplete(restoreId, "says nothing about the VM's generation", fix);
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

/** Of a group of ours, and of what lies in it. */
function groupOf({ destination }: RestorePlan, { applianceId, restoreId }: Maker, role: ResourceRole) {
  return { region: destination.region, role, tags: ownerTags(applianceId, restoreId, role) };
}

/** What lies where the machine is. */
function partOf({ destination }: RestorePlan, { applianceId, restoreId }: Maker, name: string, role: ResourceRole) {
  const { resourceGroup, region, zone } = destination;
  const tags = ownerTags(applianceId, restoreId, role);
  return { resourceGroup, region, zone, name, tags, role, purpose: 'result' as const };
}

function machineOf({ destination }: RestorePlan, { restoreId }: Maker) {
  const { vmName, size } = destination;
  if (vmName === null || size === null) throw incomplete(restoreId, 'does not say name and size of the VM');
  return { ...destination, vmName, size };
}

function incomplete(
  restoreId: string,
  what: string,
  fix = 'Plan the restore again; report this if it comes back.',
): PermanentError {
  return new PermanentError({ code: 'PLAN_INCOMPLETE', message: `The plan of restore ${restoreId} ${what}.`, fix });
}
