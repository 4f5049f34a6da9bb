import {
  ownerTags,
  type CallJournal,
  type CloudDisk,
  type CloudDisks,
  type DiskCopySpec,
  type DiskSpec,
  type Owned,
  type RecreatedDisk,
  type RecreateDiskSpec,
  type ReplacedDisk,
  sameId,
} from '@landfall/domain';
import type { MemoryReader } from './memory-reader.js';
import { CHANGES_OURS, nameOf, REMOVES_OURS, type MemorySubscription } from './memory-subscription.js';
import { refuse, requireTags, underAccess } from './refusals.js';
import { SHOWN_DISK } from './saved-vm.js';

export class MemoryDisks implements CloudDisks {
  constructor(
    private readonly subscription: MemorySubscription,
    private readonly reader: MemoryReader,
  ) {}

  ensureEmpty(spec: DiskSpec, journal: CallJournal): Promise<CloudDisk> {
    return this.#ensure('disks.ensureEmpty', spec, 'Unattached', journal);
  }

  ensureUpload(spec: DiskSpec, journal: CallJournal): Promise<CloudDisk> {
    return this.#ensure('disks.ensureUpload', spec, 'ReadyToUpload', journal);
  }

  ensureCopy(spec: DiskCopySpec, journal: CallJournal): Promise<CloudDisk> {
    const { subscription } = this;
    const azureId = this.reader.diskId(spec.resourceGroup, spec.name);
    const effect = { creates: { kind: 'disk', role: spec.role, purpose: spec.purpose } } as const;
    return subscription.recorded(
      'disks.ensureCopy',
      { key: `disk.copy:${spec.name}`, azureId, effect },
      journal,
      () => {
        const known = subscription.disks.get(azureId.toLowerCase());
        if (known === undefined) {
          const source = subscription.require(subscription.disks, spec.sourceDiskId);
          if (source.diskState !== 'Unattached')
            throw refuse('AZURE_REFUSED', `${source.name} is ${source.diskState}.`);
          subscription.origins.set(azureId.toLowerCase(), source.azureId);
          return subscription.newDisk({ ...spec, sizeBytes: source.sizeBytes }, azureId, 'Unattached');
        }
        requireTags(known, spec.tags);
        if (sameId(subscription.origins.get(azureId.toLowerCase()) ?? '', spec.sourceDiskId)) return known;
        throw refuse('RESOURCE_CHANGED', `${azureId} was made from something else.`);
      },
    );
  }

  grantWrite(diskId: string, _seconds: number, journal: CallJournal): Promise<string> {
    return this.#grant('disks.grantWrite', diskId, journal, /Upload$/, 'ActiveUpload');
  }

  grantRead(diskId: string, _seconds: number, journal: CallJournal): Promise<string> {
    return this.#grant('disks.grantRead', diskId, journal, /^(Unattached|ActiveSAS)$/, 'ActiveSAS');
  }

  async revokeAccess(diskId: string, journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const call = { key: `disk.revoke:${nameOf(diskId)}`, azureId: diskId, effect: CHANGES_OURS };
    await subscription.recorded('disks.revokeAccess', call, journal, () => {
      const disk = subscription.disks.get(diskId.toLowerCase());
      if (disk && /^Active/.test(disk.diskState)) disk.diskState = 'Unattached';
    });
  }

  remove({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const { disks } = this.subscription;
    const call = { key: `disk.delete:${azureId.toLowerCase()}`, azureId, effect: REMOVES_OURS };
    return this.subscription.recorded('disks.remove', call, journal, () => {
      const disk = disks.get(azureId.toLowerCase());
      if (disk === undefined) return false;
      requireTags(disk, tags);
      if (disk.managedBy !== null) throw refuse('DISK_ATTACHED', `${disk.name} is attached.`);
      if (/^Active/.test(disk.diskState)) throw underAccess(azureId);
      return disks.delete(azureId.toLowerCase());
    });
  }

  async recreate(spec: RecreateDiskSpec, journal: CallJournal): Promise<RecreatedDisk> {
    const { subscription, reader } = this;
    const { saved, snapshotId, tags, role, purpose } = spec;
    const { id, name, location, ...shown } = SHOWN_DISK.parse(saved.body);
    const group = spec.resourceGroup ?? id.split('/')[4] ?? '';
    const azureId = reader.diskId(group, spec.name ?? name);
    const effect = { creates: { kind: 'disk', role, purpose } } as const;
    const call = { key: `disk.recreate:${azureId.toLowerCase()}`, azureId, effect };
    const create = (): CloudDisk => {
      const known = subscription.disks.get(azureId.toLowerCase());
      if (known === undefined) {
        const { sizeBytes } = subscription.require(subscription.snapshots, snapshotId);
        const place = {
          name: spec.name ?? name,
          resourceGroup: group,
          region: location,
          zone: shown.zones[0] ?? null,
        };
        subscription.origins.set(azureId.toLowerCase(), snapshotId);
        const own = { sizeBytes, sku: shown.sku.name, tags: { ...shown.tags, ...tags } };
        return subscription.newDisk({ ...place, ...own }, azureId, 'Unattached');
      }
      requireTags(known, tags);
      if (sameId(subscription.origins.get(azureId.toLowerCase()) ?? '', snapshotId)) return known;
      throw refuse('RESOURCE_CHANGED', `${azureId} was made from something else.`);
    };
    const disk = await subscription.recorded('disks.recreate', call, journal, create, ({ uniqueId }) => uniqueId);
    return { disk, notSent: [] };
  }

  removeSource({ azureId, uniqueId }: ReplacedDisk, journal: CallJournal): Promise<boolean> {
    const { disks } = this.subscription;
    const effect = { removes: { kind: 'disk', instanceId: uniqueId } } as const;
    const call = { key: `disk.remove-source:${uniqueId.toLowerCase()}`, azureId, effect };
    return this.subscription.recorded('disks.removeSource', call, journal, () => {
      const disk = disks.get(azureId.toLowerCase());
      if (disk === undefined) return false;
      if (disk.uniqueId !== uniqueId) throw refuse('SOURCE_REPLACED', `${azureId} is another disk by now.`);
      if (disk.diskState !== 'Unattached') throw refuse('SOURCE_DISK_IN_USE', `${azureId} is ${disk.diskState}.`);
      return disks.delete(azureId.toLowerCase());
    });
  }

  #ensure(
    call: 'disks.ensureEmpty' | 'disks.ensureUpload',
    spec: DiskSpec,
    diskState: string,
    journal: CallJournal,
  ): Promise<CloudDisk> {
    const azureId = this.reader.diskId(spec.resourceGroup, spec.name);
    const effect = { creates: { kind: 'disk', role: spec.role, purpose: spec.purpose } } as const;
    return this.subscription.recorded(call, { key: `disk.create:${spec.name}`, azureId, effect }, journal, () => {
      const known = this.subscription.disks.get(azureId.toLowerCase());
      if (known === undefined) return this.subscription.newDisk(spec, azureId, diskState);
      requireTags(known, spec.tags);
      if (known.sizeBytes !== spec.sizeBytes) throw refuse('RESOURCE_CHANGED', `${azureId} has another size.`);
      return known;
    });
  }

  #grant(
    call: 'disks.grantWrite' | 'disks.grantRead',
    diskId: string,
    journal: CallJournal,
    from: RegExp,
    to: string,
  ): Promise<string> {
    const { subscription } = this;
    const what = { key: `${call}:${nameOf(diskId)}`, azureId: diskId, effect: CHANGES_OURS };
    return subscription.recorded(call, what, journal, () => {
      const disk = subscription.require(subscription.disks, diskId);
      requireTags(disk, ownerTags(subscription.applianceId, journal.ownerId, 'disk'));
      if (!from.test(disk.diskState)) throw refuse('AZURE_REFUSED', `${disk.name} is ${disk.diskState}.`);
      disk.diskState = to;
      return `https://disks.invalid/${disk.name}?sig=memory`;
    });
  }
}
