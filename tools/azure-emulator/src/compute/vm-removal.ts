import { z } from 'zod';
import { keyOf, sameId } from '../arm/resource-id.js';
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
 * of the rest: of disks that it was only about to get, too.
 */
export async function removeMachine(vm: VirtualMachineRecord, azure: Azure): Promise<readonly Change[]> {
  await azure.workers.stop(vm.id);
  azure.workers.folder(vm).remove();
  const { osDisk, dataDisks } = vm.properties.storageProfile;
  const interfaces = vm.properties.networkProfile?.networkInterfaces ?? [];
  const doomedDisks = [osDisk, ...dataDisks].filter(({ deleteOption }) => deleteOption === 'Delete');
  const doomedInterfaces = interfaces.filter(({ properties }) => properties?.deleteOption === 'Delete');
  const changes: Change[] = [remove(vm.id)];
  const held = holdings(vm, azure);
  for (const disk of held.disks) {
    const isDoomed = doomedDisks.some(({ managedDisk }) => sameId(managedDisk?.id, disk.id));
    changes.push(...(isDoomed ? await removeDisk(disk, azure) : [put(releasedDisk(disk, azure))]));
  }
  for (const nic of held.interfaces) {
    const isDoomed = doomedInterfaces.some(({ id }) => sameId(id, nic.id));
    const { kept, doomed } = addressesOf(nic);
    changes.push(...doomed.map(remove), isDoomed ? remove(nic.id) : put(releasedInterface(kept, vm, azure)));
  }
  return changes;
}

/** A public address goes along with the VM where its network interface says so, whatever becomes of that one. */
function addressesOf(nic: NetworkInterfaceRecord): {
  readonly kept: NetworkInterfaceRecord;
  readonly doomed: readonly string[];
} {
  const doomed = nic.ipConfigurations.flatMap(({ properties: { publicIPAddress: address } }) =>
    PUBLIC_ADDRESS.safeParse(address).data?.properties?.deleteOption === 'Delete' ? (address?.id ?? []) : [],
  );
  const ipConfigurations = nic.ipConfigurations.map(({ properties: { publicIPAddress, ...properties }, ...rest }) =>
    publicIPAddress === undefined || doomed.includes(publicIPAddress.id)
      ? { ...rest, properties }
      : { ...rest, properties: { ...properties, publicIPAddress } },
  );
  return { kept: { ...nic, ipConfigurations }, doomed };
}

const PUBLIC_ADDRESS = z.object({ properties: z.object({ deleteOption: z.string().optional() }).optional() });

/** Every disk and interface that is the VM's. */
export function holdings(
  vm: VirtualMachineRecord,
  azure: Azure,
): { readonly disks: readonly DiskRecord[]; readonly interfaces: readonly NetworkInterfaceRecord[] } {
  const owner = keyOf(vm.id);
  const isOwn = (id: string | null): boolean => id !== null && keyOf(id) === owner;
  return {
    disks: azure.state.ofType(DISK).filter(({ managedBy }) => isOwn(managedBy)),
    interfaces: azure.state.ofType(NETWORK_INTERFACE).filter(({ virtualMachineId }) => isOwn(virtualMachineId)),
  };
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
