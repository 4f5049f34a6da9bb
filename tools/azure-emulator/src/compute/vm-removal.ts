import type { Azure } from '../azure.js';
import {
  DISK,
  NETWORK_INTERFACE,
  type DiskRecord,
  type NetworkInterfaceRecord,
  type VirtualMachineRecord,
} from '../state/records.js';
import { put, remove, type Change } from '../state/state.js';
import { removeDisk } from './disk-removal.js';

/**
 * Ends the VM's processes; the returned changes take away its record and whatever its `deleteOption`s say, and let go
 * of the rest.
 */
export async function removeMachine(vm: VirtualMachineRecord, azure: Azure): Promise<readonly Change[]> {
  await azure.workers.stop(vm.id);
  azure.workers.folder(vm).remove();
  const changes: Change[] = [remove(vm.id)];
  const { osDisk, dataDisks } = vm.properties.storageProfile;
  for (const { managedDisk, deleteOption } of [osDisk, ...dataDisks]) {
    const disk = azure.state.find(DISK, managedDisk?.id ?? '');
    if (disk === undefined) continue;
    if (deleteOption === 'Delete') changes.push(...(await removeDisk(disk, azure)));
    else changes.push(put(releasedDisk(disk, azure)));
  }
  for (const reference of vm.properties.networkProfile?.networkInterfaces ?? []) {
    const nic = azure.state.find(NETWORK_INTERFACE, reference.id);
    if (nic === undefined) continue;
    if (reference.properties?.deleteOption === 'Delete') changes.push(remove(nic.id));
    else changes.push(put(releasedInterface(nic)));
  }
  return changes;
}

export function releasedDisk(disk: DiskRecord, azure: Azure): DiskRecord {
  return {
    ...disk,
    managedBy: null,
    detaching: false,
    diskState: 'Unattached',
    ownershipChangedAt: azure.now().toISOString(),
  };
}

export function releasedInterface(nic: NetworkInterfaceRecord): NetworkInterfaceRecord {
  return { ...nic, virtualMachineId: null };
}
