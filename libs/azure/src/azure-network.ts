import { restorePoller } from '@azure/arm-network';
import type { CallJournal, CloudNetwork, CloudNic, NicSpec, Owned } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { removeOwn } from './deletion.js';
import { requireResourceId } from './ids.js';
import { createNic } from './network-interfaces.js';
import { perform } from './perform.js';
import type { AzureReader } from './reader.js';

export class AzureNetwork implements CloudNetwork {
  constructor(
    private readonly connection: AzureConnection,
    private readonly reader: Pick<AzureReader, 'resource' | 'nic' | 'nicId'>,
  ) {}

  ensureNic(spec: NicSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudNic> {
    const azureId = this.reader.nicId(spec.resourceGroup, spec.name);
    const change = createNic(this.connection, (id) => this.reader.nic(id), azureId, spec);
    return perform(change, { connection: this.connection, journal, signal });
  }

  removeNic(owned: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    const { network, subscriptionId } = this.connection;
    const { resourceGroup, name } = requireResourceId(owned.azureId, subscriptionId, 'nic');
    return removeOwn(
      this.reader,
      {
        ...{ kind: 'nic', name, owned },
        send: () => network.networkInterfaces.delete(resourceGroup, name),
        resume: (state) => restorePoller(network, state, network.networkInterfaces.delete),
      },
      { connection: this.connection, journal, signal },
    );
  }
}
