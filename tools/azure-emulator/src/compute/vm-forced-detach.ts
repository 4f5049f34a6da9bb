import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { DISK, type VirtualMachineRecord } from '../state/records.js';
import { requireIdleMachine } from './vm-rules.js';
import type { AttachDetachBody, VmUpdateBody } from './vm-schema.js';
import { UPDATE_VM } from './vm-update.js';

/*
 * `detachOption: ForceDetach` is the way out of a detach that doesn't end. A request that does nothing but detach by
 * force is therefore taken while another change of the VM is under way; any other one has to wait.
 */

/** @throws AzureError 409 while another operation works on the VM */
export function requireIdleOrForced(
  vm: VirtualMachineRecord,
  operation: string,
  isForced: boolean,
  azure: Azure,
): void {
  const isUpdating = azure.operations.on(vm.id)?.kind === UPDATE_VM.name;
  if (!isUpdating || !isForced) requireIdleMachine(vm, operation, azure);
}

export function isForcedDetach({ dataDisksToAttach = [], dataDisksToDetach = [] }: AttachDetachBody): boolean {
  return dataDisksToAttach.length === 0 && dataDisksToDetach.every(({ detachOption }) => detachOption !== undefined);
}

/** Every disk that the VM has is named and left alone, or detached by force; what is leaving already may be left out. */
export function isForcedDetachUpdate(vm: VirtualMachineRecord, body: VmUpdateBody, azure: Azure): boolean {
  if (body.properties === undefined || Object.keys(body).length > 1) return false;
  const { storageProfile = {}, ...others } = body.properties;
  const { dataDisks = [], ...otherStorage } = storageProfile;
  if (Object.keys({ ...others, ...otherStorage }).length > 0) return false;
  const current = vm.properties.storageProfile.dataDisks;
  const isNamed = (id: string | undefined): boolean => dataDisks.some(({ managedDisk }) => sameId(managedDisk?.id, id));
  const isKept = current.every(
    ({ managedDisk }) => isNamed(managedDisk?.id) || azure.state.find(DISK, managedDisk?.id ?? '')?.detaching === true,
  );
  const isOwn = dataDisks.every((disk) =>
    current.some(({ managedDisk }) => sameId(managedDisk?.id, disk.managedDisk?.id)),
  );
  const detached = dataDisks.filter(({ toBeDetached }) => toBeDetached === true);
  return isKept && isOwn && detached.length > 0 && detached.every(({ detachOption }) => detachOption !== undefined);
}
