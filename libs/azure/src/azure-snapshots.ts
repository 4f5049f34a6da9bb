import { restorePoller } from '@azure/arm-compute';
import {
  ownerTags,
  type CallJournal,
  type CloudSnapshot,
  type CloudSnapshots,
  type Owned,
  type SnapshotSpec,
} from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { removeOwn } from './deletion.js';
import { grantAccess, revocation, type OpenedKind } from './disk-access.js';
import { requireResourceId } from './ids.js';
import { perform } from './perform.js';
import type { AzureReader } from './reader.js';
import { takeSnapshot } from './snapshots.js';

export class AzureSnapshots implements CloudSnapshots {
  constructor(
    private readonly connection: AzureConnection,
    private readonly reader: Pick<AzureReader, 'resource' | 'snapshot' | 'snapshotId'>,
    private readonly applianceId: string,
  ) {}

  ensure(spec: SnapshotSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudSnapshot> {
    const azureId = this.reader.snapshotId(spec.resourceGroup, spec.name);
    const change = takeSnapshot(this.connection, (id) => this.reader.snapshot(id), azureId, spec);
    return perform(change, { connection: this.connection, journal, signal });
  }

  grantRead(azureId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string> {
    const tags = ownerTags(this.applianceId, journal.ownerId, 'snapshot');
    const wanted = { azureId, access: 'Read', seconds, tags } as const;
    return grantAccess(this.connection, this.#opened, wanted, { connection: this.connection, journal, signal });
  }

  async revokeAccess(snapshotId: string, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    const change = revocation(this.connection, this.#opened, snapshotId);
    await perform(change, { connection: this.connection, journal, signal });
  }

  remove(owned: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    const { compute, subscriptionId } = this.connection;
    const { resourceGroup, name } = requireResourceId(owned.azureId, subscriptionId, 'snapshot');
    return removeOwn(
      this.reader,
      {
        ...{ kind: 'snapshot', name, owned },
        send: () => compute.snapshots.delete(resourceGroup, name),
        resume: (state) => restorePoller(compute, state, compute.snapshots.delete),
      },
      { connection: this.connection, journal, signal },
    );
  }

  readonly #opened: OpenedKind = { kind: 'snapshot', read: (id) => this.reader.snapshot(id) };
}
