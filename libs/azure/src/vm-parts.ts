import { restorePoller, type VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface } from '@azure/arm-network';
import { OWNER_TAGS, tagOf } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { bodyHash, type Tagged } from './ownership.js';
import type { Change } from './perform.js';
import { vmPath } from './virtual-machines.js';

/*
 * Deleting a VM takes along each disk and network interface whose delete option says so; the parts of a restored VM must
 * survive it, so the options are set to Detach and read back before.
 */

/** Makes the parts of a restored VM outlive it. */
export function keepParts(
  connection: AzureConnection,
  vmId: string,
  readModel: () => Promise<VirtualMachine | null>,
): Change<null> {
  const { resourceGroup, name } = vmPath(connection, vmId);
  let model: VirtualMachine | null = null;
  return {
    doing: `set the disks and network interfaces of the VM "${name}" to outlive it`,
    intent: {
      key: `vm.keep-parts:${name}`,
      operation: 'virtualMachines.update',
      azureId: vmId,
      bodyHash: bodyHash(vmId),
      effect: { changes: 'ours' },
    },
    async look() {
      model = await readModel();
      return model === null || !partsGoAlong(model) ? { state: 'done', value: null } : { state: 'needed' };
    },
    send: () => connection.compute.virtualMachines.update(resourceGroup, name, model === null ? {} : detaching(model)),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.virtualMachines.update),
  };
}

/** A worker's own OS disk is meant to go with it; of a restored VM nothing is. */
export function isWorker(vm: Tagged): boolean {
  return tagOf(vm.tags, OWNER_TAGS.role) === 'worker';
}

function partsGoAlong(model: VirtualMachine): boolean {
  return partsOf(model).some(({ deleteOption }) => deleteOption === 'Delete');
}

/**
 * What Azure may delete together with the VM, by name: every part that is not set to Detach, and the public addresses whose
 * network interface says so. A part of which nothing is said counts, too.
 */
export function partsThatGoAlong(model: VirtualMachine, nics: readonly (NetworkInterface | null)[]): string[] {
  const parts = partsOf(model).filter(({ deleteOption }) => deleteOption !== 'Detach');
  const addresses = nics
    .flatMap((nic) => nic?.ipConfigurations ?? [])
    .flatMap(({ publicIPAddress }) => (publicIPAddress?.deleteOption === 'Delete' ? [publicIPAddress] : []));
  return [...parts, ...addresses].map(({ id }) => id ?? 'a part without an ID');
}

function partsOf({ storageProfile, networkProfile }: VirtualMachine) {
  const disks = [storageProfile?.osDisk, ...(storageProfile?.dataDisks ?? [])];
  return [
    ...disks.flatMap((disk) => (disk === undefined ? [] : [{ id: disk.managedDisk?.id, ...optionOf(disk) }])),
    ...(networkProfile?.networkInterfaces ?? []).map((nic) => ({ id: nic.id, ...optionOf(nic) })),
  ];
}

function optionOf({ deleteOption }: { deleteOption?: string | undefined }) {
  return { deleteOption };
}

function detaching(model: VirtualMachine): VirtualMachine {
  const osDisk = model.storageProfile?.osDisk;
  return {
    location: model.location,
    storageProfile: {
      ...(osDisk === undefined ? {} : { osDisk: { ...osDisk, deleteOption: 'Detach' } }),
      dataDisks: (model.storageProfile?.dataDisks ?? []).map((disk) => ({ ...disk, deleteOption: 'Detach' })),
    },
    networkProfile: {
      networkInterfaces: (model.networkProfile?.networkInterfaces ?? []).map((nic) => ({
        ...nic,
        deleteOption: 'Detach',
      })),
    },
  };
}
