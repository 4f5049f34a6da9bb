import { restorePoller as restoreComputePoller, type VirtualMachine } from '@azure/arm-compute';
import { restorePoller as restoreNetworkPoller } from '@azure/arm-network';
import { restorePoller as restoreGroupPoller } from '@azure/arm-resources';
import { BadInputError, CLOUD_KINDS, OWNER_TAGS, tagOf, type GroupedKind, type OwnedResource } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { parseResourceGroupId, requireResourceId, type ResourcePath } from './ids.js';
import { bodyHash, requireOwn, type Tagged } from './ownership.js';
import type { Change } from './perform.js';
import type { Poller } from './polling.js';

/*
 * Deleting. What is to be deleted is read first and must carry every one of our tags. Deleting a VM takes along each
 * disk and network interface whose delete option says so; the parts of a restored VM must survive it, so the options
 * are set to Detach and read back before.
 */
export interface Existing extends Tagged {
  readonly provisioningState: string;
}

/** @param read answers null when it is gone */
export function remove(
  connection: AzureConnection,
  resource: OwnedResource,
  read: () => Promise<Existing | null>,
  onFound: () => void,
): Change<null> {
  const { name, send, resume } = deletionOf(connection, resource);
  return {
    doing: `delete the ${CLOUD_KINDS[resource.kind].label} "${name}"`,
    intent: {
      key: `${resource.kind}.delete:${name}`,
      operation: `${resource.kind}.delete`,
      azureId: resource.azureId,
      bodyHash: bodyHash(resource.azureId),
      removes: true,
    },
    async look() {
      const found = await read();
      if (found === null) return { state: 'done', value: null };
      requireOwn(found, resource.tags);
      onFound();
      return found.provisioningState === 'Deleting' ? { state: 'busy' } : { state: 'needed' };
    },
    send,
    resume,
  };
}

/** Makes the parts of a restored VM outlive it. */
export function keepParts(
  connection: AzureConnection,
  vmId: string,
  readModel: () => Promise<VirtualMachine | null>,
): Change<null> {
  const { resourceGroup, name } = requireResourceId(vmId, connection.subscriptionId, 'vm');
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
      return model === null || partsGoAlong(model).length === 0 ? { state: 'done', value: null } : { state: 'needed' };
    },
    send: () => connection.compute.virtualMachines.update(resourceGroup, name, model === null ? {} : detaching(model)),
    resume: (state) => restoreComputePoller(connection.compute, state, connection.compute.virtualMachines.update),
  };
}

/** A worker's own OS disk is meant to go with it; of a restored VM nothing is. */
export function isWorker(vm: Tagged): boolean {
  return tagOf(vm.tags, OWNER_TAGS.role) === 'worker';
}

function deletionOf(
  connection: AzureConnection,
  resource: OwnedResource,
): { name: string; send: () => Poller; resume: (state: string) => Poller } {
  const { compute, network, resources } = connection;
  const pathOf = (kind: GroupedKind): ResourcePath =>
    requireResourceId(resource.azureId, connection.subscriptionId, kind);
  switch (resource.kind) {
    case 'disk': {
      const { resourceGroup, name } = pathOf('disk');
      return {
        name,
        send: () => compute.disks.delete(resourceGroup, name),
        resume: (state) => restoreComputePoller(compute, state, compute.disks.delete),
      };
    }
    case 'vm': {
      const { resourceGroup, name } = pathOf('vm');
      return {
        name,
        send: () => compute.virtualMachines.delete(resourceGroup, name),
        resume: (state) => restoreComputePoller(compute, state, compute.virtualMachines.delete),
      };
    }
    case 'nic': {
      const { resourceGroup, name } = pathOf('nic');
      return {
        name,
        send: () => network.networkInterfaces.delete(resourceGroup, name),
        resume: (state) => restoreNetworkPoller(network, state, network.networkInterfaces.delete),
      };
    }
    case 'resource-group': {
      const name = parseResourceGroupId(resource.azureId, connection.subscriptionId);
      if (name === null) {
        throw new BadInputError({
          code: 'AZURE_ID_INVALID',
          message: `"${resource.azureId}" is not the ID of a resource group in the subscription.`,
          fix: 'Give the full ID as Azure shows it.',
        });
      }
      return {
        name,
        send: () => resources.resourceGroups.delete(name),
        resume: (state) => restoreGroupPoller(resources, state, resources.resourceGroups.delete),
      };
    }
  }
}

function partsGoAlong(model: VirtualMachine): string[] {
  const disks = [model.storageProfile?.osDisk, ...(model.storageProfile?.dataDisks ?? [])];
  const nics = model.networkProfile?.networkInterfaces ?? [];
  return [...disks, ...nics].flatMap((part) => (part?.deleteOption === 'Delete' ? ['part'] : []));
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
