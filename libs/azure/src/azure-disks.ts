import { restorePoller } from '@azure/arm-compute';
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
} from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { removeOwn } from './deletion.js';
import { grantAccess, revocation, type OpenedKind } from './disk-access.js';
import { copyDisk } from './disk-copy.js';
import { recreationOfDisk } from './disk-recreation.js';
import { createDisk, diskPath } from './disks.js';
import { perform, type Performer } from './perform.js';
import type { AzureReader } from './reader.js';
import { recreatedDiskBody } from './recreated-disk-body.js';
import { removalOfSourceDisk } from './source-disk-removal.js';

export class AzureDisks implements CloudDisks {
  constructor(
    private readonly connection: AzureConnection,
    private readonly reader: Pick<AzureReader, 'resource' | 'disk' | 'diskWithOrigin' | 'diskId'>,
    private readonly applianceId: string,
  ) {}

  ensureEmpty(spec: DiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk> {
    return this.#ensure(spec, 'Empty', { connection: this.connection, journal, signal });
  }

  ensureUpload(spec: DiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk> {
    return this.#ensure(spec, 'Upload', { connection: this.connection, journal, signal });
  }

  ensureCopy(spec: DiskCopySpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk> {
    const azureId = this.reader.diskId(spec.resourceGroup, spec.name);
    const change = copyDisk(this.connection, (id) => this.reader.diskWithOrigin(id), azureId, spec);
    return perform(change, { connection: this.connection, journal, signal });
  }

  grantWrite(diskId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string> {
    return this.#grant(diskId, 'Write', seconds, { connection: this.connection, journal, signal });
  }

  grantRead(diskId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string> {
    return this.#grant(diskId, 'Read', seconds, { connection: this.connection, journal, signal });
  }

  async revokeAccess(diskId: string, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    await perform(revocation(this.connection, this.#opened, diskId), { connection: this.connection, journal, signal });
  }

  remove(owned: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    const { compute } = this.connection;
    const { resourceGroup, name } = diskPath(this.connection, owned.azureId);
    return removeOwn(
      this.reader,
      {
        ...{ kind: 'disk', name, owned },
        send: () => compute.disks.delete(resourceGroup, name),
        resume: (state) => restorePoller(compute, state, compute.disks.delete),
      },
      { connection: this.connection, journal, signal },
    );
  }

  async recreate(spec: RecreateDiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<RecreatedDisk> {
    const original = diskPath(this.connection, spec.saved.azureId);
    const azureId = this.reader.diskId(spec.resourceGroup ?? original.resourceGroup, spec.name ?? original.name);
    const { body, notSent } = recreatedDiskBody(spec);
    const read = (id: string) => this.reader.diskWithOrigin(id);
    const change = recreationOfDisk(this.connection, read, azureId, spec, body);
    const disk = await perform(change, { connection: this.connection, journal, signal });
    return { disk, notSent };
  }

  async removeSource(disk: ReplacedDisk, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    let wasThere = false;
    const change = removalOfSourceDisk(this.connection, this.#read, disk, () => {
      wasThere = true;
    });
    await perform(change, { connection: this.connection, journal, signal });
    return wasThere;
  }

  readonly #read = (id: string): Promise<CloudDisk | null> => this.reader.disk(id);
  readonly #opened: OpenedKind = { kind: 'disk', read: (id) => this.reader.disk(id) };

  #ensure(spec: DiskSpec, kind: 'Empty' | 'Upload', performer: Performer): Promise<CloudDisk> {
    const azureId = this.reader.diskId(spec.resourceGroup, spec.name);
    return perform(createDisk(this.connection, this.#read, azureId, spec, kind), performer);
  }

  #grant(azureId: string, access: 'Read' | 'Write', seconds: number, performer: Performer): Promise<string> {
    const tags = ownerTags(this.applianceId, performer.journal.ownerId, 'disk');
    return grantAccess(this.connection, this.#opened, { azureId, access, seconds, tags }, performer);
  }
}
