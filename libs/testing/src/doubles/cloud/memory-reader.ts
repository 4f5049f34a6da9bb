import {
  networkOf,
  ResourceIds,
  tagOf,
  type CloudDisk,
  type CloudLock,
  type CloudNic,
  type CloudReader,
  type CloudResource,
  type CloudResourceGroup,
  type CloudResourceKind,
  type CloudSnapshot,
  type CloudSubnet,
  type CloudUsage,
  type CloudVm,
  type SavedVm,
  type TaggedResource,
  type VmPart,
  type VmSize,
  sameId,
} from '@landfall/domain';
import { isWithin, nameOf, type MemorySubscription } from './memory-subscription.js';
import { refuse } from './refusals.js';
import { savedVmOf } from './saved-vm.js';

export class MemoryReader extends ResourceIds implements CloudReader {
  constructor(private readonly subscription: MemorySubscription) {
    super();
  }

  get subscriptionId(): string {
    return this.subscription.id;
  }

  async now(): Promise<Date> {
    return new Date(Date.now() + this.subscription.clockAheadMs);
  }

  async resourceGroup(name: string): Promise<CloudResourceGroup | null> {
    return this.subscription.groups.get(name.toLowerCase()) ?? null;
  }

  async resource(kind: CloudResourceKind, id: string): Promise<CloudResource | null> {
    const found = await this.#ofKind(kind, id);
    if (found === null) return null;
    const { azureId, region, tags, provisioningState } = found;
    return { azureId, kind, region, tags, provisioningState };
  }

  async regions(): Promise<readonly string[]> {
    return this.subscription.seed.regions;
  }

  async sizes(_region: string): Promise<readonly VmSize[]> {
    return this.subscription.seed.sizes;
  }

  async usages(_region: string): Promise<readonly CloudUsage[]> {
    return this.subscription.seed.usages;
  }

  async subnetsOf(networkId: string): Promise<readonly CloudSubnet[]> {
    const own = this.subscription.networks.get(networkId.toLowerCase());
    if (own !== undefined) return [own.subnet];
    return this.subscription.seed.subnets.filter((subnet) => sameId(networkOf(subnet.azureId), networkId));
  }

  async addressIsFree(_subnetId: string, address: string): Promise<boolean> {
    return [...this.subscription.nics.values()].every((nic) => !nic.privateAddresses.includes(address));
  }

  async subnetsIn(resourceGroup: string): Promise<readonly CloudSubnet[]> {
    const own = [...this.subscription.networks.values()].map(({ subnet }) => subnet);
    return [...this.subscription.seed.subnets, ...own].filter((subnet) => subnet.resourceGroup === resourceGroup);
  }

  async vm(id: string): Promise<CloudVm | null> {
    return this.subscription.vms.get(id.toLowerCase()) ?? null;
  }

  async serialLog(vmId: string): Promise<string | null> {
    return this.subscription.serialLogs.get(vmId.toLowerCase()) ?? null;
  }

  async savedVm(id: string): Promise<SavedVm | null> {
    const vm = await this.vm(id);
    return vm === null ? null : savedVmOf(this.subscription, vm);
  }

  async parts(vmId: string): Promise<readonly VmPart[] | null> {
    const vm = await this.vm(vmId);
    if (vm === null) return null;
    const osDiskOption = this.subscription.osDiskGoesAlong(vm) ? 'Delete' : 'Detach';
    return [
      ...(vm.osDiskId === null ? [] : [{ azureId: vm.osDiskId, deleteOption: osDiskOption }]),
      ...vm.dataDisks.map(({ diskId }) => ({ azureId: diskId, deleteOption: 'Detach' })),
      ...vm.nicIds.map((azureId) => ({ azureId, deleteOption: 'Detach' })),
    ];
  }

  async disk(id: string): Promise<CloudDisk | null> {
    return this.subscription.disks.get(id.toLowerCase()) ?? null;
  }

  async snapshot(id: string): Promise<CloudSnapshot | null> {
    return this.subscription.snapshots.get(id.toLowerCase()) ?? null;
  }

  async nic(id: string): Promise<CloudNic | null> {
    return this.subscription.nics.get(id.toLowerCase()) ?? null;
  }

  async locks(scopeIds: readonly string[]): Promise<readonly CloudLock[]> {
    const odd = scopeIds.find((id) => !/^\/subscriptions\/[^?#]+$/i.test(id));
    if (odd !== undefined) throw refuse('AZURE_ID_INVALID', `"${odd}" is no ID.`);
    const isResource = (id: string): boolean => id.split('/').length > 5;
    return this.subscription.locks.filter(({ scope }) =>
      scopeIds.some((id) => isWithin(id, scope) || (isResource(id) && isWithin(scope, id))),
    );
  }

  async actionsMissing(scopeId: string, actions: readonly string[]): Promise<readonly string[]> {
    if (!/^\/subscriptions\/[^/?#]+\/resourceGroups\/[^?#]+$/i.test(scopeId))
      throw refuse('AZURE_ID_INVALID', `"${scopeId}" is no ID of a group.`);
    return actions.filter((action) => this.subscription.actionsMissing.some((each) => sameId(each, action)));
  }

  async tagged(name: string, value: string): Promise<readonly TaggedResource[]> {
    const kinds = [
      ['disk', this.subscription.disks],
      ['snapshot', this.subscription.snapshots],
      ['nic', this.subscription.nics],
      ['vm', this.subscription.vms],
      ['network', this.subscription.networks],
      ['security-group', this.subscription.securityGroups],
      ['resource-group', this.subscription.groups],
    ] as const;
    return kinds.flatMap(([kind, resources]) =>
      [...resources.values()]
        .filter((each) => tagOf(each.tags, name) === value)
        .map(({ azureId, tags }) => ({ azureId, kind, tags })),
    );
  }

  async providerRegistered(_namespace: string): Promise<boolean> {
    return true;
  }

  async #ofKind(kind: CloudResourceKind, id: string): Promise<Omit<CloudResource, 'kind'> | null> {
    switch (kind) {
      case 'disk':
        return this.disk(id);
      case 'snapshot':
        return this.snapshot(id);
      case 'nic':
        return this.nic(id);
      case 'vm':
        return this.vm(id);
      case 'network':
        return this.subscription.networks.get(id.toLowerCase()) ?? null;
      case 'security-group':
        return this.subscription.securityGroups.get(id.toLowerCase()) ?? null;
      case 'resource-group':
        return this.resourceGroup(nameOf(id));
    }
  }
}
