import { AzureError, badRequest, resourceNotFound } from '../arm/errors.js';
import { parseResourceId, resourceId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { VIRTUAL_NETWORK, type Subnet, type VirtualNetworkRecord } from '../state/records.js';
import { contains, includesAddress, isPrefixAligned, overlap, parsePrefix } from './addresses.js';
import type { IpConfiguration, SubnetProperties } from './schema.js';

const SUBNET_TYPE = `${VIRTUAL_NETWORK}/subnets`;

export function subnetId(network: VirtualNetworkRecord, subnetName: string): string {
  return `${network.id}/subnets/${subnetName}`;
}

/** The subnet that an id in a body names. @throws AzureError 400 InvalidResourceReference */
export function requireSubnet(
  id: string,
  referrer: string,
  azure: Azure,
): { network: VirtualNetworkRecord; subnet: Subnet } {
  const address = parseResourceId(id);
  if (address === null || address.type.toLowerCase() !== SUBNET_TYPE.toLowerCase()) {
    throw badRequest(
      'InvalidRequestFormat',
      `Cannot parse the request: '${id}' is not the id of a subnet.`,
      'subnet.id',
    );
  }
  const [networkName = '', subnetName = ''] = address.names;
  const network = azure.state.find(
    VIRTUAL_NETWORK,
    resourceId(azure.subscriptionId, address.resourceGroup, VIRTUAL_NETWORK, networkName),
  );
  const subnet = network?.subnets.find(({ name }) => name.toLowerCase() === subnetName.toLowerCase());
  if (network === undefined || subnet === undefined) throw invalidReference(id, referrer);
  return { network, subnet };
}

export function invalidReference(id: string, referrer: string): AzureError {
  return badRequest(
    'InvalidResourceReference',
    `Resource ${id} referenced by resource ${referrer} was not found. Please make sure that the referenced resource exists, ` +
      'and that both resources are in the same region.',
  );
}

/** A network can't be used while it is being changed. @throws AzureError 409 ReferencedResourceNotProvisioned */
export function requireProvisioned(network: VirtualNetworkRecord, referrer: string, azure: Azure): void {
  if (azure.operations.on(network.id) === undefined) return;
  throw new AzureError(
    409,
    'ReferencedResourceNotProvisioned',
    `Cannot proceed with operation because resource ${network.id} used by resource ${referrer} is not in Succeeded state. ` +
      `Resource is in ${network.provisioningState} state and the last operation that updated/is updating the resource is ` +
      'PutVirtualNetworkOperation.',
  );
}

export function requireNamedSubnet(network: VirtualNetworkRecord, name: string): Subnet {
  const subnet = network.subnets.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  if (subnet !== undefined) return subnet;
  throw new AzureError(404, 'NotFound', `Resource ${subnetId(network, name)} not found.`);
}

export function requireNetwork(resourceGroup: string, name: string, azure: Azure): VirtualNetworkRecord {
  const network = azure.state.find(
    VIRTUAL_NETWORK,
    resourceId(azure.subscriptionId, resourceGroup, VIRTUAL_NETWORK, name),
  );
  if (network === undefined) throw resourceNotFound(VIRTUAL_NETWORK, name, resourceGroup);
  return network;
}

/** @throws AzureError 400 when the prefixes of the subnets don't fit the network or each other */
export function requireFittingSubnets(
  networkName: string,
  prefixes: readonly string[],
  subnets: readonly Subnet[],
): void {
  const spaces = prefixes.map(parsePrefix);
  for (const prefix of [...prefixes, ...subnets.flatMap((subnet) => subnet.prefixes)]) {
    if (!isPrefixAligned(prefix)) {
      throw badRequest('InvalidCIDRNotation', `The address prefix ${prefix} has bits set outside of its mask.`);
    }
  }
  const seen: { readonly name: string; readonly prefix: string }[] = [];
  for (const { name, prefixes: own } of subnets) {
    if (seen.some((other) => other.name.toLowerCase() === name.toLowerCase())) {
      throw badRequest('InvalidRequestFormat', `Subnet '${name}' is named more than once.`);
    }
    for (const prefix of own) {
      const range = parsePrefix(prefix);
      if (!spaces.some((space) => contains(space, range))) {
        throw badRequest('NetcfgInvalidSubnet', `Subnet '${name}' is not valid in virtual network '${networkName}'.`);
      }
      const other = seen.find((earlier) => overlap(parsePrefix(earlier.prefix), range));
      if (other !== undefined) {
        throw badRequest(
          'NetcfgSubnetRangesOverlap',
          `Subnet '${name}' is not valid because its IP address range overlaps with that of an existing subnet '${other.name}' in virtual network '${networkName}'.`,
        );
      }
      seen.push({ name, prefix });
    }
  }
}

export function subnetOf(name: string, properties: SubnetProperties): Subnet {
  const prefixes =
    properties.addressPrefixes ?? (properties.addressPrefix === undefined ? [] : [properties.addressPrefix]);
  if (prefixes.length === 0) {
    throw badRequest('InvalidRequestFormat', `Subnet '${name}' has no address prefix.`, 'properties.addressPrefix');
  }
  return { name, prefixes, properties };
}

/** The interfaces' configurations that have an address in the subnet, with their addresses. */
export function configurationsIn(
  network: VirtualNetworkRecord,
  subnet: Subnet,
  azure: Azure,
): readonly {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly interfaceId: string;
  readonly interfaceEtag: string;
  readonly properties: IpConfiguration['properties'];
}[] {
  const key = subnetId(network, subnet.name).toLowerCase();
  return azure.state.inSubnet(key).flatMap((nic) =>
    nic.ipConfigurations.flatMap(({ name, properties }) => {
      if (properties.subnet?.id.toLowerCase() !== key || properties.privateIPAddress === undefined) return [];
      const id = `${nic.id}/ipConfigurations/${name}`;
      const address = properties.privateIPAddress;
      return [{ id, name, address, interfaceId: nic.id, interfaceEtag: nic.etag, properties }];
    }),
  );
}

/** Why an address can't be given out; null when it can. */
export function inSubnet(subnet: Subnet, address: string): boolean {
  return subnet.prefixes.some((prefix) => includesAddress(parsePrefix(prefix), address));
}
