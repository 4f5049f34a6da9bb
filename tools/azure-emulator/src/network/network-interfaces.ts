import { randomBytes, randomUUID } from 'node:crypto';
import { derivedUuid } from '../arm/derived-uuid.js';
import { badRequest, resourceNotFound } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { resourceId, sameId } from '../arm/resource-id.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup, requireName, requireOpenGroup, requireSameLocation } from '../groups/placement.js';
import { requireRegion } from '../groups/regions.js';
import { accepted, acceptedWrite } from '../operations/answers.js';
import { idsAt, requireNetworkReferences } from '../referred/references.js';
import { NETWORK_INTERFACE, PUBLIC_IP, SECURITY_GROUP, type NetworkInterfaceRecord } from '../state/records.js';
import { put } from '../state/state.js';
import { includesAddress, isReserved, lowestFree, parsePrefix } from './addresses.js';
import { resourceGuid } from './plain-resources.js';
import { requireUnused } from './public-addresses.js';
import { NETWORK_INTERFACE_BODY, TAGS_BODY, type IpConfiguration } from './schema.js';
import { DELETE_NETWORK_RESOURCE, SETTLE_NETWORK_RESOURCE } from './settle.js';
import { requireUnreserved } from './vm-interfaces.js';
import { configurationsIn, invalidReference, requireProvisioned, requireSubnet, subnetId } from './subnets.js';

const COLLECTION =
  '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Network/networkInterfaces';
const PATH = `${COLLECTION}/{networkInterfaceName}`;

export const NETWORK_INTERFACE_ROUTES: readonly Route[] = [
  { operation: 'NetworkInterfaces_CreateOrUpdate', method: 'PUT', effect: 'write', path: PATH, handle: createOrUpdate },
  {
    operation: 'NetworkInterfaces_Get',
    method: 'GET',
    effect: 'read',
    path: PATH,
    handle: (call, azure) => ok(interfaceView(named(call, azure))),
  },
  {
    operation: 'NetworkInterfaces_UpdateTags',
    method: 'PATCH',
    effect: 'write',
    path: PATH,
    handle: (call, azure) => {
      const body = parseBody(TAGS_BODY, call.body);
      const changed = { ...named(call, azure), tags: body.tags ?? {}, etag: randomUUID() };
      azure.state.commit([put(changed)]);
      return ok(interfaceView(changed));
    },
  },
  { operation: 'NetworkInterfaces_Delete', method: 'DELETE', effect: 'delete', path: PATH, handle: beginDelete },
  {
    operation: 'NetworkInterfaces_List',
    method: 'GET',
    effect: 'read',
    path: COLLECTION,
    handle: (call, azure) => {
      const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
      const interfaces = azure.state
        .inGroup(group.name)
        .flatMap((found) => (found.type === NETWORK_INTERFACE ? [found] : []));
      return list(interfaces.map(interfaceView));
    },
  },
  {
    operation: 'NetworkInterfaces_ListAll',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/Microsoft.Network/networkInterfaces',
    handle: (_, azure) => list(azure.state.ofType(NETWORK_INTERFACE).map(interfaceView)),
  },
];

function named(call: Call, azure: Azure): NetworkInterfaceRecord {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'networkInterfaceName');
  const nic = azure.state.find(
    NETWORK_INTERFACE,
    resourceId(azure.subscriptionId, group.name, NETWORK_INTERFACE, name),
  );
  if (nic === undefined) throw resourceNotFound(NETWORK_INTERFACE, name, group.name);
  return nic;
}

function createOrUpdate(call: Call, azure: Azure): Answer {
  const group = requireOpenGroup(parameter(call, 'resourceGroupName'), azure);
  const name = parameter(call, 'networkInterfaceName');
  requireName('network', name);
  const body = parseBody(NETWORK_INTERFACE_BODY, call.body);
  const id = resourceId(azure.subscriptionId, group.name, NETWORK_INTERFACE, name);
  requireSameLocation(azure.state.resource(id), body.location);
  const region = requireRegion(body.location, NETWORK_INTERFACE);
  const existing = azure.state.find(NETWORK_INTERFACE, id);
  const { properties } = body;
  if (properties.networkSecurityGroup !== undefined) {
    if (azure.state.find(SECURITY_GROUP, properties.networkSecurityGroup.id) === undefined) {
      throw invalidReference(properties.networkSecurityGroup.id, id);
    }
  }
  const ipConfigurations = properties.ipConfigurations.map((configuration, index) =>
    settledConfiguration(configuration, index === 0, id, region.name, existing, azure),
  );
  const addresses = ipConfigurations.map((configuration) => configuration.properties.privateIPAddress);
  if (new Set(addresses).size < addresses.length) {
    throw badRequest('PrivateIPAddressIsAllocated', `IP configurations of ${id} name the same private IP address.`);
  }
  const {
    ipConfigurations: _,
    provisioningState,
    resourceGuid: guid,
    virtualMachine,
    macAddress,
    primary,
    hostedWorkloads,
    tapConfigurations,
    ...kept
  } = properties;
  void [_, provisioningState, guid, virtualMachine, macAddress, primary, hostedWorkloads, tapConfigurations];
  const now = azure.now().toISOString();
  const nic: NetworkInterfaceRecord = {
    type: NETWORK_INTERFACE,
    id: existing?.id ?? id,
    name: existing?.name ?? name,
    location: region.name,
    tags: body.tags ?? {},
    etag: randomUUID(),
    ipConfigurations,
    kept,
    virtualMachineId: existing?.virtualMachineId ?? null,
    macAddress: existing?.macAddress ?? newMacAddress(),
    reservedFor: existing?.reservedFor ?? null,
    provisioningState: 'Updating',
    createdAt: existing?.createdAt ?? now,
    changedAt: now,
  };
  const operation = azure.operations.begin(SETTLE_NETWORK_RESOURCE, {
    resourceId: nic.id,
    location: nic.location,
    input: null,
    changes: [put(nic)],
  });
  return acceptedWrite(azure, operation, 'network', existing === undefined ? 201 : 200, interfaceView(nic));
}

/** What an interface belongs to by one of its addresses. */
const MEMBERSHIPS = ['applicationSecurityGroups', 'loadBalancerBackendAddressPools', 'loadBalancerInboundNatRules'];

/** With its address: the one that was asked for, the one that it has, or the lowest that is free. */
function settledConfiguration(
  configuration: IpConfiguration,
  isFirst: boolean,
  nicId: string,
  location: string,
  existing: NetworkInterfaceRecord | undefined,
  azure: Azure,
): IpConfiguration {
  const { properties } = configuration;
  if (properties.subnet === undefined) {
    throw badRequest(
      'InvalidRequestFormat',
      `The ip configuration ${configuration.name} does not have a subnet reference.`,
    );
  }
  const { network, subnet } = requireSubnet(properties.subnet.id, nicId, azure);
  if (network.location !== location) throw invalidReference(properties.subnet.id, nicId);
  requireProvisioned(network, nicId, azure);
  if (
    properties.publicIPAddress !== undefined &&
    azure.state.find(PUBLIC_IP, properties.publicIPAddress.id) === undefined
  ) {
    throw invalidReference(properties.publicIPAddress.id, nicId);
  }
  if (properties.publicIPAddress !== undefined) {
    requireUnused(properties.publicIPAddress.id, `${nicId}/ipConfigurations/${configuration.name}`, azure);
  }
  requireNetworkReferences(idsAt(properties, ...MEMBERSHIPS), nicId, location, azure);
  const used = configurationsIn(network, subnet, azure).filter((other) => !sameId(other.interfaceId, nicId));
  const method = properties.privateIPAllocationMethod ?? 'Dynamic';
  const ranges = subnet.prefixes.map(parsePrefix);
  let address: string | null;
  if (method === 'Static') {
    address = properties.privateIPAddress ?? null;
    if (address === null) {
      throw badRequest(
        'PrivateIPAddressNotProvided',
        `The ip configuration ${configuration.name} is static and has no address.`,
      );
    }
    requireFree(address, ranges, subnet.name, subnet.prefixes, used, `${nicId}/ipConfigurations/${configuration.name}`);
  } else {
    const before = existing?.ipConfigurations.find(({ name }) => name === configuration.name)?.properties;
    const isKept = sameId(before?.subnet?.id, properties.subnet.id);
    const taken = new Set(used.map((other) => other.address));
    address = (isKept ? before?.privateIPAddress : undefined) ?? null;
    for (const range of ranges) address ??= lowestFree(range, taken);
    if (address === null) {
      throw badRequest(
        'SubnetIsFull',
        `Subnet ${subnet.name} with address prefix ${subnet.prefixes.join(',')} does not have enough capacity for 1 IP addresses.`,
      );
    }
  }
  return {
    name: configuration.name,
    properties: {
      ...properties,
      subnet: { id: subnetId(network, subnet.name) },
      privateIPAddress: address,
      privateIPAllocationMethod: method,
      privateIPAddressVersion: properties.privateIPAddressVersion ?? 'IPv4',
      primary: properties.primary ?? isFirst,
    },
  };
}

function requireFree(
  address: string,
  ranges: readonly ReturnType<typeof parsePrefix>[],
  subnetName: string,
  prefixes: readonly string[],
  used: readonly { readonly id: string; readonly address: string }[],
  configurationId: string,
): void {
  const range = ranges.find((candidate) => includesAddress(candidate, address));
  if (range === undefined) {
    throw badRequest(
      'PrivateIPAddressNotInSubnet',
      `Private static IP address ${address} does not belong to the range of subnet prefix ${prefixes.join(',')}.`,
    );
  }
  if (isReserved(range, address)) {
    throw badRequest(
      'PrivateIPAddressInReservedRange',
      `Private static IP address ${address} falls within reserved IP range of subnet prefix ${prefixes.join(',')} of subnet ${subnetName}.`,
    );
  }
  const holder = used.find((other) => other.address === address);
  if (holder === undefined) return;
  throw badRequest(
    'PrivateIPAddressIsAllocated',
    `IP configuration ${configurationId} is using the private IP address ${address} which is already allocated to resource ${holder.id}.`,
  );
}

function beginDelete(call: Call, azure: Azure): Answer {
  const group = requireGroup(parameter(call, 'resourceGroupName'), azure);
  const id = resourceId(azure.subscriptionId, group.name, NETWORK_INTERFACE, parameter(call, 'networkInterfaceName'));
  const nic = azure.state.find(NETWORK_INTERFACE, id);
  if (nic === undefined) return { status: 204 };
  if (nic.virtualMachineId !== null) {
    throw badRequest(
      'NicInUse',
      `Network Interface ${nic.id} is used by existing resource ${nic.virtualMachineId}. In order to delete the network interface, ` +
        'it must be dissociated from the resource. To learn more, see aka.ms/deletenic.',
    );
  }
  requireUnreserved(nic, null, azure);
  const operation = azure.operations.begin(DELETE_NETWORK_RESOURCE, {
    resourceId: nic.id,
    location: nic.location,
    input: null,
    changes: [put({ ...nic, provisioningState: 'Deleting' })],
  });
  return accepted(azure, operation, 'network');
}

/** In the range that Microsoft's virtual machines have. */
function newMacAddress(): string {
  return [
    '00',
    '0D',
    '3A',
    ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()),
  ].join('-');
}

export function interfaceView(nic: NetworkInterfaceRecord): unknown {
  return {
    name: nic.name,
    id: nic.id,
    etag: `W/"${nic.etag}"`,
    type: nic.type,
    location: nic.location,
    tags: nic.tags,
    properties: {
      ...nic.kept,
      provisioningState: nic.provisioningState,
      resourceGuid: resourceGuid(nic),
      dnsSettings: dnsSettings(nic),
      hostedWorkloads: [],
      tapConfigurations: [],
      disableTcpStateTracking: nic.kept['disableTcpStateTracking'] ?? false,
      vnetEncryptionSupported: false,
      ipConfigurations: nic.ipConfigurations.map(({ name, properties }) => ({
        name,
        id: `${nic.id}/ipConfigurations/${name}`,
        etag: `W/"${nic.etag}"`,
        type: `${NETWORK_INTERFACE}/ipConfigurations`,
        properties: { ...properties, provisioningState: nic.provisioningState },
      })),
      enableAcceleratedNetworking: nic.kept['enableAcceleratedNetworking'] ?? false,
      enableIPForwarding: nic.kept['enableIPForwarding'] ?? false,
      nicType: nic.kept['nicType'] ?? 'Standard',
      ...(nic.virtualMachineId === null
        ? {}
        : { virtualMachine: { id: nic.virtualMachineId }, macAddress: nic.macAddress, primary: true }),
    },
  };
}

/** Machines of a network find each other under the suffix. */
function dnsSettings(nic: NetworkInterfaceRecord): unknown {
  const { dnsServers = [], internalDnsNameLabel } = (nic.kept['dnsSettings'] ?? {}) as {
    readonly dnsServers?: readonly string[];
    readonly internalDnsNameLabel?: string;
  };
  const network = nic.ipConfigurations[0]?.properties.subnet?.id.replace(/\/subnets\/.*$/i, '') ?? nic.id;
  const zone = derivedUuid(`zone of ${network.toLowerCase()}`).replaceAll('-', '').slice(0, 26);
  return {
    dnsServers,
    appliedDnsServers: dnsServers,
    ...(internalDnsNameLabel === undefined ? {} : { internalDnsNameLabel }),
    internalDomainNameSuffix: `${zone}.ax.internal.cloudapp.net`,
  };
}
