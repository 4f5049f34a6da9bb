import { restorePoller, type VirtualMachine } from '@azure/arm-compute';
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
  const disks = [model.storageProfile?.osDisk, ...(model.storageProfile?.dataDisks ?? [])];
  const nics = model.networkProfile?.networkInterfaces ?? [];
  return [...disks, ...nics].some((part) => part?.deleteOption === 'Delete');
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
