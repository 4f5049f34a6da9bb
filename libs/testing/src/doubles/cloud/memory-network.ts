import { randomUUID } from 'node:crypto';
import {
  networkOf,
  type CallJournal,
  type CloudNetwork,
  type CloudNic,
  type NicSpec,
  type Owned,
  sameId,
} from '@landfall/domain';
import type { MemoryReader } from './memory-reader.js';
import { REMOVES_OURS, type MemorySubscription } from './memory-subscription.js';
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
