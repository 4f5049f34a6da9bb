import { badRequest } from '../arm/errors.js';
import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { NETWORK_INTERFACE, type NetworkInterfaceRecord } from '../state/records.js';
import { invalidReference } from './subnets.js';

/**
 * A network interface that a new VM may have.
 * @throws AzureError 400 when it doesn't exist, is in another region, belongs to another VM, or is reserved for one
 */
export function requireUsableInterface(
  id: string,
  machine: { readonly id: string; readonly location: string },
  azure: Azure,
): NetworkInterfaceRecord {
  const nic = azure.state.find(NETWORK_INTERFACE, id);
  if (nic === undefined || nic.location !== machine.location || nic.provisioningState === 'Deleting') {
    throw invalidReference(id, machine.id);
  }
  if (nic.virtualMachineId !== null && !sameId(nic.virtualMachineId, machine.id)) {
    throw badRequest('NicInUse', `Network Interface ${nic.id} is used by existing resource ${nic.virtualMachineId}.`);
  }
  requireUnreserved(nic, machine.id, azure);
  return nic;
}

/**
 * @param vmId who wants to have it; null: it is to be deleted
 * @throws AzureError 400 NicReservedForAnotherVm
 */
export function requireUnreserved(nic: NetworkInterfaceRecord, vmId: string | null, azure: Azure): void {
  const { reservedFor } = nic;
  if (reservedFor === null || sameId(reservedFor.vmId, vmId)) return;
  if (Date.parse(reservedFor.until) <= azure.now().getTime()) return;
  throw badRequest(
    'NicReservedForAnotherVm',
    `Nic(s) in request is reserved for another Virtual Machine for 180 seconds. Please provide another nic(s) or retry ` +
      `after 180 seconds. Reserved VM: ${reservedFor.vmId}`,
  );
}
