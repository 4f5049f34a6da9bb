import { randomUUID } from 'node:crypto';
import {
  ISOLATED_PREFIX,
  networkOf,
  type CallJournal,
  type CloudNetwork,
  type CloudNic,
  type CloudSubnet,
  type IsolatedNetworkSpec,
  type NicSpec,
  type Owned,
  sameId,
} from '@landfall/domain';
import type { MemoryReader } from './memory-reader.js';
import { nameOf, REMOVES_OURS, type MemorySubscription } from './memory-subscription.js';
import { refuse, requireTags } from './refusals.js';

export class MemoryNetwork implements CloudNetwork {
  constructor(
    private readonly subscription: MemorySubscription,
    private readonly reader: MemoryReader,
  ) {}

  ensureNic(spec: NicSpec, journal: CallJournal): Promise<CloudNic> {
    const { nics, allocations } = this.subscription;
    const azureId = this.reader.nicId(spec.resourceGroup, spec.name);
    const effect = { creates: { kind: 'nic', role: spec.role, purpose: spec.purpose } } as const;
    const call = { key: `nic.create:${spec.name}`, azureId, effect };
    return this.subscription.recorded('network.ensureNic', call, journal, async () => {
      const known = nics.get(azureId.toLowerCase());
      if (known !== undefined) return requireTags(known, spec.tags);
      this.subscription.requireGroup(spec.resourceGroup);
      const subnets = await this.reader.subnetsOf(networkOf(spec.subnetId));
      if (!subnets.some(({ azureId: id }) => sameId(id, spec.subnetId)))
        throw refuse('NETWORK_NOT_FOUND', `There is no subnet ${spec.subnetId}.`);
      if (spec.privateIp !== null && !(await this.reader.addressIsFree(spec.subnetId, spec.privateIp))) {
        throw refuse('IP_IN_USE', `${spec.privateIp} is in use.`);
      }
      const nic: CloudNic = {
        azureId,
        name: spec.name,
        resourceGroup: spec.resourceGroup,
        region: spec.region,
        tags: spec.tags,
        vmId: null,
        privateAddresses: [spec.privateIp ?? `10.0.0.${nics.size + 100}`],
        provisioningState: 'Succeeded',
      };
      nics.set(azureId.toLowerCase(), nic);
      this.subscription.subnetsOfNics.set(azureId.toLowerCase(), spec.subnetId);
      allocations.set(azureId.toLowerCase(), { isDynamic: spec.privateIp === null, number: randomUUID() });
      return nic;
    });
  }

  async ensureIsolated(spec: IsolatedNetworkSpec, journal: CallJournal): Promise<CloudSubnet> {
    const { subscription, reader } = this;
    const { networks, securityGroups } = subscription;
    const { resourceGroup, name, region, tags, role, purpose } = spec;
    const securityGroupId = reader.securityGroupId(resourceGroup, `${name}-nsg`);
    const provisioningState = 'Succeeded';
    await subscription.recorded(
      'network.ensureIsolated',
      {
        ...{ key: `security-group.create:${name}-nsg`, azureId: securityGroupId },
        effect: { creates: { kind: 'security-group', role, purpose } },
      },
      journal,
      () => {
        const known = securityGroups.get(securityGroupId.toLowerCase());
        if (known !== undefined) return void requireTags(known, tags);
        subscription.requireGroup(resourceGroup);
        const group = { azureId: securityGroupId, kind: 'security-group' as const, region, tags, provisioningState };
        securityGroups.set(securityGroupId.toLowerCase(), group);
      },
    );
    const azureId = reader.networkId(resourceGroup, name);
    const effect = { creates: { kind: 'network', role, purpose } } as const;
    const call = { key: `network.create:${name}`, azureId, effect };
    return subscription.recorded('network.ensureIsolated', call, journal, () => {
      const known = networks.get(azureId.toLowerCase());
      if (known !== undefined) return requireTags(known, tags).subnet;
      const place = { region, resourceGroup, networkName: name, name: 'machine', prefixes: [ISOLATED_PREFIX] };
      const subnet = { ...place, azureId: `${azureId}/subnets/machine` };
      networks.set(azureId.toLowerCase(), { azureId, kind: 'network', region, tags, provisioningState, subnet });
      return subnet;
    });
  }

  removeNetwork({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const { networks, subnetsOfNics, nics } = this.subscription;
    const call = { key: `network.delete:${azureId.toLowerCase()}`, azureId, effect: REMOVES_OURS };
    return this.subscription.recorded('network.removeNetwork', call, journal, () => {
      const network = networks.get(azureId.toLowerCase());
      if (network === undefined) return false;
      requireTags(network, tags);
      const user = [...nics.keys()].find((id) => sameId(networkOf(subnetsOfNics.get(id) ?? ''), azureId));
      if (user !== undefined) throw refuse('AZURE_REFUSED', `${azureId} is in use by ${user}.`);
      return networks.delete(azureId.toLowerCase());
    });
  }

  removeSecurityGroup({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const { networks, securityGroups } = this.subscription;
    const call = { key: `security-group.delete:${azureId.toLowerCase()}`, azureId, effect: REMOVES_OURS };
    return this.subscription.recorded('network.removeSecurityGroup', call, journal, () => {
      const group = securityGroups.get(azureId.toLowerCase());
      if (group === undefined) return false;
      requireTags(group, tags);
      if ([...networks.keys()].some((id) => sameId(`${nameOf(id)}-nsg`, nameOf(azureId))))
        throw refuse('AZURE_REFUSED', `${azureId} is in use.`);
      return securityGroups.delete(azureId.toLowerCase());
    });
  }

  removeNic({ azureId, tags }: Owned, journal: CallJournal): Promise<boolean> {
    const { nics } = this.subscription;
    const call = { key: `nic.delete:${azureId.toLowerCase()}`, azureId, effect: REMOVES_OURS };
    return this.subscription.recorded('network.removeNic', call, journal, () => {
      const nic = nics.get(azureId.toLowerCase());
      if (nic === undefined) return false;
      requireTags(nic, tags);
      if (nic.vmId !== null) throw refuse('NIC_IN_USE', `${nic.name} is in use.`);
      return nics.delete(azureId.toLowerCase());
    });
  }
}
