import { randomUUID } from 'node:crypto';
import { conflict, invalidParameter, missingParameter } from '../arm/errors.js';
import { resourceGroupOf, resourceId, sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { requireName } from '../groups/placement.js';
import { DISK, VIRTUAL_MACHINE, type DiskRecord } from '../state/records.js';
import { put, type Change } from '../state/state.js';
import { requireDiskSize } from './disk-rules.js';
import type { VmSizeEntry } from './size-catalogue.js';
import {
  changeRefused,
  ownedElsewhere,
  requireAttachable,
  requireDiskCount,
  requireDistinctLuns,
  requirePremium,
  type Machine,
} from './vm-rules.js';
import type { DataDisk } from './vm-schema.js';

/*
 * From the data disks that a VM has and those that a request wants, what is to be attached, detached and made.
 * A request lists all of them: one that is left out, or marked `toBeDetached`, is detached.
 */
export interface DataDiskPlan {
  readonly dataDisks: readonly DataDisk[];
  readonly attached: readonly DiskRecord[];
  readonly made: readonly DiskRecord[];
  readonly detached: readonly DiskRecord[];
}

/** A disk whose file is still to be made. */
export interface NewDisk {
  readonly id: string;
  readonly uniqueId: string;
  readonly sizeBytes: number;
}

/** @throws AzureError with Azure's reason for refusing the change */
export function planDataDisks(
  machine: Machine,
  size: VmSizeEntry,
  current: readonly DataDisk[],
  wanted: readonly DataDisk[],
  azure: Azure,
): DataDiskPlan {
  const kept = wanted.filter((disk) => disk.toBeDetached !== true);
  for (const disk of wanted) {
    if (disk.toBeDetached === true && sameAs(current, disk) === undefined) {
      throw invalidParameter(
        'dataDisks.toBeDetached',
        `Disk '${disk.name ?? disk.managedDisk?.id}' is not attached to VM '${machine.name}'.`,
      );
    }
  }
  requireDiskCount(size, kept);
  requireDistinctLuns(kept);
  const attached: DiskRecord[] = [];
  const made: DiskRecord[] = [];
  const dataDisks = kept.map((disk) => {
    const before = sameAs(current, disk);
    if (before !== undefined) return keptDisk(before, disk);
    const record =
      disk.createOption === 'Attach' ? attachment(disk, machine, size, azure) : emptyDisk(disk, machine, size, azure);
    if ([...attached, ...made].some((other) => sameId(other.id, record.id))) {
      throw conflict('ConflictingUserInput', `Disk '${record.id}' is named more than once.`);
    }
    (disk.createOption === 'Attach' ? attached : made).push(record);
    return settled(disk, record);
  });
  const detached = current
    .filter((disk) => sameAs(dataDisks, disk) === undefined)
    .flatMap((disk) => azure.state.find(DISK, disk.managedDisk?.id ?? '') ?? []);
  return { dataDisks, attached, made, detached };
}

/** Disks are told apart by their id; a request that gives no id means the name. */
function sameAs(disks: readonly DataDisk[], wanted: DataDisk): DataDisk | undefined {
  const id = wanted.managedDisk?.id;
  if (id !== undefined) return disks.find((disk) => sameId(disk.managedDisk?.id, id));
  if (wanted.name === undefined) return disks.find((disk) => disk.lun === wanted.lun);
  const name = wanted.name.toLowerCase();
  return disks.find((disk) => disk.name?.toLowerCase() === name);
}

function keptDisk(before: DataDisk, wanted: DataDisk): DataDisk {
  if (wanted.lun !== before.lun) throw changeRefused('dataDisk.lun');
  if (wanted.diskIOPSReadWrite !== undefined) throw changeRefused('dataDisk.diskIOPSReadWrite');
  if (wanted.diskMBpsReadWrite !== undefined) throw changeRefused('dataDisk.diskMBpsReadWrite');
  const { toBeDetached, detachOption, diskSizeGB, ...rest } = wanted;
  void [toBeDetached, detachOption, diskSizeGB];
  return { ...before, ...rest, createOption: before.createOption, managedDisk: before.managedDisk };
}

function settled(wanted: DataDisk, disk: DiskRecord): DataDisk {
  const { toBeDetached, detachOption, diskSizeGB, ...rest } = wanted;
  void [toBeDetached, detachOption, diskSizeGB];
  return {
    ...rest,
    name: disk.name,
    caching: wanted.caching ?? 'None',
    deleteOption: wanted.deleteOption ?? 'Detach',
    managedDisk: { ...wanted.managedDisk, id: disk.id },
  };
}

function attachment(disk: DataDisk, machine: Machine, size: VmSizeEntry, azure: Azure): DiskRecord {
  const id = disk.managedDisk?.id;
  if (id === undefined) throw missingParameter('dataDisk.managedDisk.id');
  const record = requireAttachable(id, machine, size, azure);
  if (record.managedBy !== null && !isBeingMadeAgain(machine, azure)) {
    throw ownedElsewhere(record, machine);
  }
  if (disk.name !== undefined && disk.name.toLowerCase() !== record.name.toLowerCase()) {
    throw invalidParameter(
      'dataDisk.name',
      `The name '${disk.name}' is not the name of the managed disk '${record.id}'.`,
    );
  }
  return record;
}

function emptyDisk(disk: DataDisk, machine: Machine, size: VmSizeEntry, azure: Azure): DiskRecord {
  if (disk.createOption !== 'Empty') {
    throw invalidParameter(
      'dataDisk.createOption',
      `The value '${disk.createOption}' of parameter 'dataDisk.createOption' is invalid.`,
    );
  }
  if (disk.diskSizeGB === undefined) throw missingParameter('dataDisk.diskSizeGB');
  const name = disk.name ?? `${machine.name}_disk${disk.lun}_${randomUUID().replaceAll('-', '')}`;
  const sku = disk.managedDisk?.storageAccountType ?? (size.premiumIo ? 'Premium_LRS' : 'Standard_LRS');
  requirePremium(sku, name, size);
  return implicitDisk(machine, name, sku, requireDiskSize(disk.diskSizeGB), azure, {
    osType: null,
    hyperVGeneration: null,
    creationData: { createOption: 'Empty' },
  });
}

/** A disk that comes into being together with its VM, in the VM's resource group and with the VM's tags. */
export function implicitDisk(
  machine: Machine,
  name: string,
  sku: string,
  sizeBytes: number,
  azure: Azure,
  own: Pick<DiskRecord, 'osType' | 'hyperVGeneration' | 'creationData'> & Partial<Pick<DiskRecord, 'kept'>>,
): DiskRecord {
  requireName('disk', name);
  const id = resourceId(azure.subscriptionId, resourceGroupOf(machine.id), DISK, name);
  const existing = azure.state.find(DISK, id);
  if (existing !== undefined && sameId(existing.managedBy, machine.id) && isBeingMadeAgain(machine, azure)) {
    return { ...existing, provisioningState: 'Creating' };
  }
  if (existing !== undefined) {
    throw conflict(
      'ConflictingUserInput',
      `Disk '${name}' already exists in resource group '${resourceGroupOf(machine.id).toUpperCase()}'. Only CreateOption.Attach is supported.`,
      name,
    );
  }
  const now = azure.now().toISOString();
  return {
    kept: {},
    ...own,
    type: DISK,
    id,
    name,
    location: machine.location,
    tags: {},
    zones: machine.zones,
    sku,
    sizeBytes,
    uniqueId: randomUUID(),
    diskState: 'Attached',
    managedBy: machine.id,
    detaching: false,
    ownershipChangedAt: now,
    unusable: null,
    provisioningState: 'Creating',
    createdAt: now,
    changedAt: now,
  };
}

/** A VM whose creation failed can be asked for again, and then gets what it holds already. */
function isBeingMadeAgain(machine: Machine, azure: Azure): boolean {
  return azure.state.find(VIRTUAL_MACHINE, machine.id)?.power === 'unknown';
}

export function newDisks(made: readonly DiskRecord[]): readonly NewDisk[] {
  return made.map(({ id, uniqueId, sizeBytes }) => ({ id, uniqueId, sizeBytes }));
}

/** Makes the files; those of disks that a forced deletion has taken away meanwhile are passed over. */
export async function makeFiles(disks: readonly NewDisk[], azure: Azure): Promise<void> {
  for (const { id, uniqueId, sizeBytes } of disks) {
    if (azure.state.find(DISK, id)?.uniqueId === uniqueId) await azure.files.create(uniqueId, sizeBytes);
  }
}

/** What becomes of new disks in the end. */
export function settledFiles(disks: readonly NewDisk[], azure: Azure): readonly Change[] {
  return disks.flatMap(({ id, uniqueId }) => {
    const disk = azure.state.find(DISK, id);
    return disk?.uniqueId === uniqueId ? [put(settledFile(disk, azure))] : [];
  });
}

/** Ready, or failed where there is no file. */
export function settledFile(disk: DiskRecord, azure: Azure): DiskRecord {
  return { ...disk, provisioningState: azure.files.has(disk.uniqueId) ? 'Succeeded' : 'Failed' };
}
