import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { NETWORK_INTERFACE, VIRTUAL_NETWORK } from '../state/records.js';
import { holderOf } from './public-addresses.js';
import { subnetId } from './subnets.js';

/** The interfaces, subnets, load balancers and NAT gateways that refer to a public IP address or a security group. */
export function usersOf(id: string, azure: Azure): readonly string[] {
  const interfaces = azure.state
    .ofType(NETWORK_INTERFACE)
    .filter(
      (nic) =>
        refersTo(nic.kept['networkSecurityGroup'], id) ||
        nic.ipConfigurations.some(({ properties }) => refersTo(properties.publicIPAddress, id)),
    );
  const subnets = azure.state
    .ofType(VIRTUAL_NETWORK)
    .flatMap((network) =>
      network.subnets
        .filter(({ properties }) => refersTo(properties.networkSecurityGroup, id))
        .map(({ name }) => subnetId(network, name)),
    );
  const holder = holderOf(id, azure);
  return [
    ...new Set([...interfaces.map((nic) => nic.id), ...subnets, ...(holder === undefined ? [] : [ownerOf(holder)])]),
  ];
}

/** Of an IP configuration, or of itself. */
function ownerOf(holder: string): string {
  return holder.replace(/\/(frontendIPConfigurations|ipConfigurations)\/[^/]+$/i, '');
}

function refersTo(reference: unknown, id: string): boolean {
  return typeof reference === 'object' && reference !== null && sameId((reference as { readonly id?: string }).id, id);
}
