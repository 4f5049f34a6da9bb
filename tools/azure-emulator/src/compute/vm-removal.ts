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

const RESERVED_SECONDS = 180;

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
    else changes.push(put(releasedInterface(nic, vm, azure)));
  }
  return changes;
}

export function releasedDisk(disk: DiskRecord, azure: Azure): DiskRecord {
  return {
    ...disk,
    managedBy: null,
    detaching: false,
    detachStuck: false,
    diskState: 'Unattached',
    ownershipChangedAt: azure.now().toISOString(),
  };
}

/** Of a VM whose creation has failed, Azure may keep the interface for a while, in case that VM is tried again. */
function releasedInterface(
  nic: NetworkInterfaceRecord,
  vm: VirtualMachineRecord,
  azure: Azure,
): NetworkInterfaceRecord {
  const released = { ...nic, virtualMachineId: null };
  if (vm.power !== 'unknown') return released;
  const fault = azure.faults.strike('nic-reserved', {
    operations: ['virtualMachines.delete'],
    resources: [nic.id, vm.id],
  });
  if (fault === null) return released;
  const until = azure.now().getTime() + (fault.forSeconds ?? RESERVED_SECONDS) * 1000;
  return { ...released, reservedFor: { vmId: vm.id, until: new Date(until).toISOString() } };
}
