import { randomUUID } from 'node:crypto';
import { badRequest } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { resourceId } from '../arm/resource-id.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup, requireName, requireOpenGroup, requireSameLocation } from '../groups/placement.js';
import { requireRegion } from '../groups/regions.js';
import { accepted, acceptedWrite } from '../operations/answers.js';
import { idsAt, requireNetworkReferences } from '../referred/references.js';
import { VIRTUAL_NETWORK, type Subnet, type VirtualNetworkRecord } from '../state/records.js';
import { put } from '../state/state.js';
import { parsePrefix, usableCount } from './addresses.js';
import { DELETE_NETWORK_RESOURCE, SETTLE_NETWORK_RESOURCE } from './settle.js';
import { SUBNET_BODY, TAGS_BODY, VIRTUAL_NETWORK_BODY } from './schema.js';
import {
  configurationsIn,
  inSubnet,
  requireFittingSubnets,
  requireNamedSubnet,
  requireNetwork,
  subnetId,
  subnetOf,
} from './subnets.js';

const COLLECTION =
  '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Network/virtualNetworks';
const PATH = `${COLLECTION}/{virtualNetworkName}`;
const SUBNET_PATH = `${PATH}/subnets/{subnetName}`;

export const VIRTUAL_NETWORK_ROUTES: readonly Route[] = [
  { operation: 'VirtualNetworks_CreateOrUpdate', method: 'PUT', effect: 'write', path: PATH, handle: createOrUpdate },
  {
    operation: 'VirtualNetworks_Get',
    method: 'GET',
    effect: 'read',
    path: PATH,
    handle: (call, azure) => ok(networkView(named(call, azure), azure, expandsConfigurations(call))),
  },
  {
    operation: 'VirtualNetworks_UpdateTags',
    method: 'PATCH',
    effect: 'write',
    path: PATH,
    handle: (call, azure) => {
      const body = parseBody(TAGS_BODY, call.body);
      const changed = { ...named(call, azure), tags: body.tags ?? {}, etag: randomUUID() };
      azure.state.commit([put(changed)]);
      return ok(networkView(changed, azure));
    },
  },
  { operation: 'VirtualNetworks_Delete', method: 'DELETE', effect: 'delete', path: PATH, handle: beginDelete },
  {
    operation: 'VirtualNetworks_List',
    method: 'GET',
    effect: 'read',
    path: COLLECTION,
    handle: (call, azure) => {
      const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
      const networks = azure.state
        .inGroup(group.name)
        .flatMap((found) => (found.type === VIRTUAL_NETWORK ? [found] : []));
      return list(networks.map((network) => networkView(network, azure)));
    },
  },
  {
    operation: 'VirtualNetworks_ListAll',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/Microsoft.Network/virtualNetworks',
    handle: (_, azure) => list(azure.state.ofType(VIRTUAL_NETWORK).map((network) => networkView(network, azure))),
  },
  {
    operation: 'VirtualNetworks_ListUsage',
    method: 'GET',
    effect: 'read',
    path: `${PATH}/usages`,
    handle: (call, azure) => {
      const network = named(call, azure);
      return list(network.subnets.map((subnet) => usage(network, subnet, azure)));
    },
  },
  {
    operation: 'VirtualNetworks_CheckIPAddressAvailability',
    method: 'GET',
    effect: 'read',
    path: `${PATH}/CheckIPAddressAvailability`,
    handle: checkAddress,
  },
  {
    operation: 'Subnets_Get',
    method: 'GET',
    effect: 'read',
    path: SUBNET_PATH,
    handle: (call, azure) => {
      const network = named(call, azure);
      const subnet = requireNamedSubnet(network, parameter(call, 'subnetName'));
      return ok(subnetView(network, subnet, azure, expandsConfigurations(call)));
    },
  },
  {
    operation: 'Subnets_List',
    method: 'GET',
    effect: 'read',
    path: `${PATH}/subnets`,
    handle: (call, azure) => {
      const network = named(call, azure);
      return list(network.subnets.map((subnet) => subnetView(network, subnet, azure)));
    },
  },
  { operation: 'Subnets_CreateOrUpdate', method: 'PUT', effect: 'write', path: SUBNET_PATH, handle: putSubnet },
  { operation: 'Subnets_Delete', method: 'DELETE', effect: 'delete', path: SUBNET_PATH, handle: deleteSubnet },
];

export function newNetwork(
  id: string,
  name: string,
  location: string,
  prefixes: readonly string[],
  subnets: readonly Subnet[],
  now: Date,
): VirtualNetworkRecord {
  return {
    type: VIRTUAL_NETWORK,
    id,
    name,
    location,
    tags: {},
    etag: randomUUID(),
    prefixes,
    subnets,
    kept: {},
    provisioningState: 'Succeeded',
    createdAt: now.toISOString(),
    changedAt: now.toISOString(),
  };
}

function named(call: Call, azure: Azure): VirtualNetworkRecord {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  return requireNetwork(group.name, parameter(call, 'virtualNetworkName'), azure);
}

function createOrUpdate(call: Call, azure: Azure): Answer {
  const group = requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'virtualNetworkName');
  requireName('network', name);
  const body = parseBody(VIRTUAL_NETWORK_BODY, call.body);
  const id = resourceId(azure.subscriptionId, group.name, VIRTUAL_NETWORK, name);
  requireSameLocation(azure.state.resource(id), body.location);
  const existing = azure.state.find(VIRTUAL_NETWORK, id);
  const region = requireRegion(body.location, VIRTUAL_NETWORK);
  const { addressSpace, subnets: wanted, provisioningState, resourceGuid, ...kept } = body.properties;
  void [provisioningState, resourceGuid];
  const subnets = (wanted ?? []).map((subnet) => subnetOf(subnet.name, subnet.properties));
  requireFittingSubnets(name, addressSpace.addressPrefixes, subnets);
  for (const subnet of subnets) requireSubnetReferences(id, region.name, subnet, azure);
  for (const subnet of existing?.subnets ?? []) {
    if (!subnets.some((other) => other.name.toLowerCase() === subnet.name.toLowerCase()))
      requireUnused(existing, subnet, azure);
  }
  const network: VirtualNetworkRecord = {
    ...(existing ?? newNetwork(id, name, region.name, [], [], azure.now())),
    tags: body.tags ?? {},
    etag: randomUUID(),
    prefixes: addressSpace.addressPrefixes,
    subnets,
    kept,
    provisioningState: 'Updating',
    changedAt: azure.now().toISOString(),
  };
  return begin(network, existing === undefined ? 201 : 200, networkView(network, azure), azure);
}

function requireSubnetReferences(networkId: string, location: string, subnet: Subnet, azure: Azure): void {
  const ids = idsAt(subnet.properties, 'networkSecurityGroup', 'routeTable', 'natGateway');
  requireNetworkReferences(ids, `${networkId}/subnets/${subnet.name}`, location, azure);
}

function begin(network: VirtualNetworkRecord, status: 200 | 201, body: unknown, azure: Azure): Answer {
  const operation = azure.operations.begin(SETTLE_NETWORK_RESOURCE, {
    resourceId: network.id,
    location: network.location,
    input: null,
    changes: [put(network)],
  });
  return acceptedWrite(azure, operation, 'network', status, body);
}

function beginDelete(call: Call, azure: Azure): Answer {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const id = resourceId(azure.subscriptionId, group.name, VIRTUAL_NETWORK, parameter(call, 'virtualNetworkName'));
  const network = azure.state.find(VIRTUAL_NETWORK, id);
  if (network === undefined) return { status: 204 };
  for (const subnet of network.subnets) requireUnused(network, subnet, azure);
  const operation = azure.operations.begin(DELETE_NETWORK_RESOURCE, {
    resourceId: network.id,
    location: network.location,
    input: null,
    changes: [put({ ...network, provisioningState: 'Deleting' })],
  });
  return accepted(azure, operation, 'network');
}

function putSubnet(call: Call, azure: Azure): Answer {
  requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const network = named(call, azure);
  const name = parameter(call, 'subnetName');
  requireName('network', name);
  const body = parseBody(SUBNET_BODY, call.body);
  const subnet = subnetOf(name, body.properties);
  const isNew = !network.subnets.some((other) => other.name.toLowerCase() === name.toLowerCase());
  const others = network.subnets.filter((other) => other.name.toLowerCase() !== name.toLowerCase());
  requireFittingSubnets(network.name, network.prefixes, [...others, subnet]);
  requireSubnetReferences(network.id, network.location, subnet, azure);
  const changed: VirtualNetworkRecord = {
    ...network,
    subnets: [...others, subnet],
    etag: randomUUID(),
    provisioningState: 'Updating',
  };
  return begin(changed, isNew ? 201 : 200, subnetView(changed, subnet, azure), azure);
}

function deleteSubnet(call: Call, azure: Azure): Answer {
  const network = named(call, azure);
  const name = parameter(call, 'subnetName').toLowerCase();
  const subnet = network.subnets.find((candidate) => candidate.name.toLowerCase() === name);
  if (subnet === undefined) return { status: 204 };
  requireUnused(network, subnet, azure);
  const operation = azure.operations.begin(SETTLE_NETWORK_RESOURCE, {
    resourceId: network.id,
    location: network.location,
    input: null,
    changes: [put({ ...network, subnets: network.subnets.filter((other) => other !== subnet), etag: randomUUID() })],
  });
  return accepted(azure, operation, 'network');
}

function requireUnused(network: VirtualNetworkRecord | undefined, subnet: Subnet, azure: Azure): void {
  const user = network === undefined ? undefined : configurationsIn(network, subnet, azure)[0];
  if (network === undefined || user === undefined) return;
  throw badRequest(
    'InUseSubnetCannotBeDeleted',
    `Subnet ${subnet.name} is in use by ${user.id} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet.`,
  );
}

function checkAddress(call: Call, azure: Azure): Answer {
  const network = named(call, azure);
  const address = call.query.get('ipAddress') ?? '';
  const subnet = network.subnets.find((candidate) => inSubnet(candidate, address));
  if (subnet === undefined) {
    throw badRequest(
      'PrivateIPAddressNotInAnySubnet',
      `Private static IP address ${address} does not belong to the range of any subnet of virtual network ${network.name}.`,
    );
  }
  const taken = new Set(configurationsIn(network, subnet, azure).map((configuration) => configuration.address));
  return ok({ available: !taken.has(address), availableIPAddresses: [], isPlatformReserved: false });
}

function usage(network: VirtualNetworkRecord, subnet: Subnet, azure: Azure): unknown {
  return {
    id: subnetId(network, subnet.name),
    currentValue: configurationsIn(network, subnet, azure).length,
    limit: subnet.prefixes.reduce((sum, prefix) => sum + usableCount(parsePrefix(prefix)), 0),
    name: { value: 'SubnetSpace', localizedValue: 'Subnet size and usage' },
    unit: 'Count',
  };
}

/** `subnets/ipConfigurations` of a network, `ipConfigurations` of a subnet. */
function expandsConfigurations(call: Call): boolean {
  return (call.query.get('$expand') ?? '').split(',').some((name) => /(^|\/)ipConfigurations$/i.test(name.trim()));
}

/** @param isExpanded whether the IP configurations of subnets are shown whole, and not by their ids alone */
export function networkView(network: VirtualNetworkRecord, azure: Azure, isExpanded = false): unknown {
  return {
    name: network.name,
    id: network.id,
    etag: `W/"${network.etag}"`,
    type: network.type,
    location: network.location,
    tags: network.tags,
    properties: {
      ...network.kept,
      provisioningState: network.provisioningState,
      addressSpace: { addressPrefixes: network.prefixes },
      subnets: network.subnets.map((subnet) => subnetView(network, subnet, azure, isExpanded)),
      virtualNetworkPeerings: network.kept['virtualNetworkPeerings'] ?? [],
    },
  };
}

function subnetView(network: VirtualNetworkRecord, subnet: Subnet, azure: Azure, isExpanded = false): unknown {
  const { provisioningState, ipConfigurations, ...shown } = subnet.properties;
  void [provisioningState, ipConfigurations];
  const used = configurationsIn(network, subnet, azure);
  return {
    name: subnet.name,
    id: subnetId(network, subnet.name),
    etag: `W/"${network.etag}"`,
    type: `${VIRTUAL_NETWORK}/subnets`,
    properties: {
      ...shown,
      provisioningState: network.provisioningState === 'Deleting' ? 'Deleting' : 'Succeeded',
      ...(used.length === 0
        ? {}
        : { ipConfigurations: isExpanded ? used.map(configurationView) : used.map(({ id }) => ({ id })) }),
    },
  };
}

function configurationView({
  id,
  interfaceEtag,
  name,
  properties,
}: ReturnType<typeof configurationsIn>[number]): unknown {
  const { privateIPAddress, privateIPAllocationMethod, subnet, publicIPAddress } = properties;
  return {
    name,
    id,
    etag: `W/"${interfaceEtag}"`,
    properties: {
      privateIPAddress,
      privateIPAllocationMethod,
      subnet,
      ...(publicIPAddress === undefined ? {} : { publicIPAddress }),
      provisioningState: 'Succeeded',
    },
  };
}
