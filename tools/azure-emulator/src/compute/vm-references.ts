import { AzureError } from '../arm/errors.js';
import type { Azure } from '../azure.js';
import { requireReferred } from '../referred/references.js';
import type { Kept, ReferredType } from '../state/records.js';
import type { VmIdentity, VmProperties } from './vm-schema.js';

/* What a machine names and that has to be there: sets and groups, hosts, encryption sets, identities. */

/** By the member of the machine's properties. */
const REFERENCES = {
  availabilitySet: 'Microsoft.Compute/availabilitySets',
  proximityPlacementGroup: 'Microsoft.Compute/proximityPlacementGroups',
  host: 'Microsoft.Compute/hostGroups/hosts',
  hostGroup: 'Microsoft.Compute/hostGroups',
} as const satisfies Partial<Record<keyof VmProperties, ReferredType>>;

/** @throws AzureError 404 NotFound, 400 */
export function requireVmReferences(properties: VmProperties, location: string, azure: Azure): void {
  for (const [member, type] of Object.entries(REFERENCES) as [keyof typeof REFERENCES, ReferredType][]) {
    const id = properties[member]?.id;
    if (id !== undefined) requireReferred(type, id, `${member}.id`, location, azure);
  }
  const { id: reserved } = (properties.capacityReservation?.['capacityReservationGroup'] ?? {}) as Kept;
  if (typeof reserved === 'string') {
    const target = 'capacityReservation.capacityReservationGroup.id';
    requireReferred('Microsoft.Compute/capacityReservationGroups', reserved, target, location, azure);
  }
  const { osDisk, dataDisks = [] } = properties.storageProfile ?? {};
  for (const disk of [osDisk, ...dataDisks]) {
    requireEncryptionSet(disk?.managedDisk?.diskEncryptionSet?.id, location, azure);
  }
}

/** @throws AzureError 404 NotFound, 400 */
export function requireEncryptionSet(id: string | undefined, location: string, azure: Azure): void {
  if (id === undefined) return;
  const target = 'managedDisk.diskEncryptionSet.id';
  requireReferred('Microsoft.Compute/diskEncryptionSets', id, target, location, azure);
}

/** @throws AzureError 400 FailedIdentityOperation */
export function requireIdentities(machineId: string, identity: VmIdentity | undefined, azure: Azure): void {
  for (const [id, value] of Object.entries(identity?.userAssignedIdentities ?? {})) {
    if (value === null || azure.state.find('Microsoft.ManagedIdentity/userAssignedIdentities', id) !== undefined)
      continue;
    throw new AzureError(
      400,
      'FailedIdentityOperation',
      `Identity operation for resource '${machineId}' failed with error 'Failed to perform resource identity operation. ` +
        `Status: 'BadRequest'. The resource '${id}' was not found.'.`,
    );
  }
}
