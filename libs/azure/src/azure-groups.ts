import { restorePoller } from '@azure/arm-resources';
import type {
  CallJournal,
  CloudDisk,
  CloudGroups,
  CloudResourceGroup,
  DiskMove,
  GroupSpec,
  MoveObstacle,
  MoveWish,
  Owned,
} from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { removeOwn } from './deletion.js';
import { requireResourceGroupId } from './ids.js';
import { moveDisks, validateMove } from './moves.js';
import { perform } from './perform.js';
import type { AzureReader } from './reader.js';
import { createGroup, requireEmpty } from './resource-groups.js';

export class AzureGroups implements CloudGroups {
  constructor(
    private readonly connection: AzureConnection,
    private readonly reader: Pick<AzureReader, 'resource' | 'resourceGroup' | 'resourceGroupId' | 'disk' | 'diskId'>,
  ) {}

  ensure(spec: GroupSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudResourceGroup> {
    const azureId = this.reader.resourceGroupId(spec.name);
    const change = createGroup(this.connection, (name) => this.reader.resourceGroup(name), azureId, spec);
    return perform(change, { connection: this.connection, journal, signal });
  }

  remove(owned: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    const { resources, subscriptionId } = this.connection;
    const name = requireResourceGroupId(owned.azureId, subscriptionId);
    return removeOwn(
      this.reader,
      {
        ...{ kind: 'resource-group', name, owned, requireFree: () => requireEmpty(this.connection, name) },
        send: () => resources.resourceGroups.delete(name),
        resume: (state) => restorePoller(resources, state, resources.resourceGroups.delete),
      },
      { connection: this.connection, journal, signal },
    );
  }

  validateMove(move: MoveWish, signal?: AbortSignal): Promise<readonly MoveObstacle[]> {
    return validateMove(this.connection, this.reader, move, signal);
  }

  moveDisks(move: DiskMove, journal: CallJournal, signal?: AbortSignal): Promise<readonly CloudDisk[]> {
    return moveDisks(this.connection, this.reader, move, { connection: this.connection, journal, signal });
  }
}
