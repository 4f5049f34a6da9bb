import { badRequest } from '../arm/errors.js';
import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { NETWORK_INTERFACE } from '../state/records.js';

/* A public address belongs to one IP configuration at a time: of an interface, of a load balancer, or to a NAT gateway. */

/** The IP configuration, or the NAT gateway, that has the address. */
export function holderOf(addressId: string, azure: Azure): string | undefined {
  const refersTo = (reference: unknown): boolean =>
    typeof reference === 'object' &&
    reference !== null &&
    sameId((reference as { readonly id?: string }).id, addressId);
  for (const nic of azure.state.ofType(NETWORK_INTERFACE)) {
    const holder = nic.ipConfigurations.find(({ properties }) => refersTo(properties.publicIPAddress));
    if (holder !== undefined) return `${nic.id}/ipConfigurations/${holder.name}`;
  }
  for (const { id, kept } of azure.state.ofType('Microsoft.Network/loadBalancers')) {
    const frontends = listOf<{ readonly name: string; readonly properties?: { readonly publicIPAddress?: unknown } }>(
      kept['frontendIPConfigurations'],
    );
    const holder = frontends.find(({ properties }) => refersTo(properties?.publicIPAddress));
    if (holder !== undefined) return `${id}/frontendIPConfigurations/${holder.name}`;
  }
  return azure.state
    .ofType('Microsoft.Network/natGateways')
    .find(({ kept }) => listOf(kept['publicIpAddresses']).some(refersTo))?.id;
}

/** @throws AzureError 400 PublicIPAddressInUse where something else than `wanting`, or a part of it, has the address */
export function requireUnused(addressId: string, wanting: string, azure: Azure): void {
  const holder = holderOf(addressId, azure);
  if (holder === undefined || sameId(holder, wanting) || holder.toLowerCase().startsWith(`${wanting.toLowerCase()}/`)) {
    return;
  }
  throw badRequest(
    'PublicIPAddressInUse',
    `Resource ${wanting} is referencing public IP address ${addressId} that is already allocated to resource ${holder}.`,
  );
}

function listOf<T = unknown>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [];
}
