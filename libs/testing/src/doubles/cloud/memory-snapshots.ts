import {
  ownerTags,
  type CallJournal,
  type CloudSnapshot,
  type CloudSnapshots,
  type Owned,
  type SnapshotSpec,
  sameId,
} from '@landfall/domain';
import type { MemoryReader } from './memory-reader.js';
import { CHANGES_OURS, nameOf, REMOVES_OURS, type MemorySubscription } from './memory-subscription.js';
import { refuse, requireTags, underAccess } from './refusals.js';

export class MemorySnapshots implements CloudSnapshots {
  /** How far one is complete that is taken from now on, in percent. */
  completion = 100;

  constructor(
    private readonly subscription: MemorySubscription,
    private readonly reader: MemoryReader,
  ) {}

  ensure(spec: SnapshotSpec, journal: CallJournal): Promise<CloudSnapshot> {
    const azureId = this.reader.snapshotId(spec.resourceGroup, spec.name);
    const effect = { creates: { kind: 'snapshot', role: spec.role, purpose: spec.purpose } } as const;
    const call = { key: `snapshot.create:${spec.name}`, azureId, effect };
    return this.subscription.recorded('snapshots.ensure', call, journal, () => {
      const known = this.subscription.snapshots.get(azureId.toLowerCase());
      if (known === undefined) return this.#take(azureId, spec);
      requireTags(known, spec.tags);
      if (known.diskId === null || !sameId(known.diskId, spec.diskId)) {
        throw refuse('RESOURCE_CHANGED', `${azureId} is of another disk.`);
      }
      return known;
    });
  }

  grantRead(azureId: string, _seconds: number, journal: CallJournal): Promise<string> {
    const { subscription } = this;
    const call = { key: `snapshot.grantRead:${nameOf(azureId)}`, azureId, effect: CHANGES_OURS };
    return subscription.recorded('snapshots.grantRead', call, journal, () => {
      const snapshot = subscription.require(subscription.snapshots, azureId);
      requireTags(snapshot, ownerTags(subscription.applianceId, journal.ownerId, 'snapshot'));
      if (snapshot.completionPercent < 100) throw refuse('AZURE_REFUSED', `${snapshot.name} is not complete.`);
      snapshot.diskState = 'ActiveSAS';
      return `https://snapshots.invalid/${snapshot.name}?sig=memory`;
    });
  }

  async revokeAccess(azureId: string, journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const call = { key: `snapshot.revoke:${nameOf(azureId)}`, azureId, effect: CHANGES_OURS };
    await subscription.recorded('snapshots.revokeAccess', call, journal, () => {
      const snapshot = subscription.snapshots.get(azureId.toLowerCase());
      if (snapshot !== undefined) snapshot.diskState = 'Unattached';
    });
  }

  remove({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const { snapshots } = this.subscription;
    const call = { key: `snapshot.delete:${azureId.toLowerCase()}`, azureId, effect: REMOVES_OURS };
    return this.subscription.recorded('snapshots.remove', call, journal, () => {
      const snapshot = snapshots.get(azureId.toLowerCase());
      if (snapshot === undefined) return false;
      requireTags(snapshot, tags);
      if (snapshot.diskState === 'ActiveSAS') throw underAccess(azureId);
      return snapshots.delete(azureId.toLowerCase());
    });
  }

  #take(azureId: string, spec: SnapshotSpec): CloudSnapshot {
    const { subscription } = this;
    const { name, resourceGroup, region, tags, diskId } = spec;
    subscription.requireGroup(resourceGroup);
    const disk = subscription.require(subscription.disks, diskId);
    const snapshot = {
      ...{ azureId, name, resourceGroup, region, tags, sizeBytes: disk.sizeBytes, diskId: disk.azureId },
      ...{ takenAt: new Date(), completionPercent: this.completion },
      ...{ diskState: 'Unattached', provisioningState: 'Succeeded' },
    };
    subscription.snapshots.set(azureId.toLowerCase(), snapshot);
    return snapshot;
  }
}
