import { restorePoller } from '@azure/arm-network';
import {
  type CallJournal,
  type CloudNetwork,
  type CloudNic,
  type CloudSubnet,
  type IsolatedNetworkSpec,
  type NicSpec,
  type Owned,
} from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { removeOwn } from './deletion.js';
import { requireResourceId } from './ids.js';
import { createNetwork, createSecurityGroup } from './isolated-networks.js';
import { toSubnets } from './models.js';
import { createNic } from './network-interfaces.js';
import { perform } from './perform.js';
import type { AzureReader } from './reader.js';

export class AzureNetwork implements CloudNetwork {
  constructor(
    private readonly connection: AzureConnection,
    private readonly reader: Pick<
      AzureReader,
      'resource' | 'nic' | 'nicId' | 'network' | 'networkId' | 'securityGroup' | 'securityGroupId'
    >,
  ) {}

  ensureNic(spec: NicSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudNic> {
    const azureId = this.reader.nicId(spec.resourceGroup, spec.name);
    const change = createNic(this.connection, (id) => this.reader.nic(id), azureId, spec);
    return perform(change, { connection: this.connection, journal, signal });
  }

  async ensureIsolated(spec: IsolatedNetworkSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudSubnet> {
    const { connection, reader } = this;
    const performer = { connection, journal, signal };
    const azureId = reader.networkId(spec.resourceGroup, spec.name);
    const securityGroupId = reader.securityGroupId(spec.resourceGroup, `${spec.name}-nsg`);
    const groups = (id: string) => reader.securityGroup(id);
    await perform(createSecurityGroup(connection, groups, securityGroupId, spec), performer);
    const networks = (id: string) => reader.network(id);
    const network = await perform(createNetwork(connection, networks, { azureId, securityGroupId }, spec), performer);
    return toSubnets(network, spec.resourceGroup)[0]!;
  }

  removeNetwork(owned: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    const { network, subscriptionId } = this.connection;
    const { resourceGroup, name } = requireResourceId(owned.azureId, subscriptionId, 'network');
    return removeOwn(
      this.reader,
      {
        ...{ kind: 'network', name, owned },
        send: () => network.virtualNetworks.delete(resourceGroup, name),
        resume: (state) => restorePoller(network, state, network.virtualNetworks.delete),
      },
      { connection: this.connection, journal, signal },
    );
  }

  removeSecurityGroup(owned: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean> {
    const { network, subscriptionId } = this.connection;
    const { resourceGroup, name } = requireResourceId(owned.azureId, subscriptionId, 'security-group');
    return removeOwn(
      this.reader,
      {
        ...{ kind: 'security-group', name, owned },
        send: () => network.networkSecurityGroups.delete(resourceGroup, name),
        resume: (state) => restorePoller(network, state, network.networkSecurityGroups.delete),
      },
      { connection: this.connection, journal, signal },
    );
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
