import { conflict } from '../arm/errors.js';
import type { Azure } from '../azure.js';
import { removeDisk } from '../compute/disk-removal.js';
import { removeMachine } from '../compute/vm-removal.js';
import { resourceGroupOf } from '../arm/resource-id.js';
import { DISK, NETWORK_INTERFACE, SNAPSHOT, VIRTUAL_MACHINE, type ResourceRecord } from '../state/records.js';
import { remove } from '../state/state.js';

/*
 * Deletes what lies in a resource group, in the order in which the things let go of each other: virtual machines,
 * then their interfaces and disks, then the rest. What a machine of another group holds on to stops the deletion.
 */
const ORDER = [VIRTUAL_MACHINE, NETWORK_INTERFACE, DISK, SNAPSHOT];

export async function emptyGroup(groupName: string, azure: Azure): Promise<void> {
  for (const resource of sorted(azure.state.inGroup(groupName))) {
    const current = azure.state.resource(resource.id);
    if (current === undefined) continue;
    const holder = holderOf(current);
    if (holder !== null && resourceGroupOf(holder).toLowerCase() !== groupName.toLowerCase()) {
      throw conflict(
        'ResourceGroupDeletionBlocked',
        `Deletion of resource group '${groupName}' failed as resources with identifiers ` +
          `'${current.type}/${current.name}' could not be deleted: it is in use by '${holder}'.`,
      );
    }
    azure.state.commit(await removal(current, azure));
  }
}

async function removal(resource: ResourceRecord, azure: Azure) {
  if (resource.type === VIRTUAL_MACHINE) return removeMachine(resource, azure);
  if (resource.type === DISK || resource.type === SNAPSHOT) return removeDisk(resource, azure);
  return [remove(resource.id)];
}

function holderOf(resource: ResourceRecord): string | null {
  if (resource.type === DISK) return resource.managedBy;
  if (resource.type === NETWORK_INTERFACE) return resource.virtualMachineId;
  return null;
}

function sorted(resources: readonly ResourceRecord[]): readonly ResourceRecord[] {
  const rank = (resource: ResourceRecord): number => {
    const index = ORDER.findIndex((type) => type === resource.type);
    return index < 0 ? ORDER.length : index;
  };
  return [...resources].sort((a, b) => rank(a) - rank(b));
}
