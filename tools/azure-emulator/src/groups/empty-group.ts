import { AzureError, type ErrorDetail } from '../arm/errors.js';
import type { Azure } from '../azure.js';
import { removeDisk } from '../compute/disk-removal.js';
import { removeMachine } from '../compute/vm-removal.js';
import { parseResourceId, resourceGroupOf } from '../arm/resource-id.js';
import { subnetId } from '../network/subnets.js';
import { usersOf } from '../network/users.js';
import { isReferred, referrersOf } from '../referred/references.js';
import {
  DISK,
  NETWORK_INTERFACE,
  PUBLIC_IP,
  SECURITY_GROUP,
  SNAPSHOT,
  VIRTUAL_MACHINE,
  VIRTUAL_NETWORK,
  type ResourceRecord,
} from '../state/records.js';
import { remove } from '../state/state.js';

/*
 * Deletes what lies in a resource group, in the order in which the things let go of each other: virtual machines,
 * then their interfaces and disks, then the rest. What something in another group holds on to stays, and with it the group.
 */
const ORDER = [VIRTUAL_MACHINE, NETWORK_INTERFACE, DISK, SNAPSHOT];

/** @throws AzureError 409 ResourceGroupDeletionBlocked when something is left; all the rest is gone by then */
export async function emptyGroup(groupName: string, azure: Azure): Promise<void> {
  const left: ErrorDetail[] = [];
  for (const { id } of sorted(azure.state.inGroup(groupName))) {
    const resource = azure.state.resource(id);
    if (resource === undefined) continue;
    const holder = holdersOf(resource, azure).find((other) => !isIn(groupName, other));
    if (holder === undefined) azure.state.commit(await removal(resource, azure));
    else left.push({ code: 'ResourceInUse', target: id, message: `'${id}' is in use by '${holder}'.` });
  }
  if (left.length === 0) return;
  const names = left
    .map(({ target }) => parseResourceId(target ?? ''))
    .map((address) => `${address?.type}/${address?.name}`);
  throw new AzureError(
    409,
    'ResourceGroupDeletionBlocked',
    `Deletion of resource group '${groupName}' failed as resources with identifiers '${names.join(',')}' could not be deleted. ` +
      'The provisioning state of the resource group will be rolled back.',
    { details: left },
  );
}

async function removal(resource: ResourceRecord, azure: Azure) {
  if (resource.type === VIRTUAL_MACHINE) return removeMachine(resource, azure);
  if (resource.type === DISK || resource.type === SNAPSHOT) return removeDisk(resource, azure);
  return [remove(resource.id)];
}

function holdersOf(resource: ResourceRecord, azure: Azure): readonly string[] {
  switch (resource.type) {
    case DISK:
      return resource.managedBy === null ? [] : [resource.managedBy];
    case NETWORK_INTERFACE:
      return resource.virtualMachineId === null ? [] : [resource.virtualMachineId];
    case VIRTUAL_NETWORK:
      return resource.subnets.flatMap(({ name }) => azure.state.inSubnet(subnetId(resource, name)).map(({ id }) => id));
    case PUBLIC_IP:
    case SECURITY_GROUP:
      return usersOf(resource.id, azure);
    default:
      return isReferred(resource) ? referrersOf(resource.id, azure) : [];
  }
}

function isIn(groupName: string, id: string): boolean {
  return resourceGroupOf(id).toLowerCase() === groupName.toLowerCase();
}

function sorted(resources: readonly ResourceRecord[]): readonly ResourceRecord[] {
  const rank = (resource: ResourceRecord): number => {
    const index = ORDER.findIndex((type) => type === resource.type);
    return index < 0 ? ORDER.length : index;
  };
  return [...resources].sort((a, b) => rank(a) - rank(b));
}
