import { restorePoller } from '@azure/arm-resources';
import type { CallJournal, CloudGroups, Owned } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { removeOwn } from './deletion.js';
import { requireResourceGroupId } from './ids.js';
import type { AzureReader } from './reader.js';

export class AzureGroups implements CloudGroups {
  constructor(
    private readonly connection: AzureConnection,
    private readonly reader: Pick<AzureReader, 'resource'>,
  ) {}

  remove(owned: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    const { resources, subscriptionId } = this.connection;
    const name = requireResourceGroupId(owned.azureId, subscriptionId);
    return removeOwn(
      this.reader,
      {
        ...{ kind: 'resource-group', name, owned },
        send: () => resources.resourceGroups.delete(name),
        resume: (state) => restorePoller(resources, state, resources.resourceGroups.delete),
      },
      { connection: this.connection, journal, signal },
    );
  }
}
