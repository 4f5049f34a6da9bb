import type { Cloud } from '@landfall/domain';
import { MemoryDisks } from './memory-disks.js';
import { MemoryGroups } from './memory-groups.js';
import { MemoryMachines } from './memory-machines.js';
import { MemoryNetwork } from './memory-network.js';
import { MemoryPolicies } from './memory-policies.js';
import { MemoryReader } from './memory-reader.js';
import { MemorySnapshots } from './memory-snapshots.js';
import { MemorySources } from './memory-sources.js';
import { MemorySubscription } from './memory-subscription.js';
import { seedOf, type SubscriptionSeed } from '@landfall/domain/builders';

/**
 * Azure in memory: the same rules as far as steps depend on them, everything at once, and no time passing. Keeps the
 * journal like the real adapter, so that ledgers can be held against what exists.
 */
export class MemoryCloud implements Cloud {
  readonly subscription: MemorySubscription;
  readonly reader: MemoryReader;
  readonly policies: MemoryPolicies;
  readonly disks: MemoryDisks;
  readonly snapshots: MemorySnapshots;
  readonly machines: MemoryMachines;
  readonly sources: MemorySources;
  readonly network: MemoryNetwork;
  readonly groups: MemoryGroups;

  constructor(options: { applianceId?: string; seed?: Partial<SubscriptionSeed> } = {}) {
    const subscription = new MemorySubscription(seedOf(options.seed), options.applianceId ?? 'appliance');
    this.subscription = subscription;
    this.reader = new MemoryReader(subscription);
    this.policies = new MemoryPolicies(subscription);
    this.disks = new MemoryDisks(subscription, this.reader);
    this.snapshots = new MemorySnapshots(subscription, this.reader);
    this.machines = new MemoryMachines(subscription, this.reader);
    this.sources = new MemorySources(subscription);
    this.network = new MemoryNetwork(subscription, this.reader);
    this.groups = new MemoryGroups(subscription, this.reader);
  }
}
