import {
  RetryableError,
  type CallJournal,
  type CloudGroups,
  type CloudResourceGroup,
  type GroupSpec,
  type Owned,
} from '@landfall/domain';
import type { MemoryReader } from './memory-reader.js';
import { nameOf, REMOVES_OURS, type MemorySubscription } from './memory-subscription.js';
import { refuse, requireTags } from './refusals.js';

export class MemoryGroups implements CloudGroups {
  constructor(
    private readonly subscription: MemorySubscription,
    private readonly reader: MemoryReader,
  ) {}

  ensure(spec: GroupSpec, journal: CallJournal): Promise<CloudResourceGroup> {
    const { name, region, tags, role, purpose } = spec;
    const { groups } = this.subscription;
    const azureId = this.reader.resourceGroupId(name);
    const effect = { creates: { kind: 'resource-group', role, purpose } } as const;
    const call = { key: `resource-group.create:${name}`, azureId, effect };
    return this.subscription.recorded('groups.ensure', call, journal, () => {
      const known = groups.get(name.toLowerCase());
      if (known === undefined) return this.subscription.newGroup(name, region, tags);
      requireTags(known, tags);
      if (known.region !== region) throw refuse('RESOURCE_CHANGED', `${azureId} is in another region.`);
      return known;
    });
  }

  remove({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const { subscription } = this;
    const name = nameOf(azureId);
    const call = { key: `resource-group.delete:${azureId.toLowerCase()}`, azureId, effect: REMOVES_OURS };
    return subscription.recorded('groups.remove', call, journal, () => {
      const group = subscription.groups.get(name.toLowerCase());
      if (group === undefined) return false;
      requireTags(group, tags);
      const inside = subscription.contentsOf(name)[0];
      if (inside !== undefined) throw notEmpty(name, inside);
      return subscription.groups.delete(name.toLowerCase());
    });
  }
}

function notEmpty(name: string, azureId: string): RetryableError {
  const message = `The resource group "${name}" is not deleted, because ${azureId} lies in it.`;
  return new RetryableError({ code: 'GROUP_NOT_EMPTY', message, fix: 'Take it out.' });
}
