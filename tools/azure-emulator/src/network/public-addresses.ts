import { randomInt } from 'node:crypto';
import { badRequest } from '../arm/errors.js';
import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { NETWORK_INTERFACE, PUBLIC_IP, type VirtualMachineRecord } from '../state/records.js';
import { put, type Change } from '../state/state.js';

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

/** From TEST-NET-3, which leads nowhere. */
export function newPublicAddress(): string {
  return `203.0.113.${randomInt(1, 255)}`;
}

/** A dynamic address is its machine's as long as that is on a host: afterwards it gets another one. */
export function publicAddressesAfter(vm: VirtualMachineRecord, azure: Azure): readonly Change[] {
  const isOnHost = vm.power !== 'deallocated';
  return azure.state
    .ofType(NETWORK_INTERFACE)
    .filter(({ virtualMachineId }) => sameId(virtualMachineId, vm.id))
    .flatMap(({ ipConfigurations }) => ipConfigurations)
    .flatMap(({ properties }) => azure.state.find(PUBLIC_IP, properties.publicIPAddress?.id ?? '') ?? [])
    .filter(({ address, kept }) => kept['publicIPAllocationMethod'] === 'Dynamic' && (address === null) === isOnHost)
    .map((resource) => put({ ...resource, address: isOnHost ? newPublicAddress() : null }));
}

function listOf<T = unknown>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [];
}
