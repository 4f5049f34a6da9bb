import { badRequest, conflict, invalidParameter, resourceNotFound, type AzureError } from '../arm/errors.js';
import { resourceId, sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { requireGroup } from '../groups/placement.js';
import { DISK, VIRTUAL_MACHINE, type DiskRecord, type VirtualMachineRecord } from '../state/records.js';
import { hasActiveSas, requireDiskById } from './disk-rules.js';
import type { VmSizeEntry } from './size-catalogue.js';
import type { DataDisk } from './vm-schema.js';

/* The rules that make Azure refuse a machine, or a disk on one. */

export interface Machine {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  readonly zones: readonly string[];
}

/** @throws AzureError 404 ResourceNotFound or ResourceGroupNotFound */
export function requireMachine(resourceGroup: string, name: string, azure: Azure): VirtualMachineRecord {
  const vm = azure.state.find(VIRTUAL_MACHINE, resourceId(azure.subscriptionId, resourceGroup, VIRTUAL_MACHINE, name));
  if (vm !== undefined) return vm;
  requireGroup(resourceGroup, azure);
  throw resourceNotFound(VIRTUAL_MACHINE, name, resourceGroup);
}

/** @throws AzureError 409 while another operation works on the VM */
export function requireIdleMachine(vm: VirtualMachineRecord, operation: string, azure: Azure): void {
  if (azure.operations.on(vm.id) === undefined) return;
  if (vm.provisioningState === 'Deleting') {
    throw conflict(
      'OperationNotAllowed',
      `Operation '${operation}' is not allowed on VM '${vm.name}' since the VM is marked for deletion. You can only retry the ` +
        'Delete operation (or wait for an ongoing one to complete).',
    );
  }
  throw conflict(
    'Conflict',
    'The request failed due to conflict with a concurrent request. To resolve it, please refer to ' +
      'https://aka.ms/activitylog to get more details on the conflicting requests.',
  );
}

/** @throws AzureError 409 OperationNotAllowed */
export function requireDiskCount(size: VmSizeEntry, dataDisks: readonly DataDisk[]): void {
  if (dataDisks.length <= size.maxDataDisks) return;
  throw conflict(
    'OperationNotAllowed',
    `The maximum number of data disks allowed to be attached to a VM of this size is ${size.maxDataDisks}.`,
    'dataDisks',
  );
}

/** @throws AzureError 400 InvalidParameter */
export function requireDistinctLuns(dataDisks: readonly DataDisk[]): void {
  const seen = new Set<number>();
  for (const { lun } of dataDisks) {
    if (seen.has(lun)) throw invalidParameter('dataDisk.lun', `A disk at LUN ${lun} already exists.`);
    seen.add(lun);
  }
}

/**
 * A disk that exists and that this machine may have.
 * @throws AzureError 404, 409 or 400 with the reason why it can't be attached
 */
export function requireAttachable(diskId: string, machine: Machine, size: VmSizeEntry, azure: Azure): DiskRecord {
  const disk = requireDiskById(DISK, diskId, 'managedDisk.id', azure);
  if (disk.managedBy !== null && !sameId(disk.managedBy, machine.id)) throw ownedElsewhere(disk, machine);
  if (disk.detaching) throw beingDetached(disk, machine);
  if (disk.provisioningState === 'Deleting' || disk.provisioningState === 'Creating') {
    throw conflict('OperationNotAllowed', `Disk '${disk.name}' is not ready: its state is ${disk.provisioningState}.`);
  }
  if (hasActiveSas(disk)) throw underAccess(disk);
  if (disk.diskState === 'ReadyToUpload') {
    throw conflict('OperationNotAllowed', `Disk '${disk.name}' is in state ReadyToUpload and cannot be attached.`);
  }
  if (disk.unusable !== null) throw badRequest('InvalidVhd', disk.unusable, disk.name);
  if (disk.location !== machine.location) {
    throw badRequest(
      'BadRequest',
      `Disk ${disk.id} cannot be attached to the VM because it is in location '${disk.location}' and the VM is in location '${machine.location}'.`,
    );
  }
  requireSameZone(disk, machine);
  requirePremium(disk.sku, disk.name, size);
  return disk;
}

/** @throws AzureError 400 InvalidParameter */
export function requirePremium(sku: string, diskName: string, size: VmSizeEntry): void {
  if (size.premiumIo || !/^(Premium|UltraSSD)/.test(sku)) return;
  throw invalidParameter(
    'storageAccountType',
    `Requested operation cannot be performed because the VM size ${size.name} does not support the storage account type ` +
      `${sku} of disk '${diskName}'. Consider updating the VM to a size that supports Premium storage.`,
  );
}

function requireSameZone(disk: DiskRecord, machine: Machine): void {
  if (disk.sku.endsWith('_ZRS')) return;
  if (disk.zones.join() === machine.zones.join()) return;
  const named = (zones: readonly string[]): string => (zones.length === 0 ? 'none' : zones.join(','));
  throw badRequest(
    'BadRequest',
    `Disk ${disk.id} cannot be attached to the VM because it is not in the same zone as the VM. ` +
      `VM zone: '${named(machine.zones)}'. Disk zone: '${named(disk.zones)}'.`,
  );
}

export function ownedElsewhere(disk: DiskRecord, machine: Machine): AzureError {
  if (disk.detaching) return beingDetached(disk, machine);
  return conflict(
    'ConflictingUserInput',
    `Cannot attach the disk ${disk.name} to VM ${machine.id} because it is already attached to VM ${disk.managedBy}. ` +
      'A disk can be attached to only one VM at a time.',
    disk.id,
  );
}

function beingDetached(disk: DiskRecord, machine: Machine): AzureError {
  return conflict(
    'AttachDiskWhileBeingDetached',
    `Cannot attach data disk '${disk.name}' to virtual machine '${machine.name}' because the disk is currently being detached ` +
      'or the last detach operation failed. Please wait until the disk is completely detached and then try again or ' +
      'delete/detach the disk explicitly again.',
  );
}

export function underAccess(disk: DiskRecord): AzureError {
  return conflict(
    'OperationNotAllowed',
    `There is an active shared access signature outstanding for disk ${disk.name}. Call EndGetAccess before attaching the disk or starting its VM.`,
    disk.name,
  );
}

export function changeRefused(property: string): AzureError {
  return conflict('PropertyChangeNotAllowed', `Changing property '${property}' is not allowed.`, property);
}
