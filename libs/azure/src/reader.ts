import type { VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface, NetworkSecurityGroup, PublicIPAddress, VirtualNetwork } from '@azure/arm-network';
import {
  ResourceIds,
  kindOfArmType,
  networkOf,
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
} from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import type { DiskWithOrigin } from './disk-recreation.js';
import { fromAzure, isNotFound } from './errors.js';
import { parseNetworkId, parseResourceGroupId, parseResourceId, resourcePathOf } from './ids.js';
import { toFound } from './isolated-networks.js';
import { locksOn } from './locks.js';
import { toDisk, toNic, toResourceGroup, toSnapshot, toSubnets, toVm, toVmSize } from './models.js';
import { actionsMissing } from './permissions.js';
import { readSerialLog } from './serial-log.js';
import { notSeen, readSavedVm } from './saved-vm.js';
import { record, verbatim } from './verbatim.js';
import { addressesOf, partsOf } from './vm-parts.js';

/** Sizes and their restrictions change rarely, and the answer is some megabytes. */
const SIZES_KEPT_MS = 10 * 60_000;
const SUBSCRIPTIONS_API_VERSION = '2022-12-01';

/** What Landfall reads of Azure. An ID that is malformed or of another subscription names nothing: the answer is null. */
export class AzureReader extends ResourceIds implements CloudReader {
  readonly subscriptionId: string;
  private readonly connection: AzureConnection;
  readonly #sizes = new Map<string, { readonly readAt: number; readonly sizes: readonly VmSize[] }>();

  constructor(connection: AzureConnection) {
    super();
    this.connection = connection;
    this.subscriptionId = connection.subscriptionId;
  }

  async resourceGroup(name: string): Promise<CloudResourceGroup | null> {
    const group = await orNull(`read the resource group "${name}"`, () =>
      this.connection.resources.resourceGroups.get(name),
    );
    return group === null ? null : toResourceGroup(group);
  }

  async resource(kind: CloudResourceKind, id: string): Promise<CloudResource | null> {
    const found = await this.#ofKind(kind, id);
    if (found === null) return null;
    const { azureId, region, tags, provisioningState } = found;
    return { azureId, kind, region, tags, provisioningState };
  }

  now(): Promise<Date> {
    return asked('tell the time', () => this.connection.dateOf(this.#locationsPath()));
  }

  async regions(): Promise<readonly string[]> {
    const answer = await asked('list the regions', () => this.connection.get(this.#locationsPath()));
    const value = typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : [];
    return (Array.isArray(value) ? value : []).flatMap((each: unknown) =>
      typeof each === 'object' && each !== null && 'name' in each && typeof each.name === 'string' ? [each.name] : [],
    );
  }

  #locationsPath(): string {
    return `/subscriptions/${this.subscriptionId}/locations?api-version=${SUBSCRIPTIONS_API_VERSION}`;
  }

  async sizes(region: string): Promise<readonly VmSize[]> {
    const kept = this.#sizes.get(region);
    if (kept !== undefined && performance.now() - kept.readAt < SIZES_KEPT_MS) return kept.sizes;
    const sizes: VmSize[] = [];
    await asked(`list the VM sizes of ${region}`, async () => {
      for await (const sku of this.connection.compute.resourceSkus.list({ filter: `location eq '${region}'` })) {
        if (sku.resourceType === 'virtualMachines') sizes.push(toVmSize(sku));
      }
    });
    this.#sizes.set(region, { readAt: performance.now(), sizes });
    return sizes;
  }

  async usages(region: string): Promise<readonly CloudUsage[]> {
    const usages: CloudUsage[] = [];
    await asked(`read the usage of ${region}`, async () => {
      for await (const usage of this.connection.compute.usage.list(region)) {
        usages.push({ name: usage.name.value ?? '', current: usage.currentValue, limit: usage.limit });
      }
    });
    return usages;
  }

  async subnetsOf(networkId: string): Promise<readonly CloudSubnet[]> {
    const network = await this.network(networkId);
    return network === null ? [] : toSubnets(network, groupOf(networkId));
  }

  async subnetsIn(resourceGroup: string): Promise<readonly CloudSubnet[]> {
    const subnets: CloudSubnet[] = [];
    await orNull(`list the networks of "${resourceGroup}"`, async () => {
      for await (const network of this.connection.network.virtualNetworks.list(resourceGroup)) {
        subnets.push(...toSubnets(network, resourceGroup));
      }
    });
    return subnets;
  }

  /** Azure counts in what no network interface shows, such as the addresses of load balancers. */
  async addressIsFree(subnetId: string, address: string): Promise<boolean> {
    const path = parseNetworkId(networkOf(subnetId), this.subscriptionId);
    if (path === null) return false;
    const answer = await orNull(`ask whether the address ${address} is free`, () =>
      this.connection.network.virtualNetworks.checkIPAddressAvailability(path.resourceGroup, path.name, address),
    );
    return answer?.available === true;
  }

  async vm(id: string): Promise<CloudVm | null> {
    const model = await this.vmModel(id);
    return model === null ? null : toVm(model, groupOf(id));
  }

  async serialLog(vmId: string): Promise<string | null> {
    const path = parseResourceId(vmId, this.subscriptionId, 'vm');
    return path === null ? null : readSerialLog(this.connection, path);
  }

  async savedVm(id: string): Promise<SavedVm | null> {
    const path = parseResourceId(id, this.subscriptionId, 'vm');
    return path === null ? null : readSavedVm(this.connection, path);
  }

  async parts(vmId: string): Promise<readonly VmPart[] | null> {
    const model = await this.vmModel(vmId);
    if (model === null) return null;
    const nicIds = toVm(model, groupOf(vmId)).nicIds;
    const nics = await Promise.all(
      nicIds.map(async (id) => {
        const nic = await this.nicModel(id);
        if (nic === null) throw notSeen(id);
        return nic;
      }),
    );
    return [...partsOf(model), ...addressesOf(nics)].map(({ id = '', deleteOption = null }) => ({
      ...{ azureId: id, deleteOption },
    }));
  }

  async disk(id: string): Promise<CloudDisk | null> {
    return (await this.diskWithOrigin(id))?.disk ?? null;
  }

  async snapshot(id: string): Promise<CloudSnapshot | null> {
    const path = parseResourceId(id, this.subscriptionId, 'snapshot');
    if (path === null) return null;
    const model = await orNull(`read the snapshot "${path.name}"`, () =>
      this.connection.compute.snapshots.get(path.resourceGroup, path.name),
    );
    return model === null ? null : toSnapshot(model, path.resourceGroup);
  }

  async nic(id: string): Promise<CloudNic | null> {
    const model = await this.nicModel(id);
    return model === null ? null : toNic(model, groupOf(id));
  }

  locks(scopeIds: readonly string[]): Promise<readonly CloudLock[]> {
    return locksOn(this.connection, scopeIds);
  }

  actionsMissing(scopeId: string, actions: readonly string[]): Promise<readonly string[]> {
    return actionsMissing(this.connection, scopeId, actions);
  }

  async tagged(name: string, value: string): Promise<readonly TaggedResource[]> {
    const filter = `tagName eq ${quoted(name)} and tagValue eq ${quoted(value)}`;
    const found: TaggedResource[] = [];
    await asked('list what is tagged as ours', async () => {
      for await (const { id, type, tags } of this.connection.resources.resources.list({ filter })) {
        if (id !== undefined) found.push({ azureId: id, kind: kindOfArmType(type ?? ''), tags: tags ?? {} });
      }
      for await (const { id, tags } of this.connection.resources.resourceGroups.list({ filter })) {
        if (id !== undefined) found.push({ azureId: id, kind: 'resource-group', tags: tags ?? {} });
      }
    });
    return found;
  }

  async providerRegistered(namespace: string): Promise<boolean> {
    const provider = await orNull(`read the resource provider ${namespace}`, () =>
      this.connection.resources.providers.get(namespace),
    );
    return provider?.registrationState?.toLowerCase() === 'registered';
  }

  /** With its instance view, so that the power state is known. */
  async vmModel(id: string): Promise<VirtualMachine | null> {
    const path = parseResourceId(id, this.subscriptionId, 'vm');
    if (path === null) return null;
    return orNull(`read the VM "${path.name}"`, () =>
      this.connection.compute.virtualMachines.get(path.resourceGroup, path.name, { expand: 'instanceView' }),
    );
  }

  async nicModel(id: string): Promise<NetworkInterface | null> {
    const path = parseResourceId(id, this.subscriptionId, 'nic');
    if (path === null) return null;
    return orNull(`read the network interface "${path.name}"`, () =>
      this.connection.network.networkInterfaces.get(path.resourceGroup, path.name),
    );
  }

  async network(id: string): Promise<VirtualNetwork | null> {
    const path = parseNetworkId(id, this.subscriptionId);
    if (path === null) return null;
    return orNull(`read the network "${path.name}"`, () =>
      this.connection.network.virtualNetworks.get(path.resourceGroup, path.name),
    );
  }

  async securityGroup(id: string): Promise<NetworkSecurityGroup | null> {
    const path = parseResourceId(id, this.subscriptionId, 'security-group');
    if (path === null) return null;
    return orNull(`read the network security group "${path.name}"`, () =>
      this.connection.network.networkSecurityGroups.get(path.resourceGroup, path.name),
    );
  }

  async diskWithOrigin(id: string): Promise<DiskWithOrigin | null> {
    const path = parseResourceId(id, this.subscriptionId, 'disk');
    if (path === null) return null;
    const read = await verbatim(`read the disk "${path.name}"`, (options) =>
      this.connection.compute.disks.get(path.resourceGroup, path.name, options),
    );
    if (read === null) return null;
    const disk = toDisk(read.model, path.resourceGroup, ownershipIn(read.body));
    return { disk, sourceId: read.model.creationData?.sourceResourceId ?? null };
  }

  async publicAddressModel(id: string): Promise<PublicIPAddress | null> {
    const path = resourcePathOf(id);
    return orNull(`read the public address "${path.name}"`, () =>
      this.connection.network.publicIPAddresses.get(path.resourceGroup, path.name),
    );
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
      case 'network': {
        const network = await this.network(id);
        return network === null ? null : toFound(network);
      }
      case 'security-group': {
        const group = await this.securityGroup(id);
        return group === null ? null : toFound(group);
      }
      case 'resource-group': {
        const name = parseResourceGroupId(id, this.subscriptionId);
        return name === null ? null : this.resourceGroup(name);
      }
    }
  }
}

async function asked<T>(doing: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw fromAzure(error, doing);
  }
}

async function orNull<T>(doing: string, ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (isNotFound(error)) return null;
    throw fromAzure(error, doing);
  }
}

/** As OData has it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** To the last digit: the client would make a date of it, which has fewer. */
function ownershipIn(disk: unknown): string | null {
  const { LastOwnershipUpdateTime: time } = record(record(disk)['properties']);
  return typeof time === 'string' ? time : null;
}

function groupOf(id: string): string {
  return id.split('/')[4] ?? '';
}
