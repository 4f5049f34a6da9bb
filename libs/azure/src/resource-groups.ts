import type { ResourceGroup } from '@azure/arm-resources';
import { RetryableError, type CloudResourceGroup, type GroupSpec } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { fromAzure, isNotFound } from './errors.js';
import { bodyHash, changed, requireOwn } from './ownership.js';
import type { Change } from './perform.js';
import { atOnce } from './polling.js';

/** The change that makes a resource group. */
export function createGroup(
  { resources }: AzureConnection,
  read: (name: string) => Promise<CloudResourceGroup | null>,
  azureId: string,
  spec: GroupSpec,
): Change<CloudResourceGroup> {
  const body: ResourceGroup = { location: spec.region, tags: { ...spec.tags } };
  return {
    doing: `create the resource group "${spec.name}"`,
    intent: {
      key: `resource-group.create:${spec.name}`,
      operation: 'resourceGroups.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'resource-group', role: spec.role, purpose: spec.purpose } },
    },
    async look() {
      const group = await read(spec.name);
      if (group === null) return { state: 'needed' };
      requireOwn(group, spec.tags);
      if (group.region !== spec.region) throw changed(group, `it is in ${group.region} and not in ${spec.region}`);
      return group.provisioningState === 'Deleting' ? { state: 'busy' } : { state: 'done', value: group };
    },
    send: () => atOnce(() => resources.resourceGroups.createOrUpdate(spec.name, body)),
    resume: () => {
      throw new Error('Azure makes a resource group at once.');
    },
  };
}

/** Deleting a group deletes what lies in it, whosever it is. @throws RetryableError `GROUP_NOT_EMPTY` */
export async function requireEmpty({ resources }: AzureConnection, name: string): Promise<void> {
  try {
    for await (const { id } of resources.resources.listByResourceGroup(name, { top: 1 }))
      throw notEmpty(name, id ?? '');
  } catch (error) {
    if (!isNotFound(error)) throw fromAzure(error, `list what lies in the resource group "${name}"`);
  }
}

function notEmpty(name: string, azureId: string): RetryableError {
  return new RetryableError({
    code: 'GROUP_NOT_EMPTY',
    message: `The resource group "${name}" is not deleted, because ${azureId} lies in it.`,
    fix: 'Move or delete what lies in it, then resume; what Landfall has just deleted is listed for some seconds more.',
  });
}
