import type { Cloud } from '../ports/cloud/cloud.js';
import type { CallJournal } from '../ports/cloud/journal.js';
import type { Owned } from '../ports/cloud/owned.js';
import type { CloudResourceKind } from './kinds.js';

/** The parts of the cloud through which something of any kind is removed. */
export type RemovingCloud = Pick<Cloud, 'disks' | 'snapshots' | 'network' | 'machines' | 'groups'>;

/** Removes something of ours, such as a ledger lists it. Returns whether it was there. */
export function removeResource(
  cloud: RemovingCloud,
  kind: CloudResourceKind,
  owned: Owned,
  journal: CallJournal,
  signal?: AbortSignal,
): Promise<boolean> {
  switch (kind) {
    case 'disk':
      return cloud.disks.remove(owned, journal, signal);
    case 'snapshot':
      return cloud.snapshots.remove(owned, journal, signal);
    case 'nic':
      return cloud.network.removeNic(owned, journal, signal);
    case 'network':
      return cloud.network.removeNetwork(owned, journal, signal);
    case 'security-group':
      return cloud.network.removeSecurityGroup(owned, journal, signal);
    case 'vm':
      return cloud.machines.remove(owned, journal, signal);
    case 'resource-group':
      return cloud.groups.remove(owned, journal, signal);
  }
}
