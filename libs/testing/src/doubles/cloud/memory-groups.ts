import type { CallJournal, CloudGroups, Owned } from '@landfall/domain';
import { nameOf, type MemorySubscription } from './memory-subscription.js';
import { requireTags } from './refusals.js';

/** None of the groups that are there from the start carries tags. */
export class MemoryGroups implements CloudGroups {
  constructor(private readonly subscription: MemorySubscription) {}

  remove({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const call = { key: `resource-group.delete:${nameOf(azureId)}`, azureId, removes: true };
    return this.subscription.recorded('groups.remove', call, journal, () => {
      const isThere = this.subscription.seed.resourceGroups[nameOf(azureId)] !== undefined;
      if (isThere) requireTags({ azureId, tags: {} }, tags);
      return isThere;
    });
  }
}
