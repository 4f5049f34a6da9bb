import { derivedUuid } from '../arm/derived-uuid.js';
import type { Azure } from '../azure.js';
import { tenantOf } from '../groups/subscriptions.js';
import type { Kept, ReferredType } from '../state/records.js';

/*
 * The types of which nothing is emulated but that they are there: they are put, shown, listed and deleted, and whoever
 * names one that isn't there is refused. Their properties are kept as they come, completed by what Azure always shows.
 */
export interface ReferredTypeEntry {
  /** As Azure's specifications name the operations' collection. */
  readonly operations: string;
  /** As Azure calls it in its refusals. */
  readonly label: string;
  /** Network resources take their time and have an etag; the others are there at once. */
  readonly isNetwork?: true;
  /** Status of a PUT that makes one. */
  readonly created: 200 | 201;
  /** Lists in its properties whose entries are resources of their own kind, with ids. */
  readonly children?: readonly string[];
  /** Moves to another resource group (Azure documentation, move support of resources). */
  readonly moves?: true;
  /** What it shows of its own, whatever was sent; `id` is its own. */
  readonly shows?: (id: string, azure: Pick<Azure, 'subscriptionId'>) => Kept;
  /** What it shows where nothing else was sent. */
  readonly defaults?: Kept;
  readonly memberDefaults?: Kept;
}

export const REFERRED: Readonly<Record<ReferredType, ReferredTypeEntry>> = {
  'Microsoft.Compute/availabilitySets': {
    operations: 'AvailabilitySets',
    label: 'Availability Set',
    created: 200,
    moves: true,
    defaults: { platformFaultDomainCount: 1, platformUpdateDomainCount: 5 },
    memberDefaults: { sku: { name: 'Classic' } },
  },
  'Microsoft.Compute/proximityPlacementGroups': {
    operations: 'ProximityPlacementGroups',
    label: 'Proximity Placement Group',
    created: 201,
    moves: true,
    defaults: { proximityPlacementGroupType: 'Standard' },
  },
  'Microsoft.Compute/diskEncryptionSets': {
    operations: 'DiskEncryptionSets',
    label: 'Disk Encryption Set',
    created: 200,
    defaults: { encryptionType: 'EncryptionAtRestWithCustomerKey' },
  },
  'Microsoft.Compute/diskAccesses': { operations: 'DiskAccesses', label: 'Disk Access', created: 200 },
  'Microsoft.Compute/hostGroups': {
    operations: 'DedicatedHostGroups',
    label: 'Dedicated Host Group',
    created: 201,
    defaults: { platformFaultDomainCount: 1 },
  },
  'Microsoft.Compute/hostGroups/hosts': { operations: 'DedicatedHosts', label: 'Dedicated Host', created: 201 },
  'Microsoft.Compute/capacityReservationGroups': {
    operations: 'CapacityReservationGroups',
    label: 'Capacity Reservation Group',
    created: 201,
  },
  'Microsoft.Compute/capacityReservationGroups/capacityReservations': {
    operations: 'CapacityReservations',
    label: 'Capacity Reservation',
    created: 201,
  },
  'Microsoft.ManagedIdentity/userAssignedIdentities': {
    operations: 'UserAssignedIdentities',
    label: 'User Assigned Identity',
    created: 201,
    shows: (id, azure) => ({ ...principalOf(id), tenantId: tenantOf(azure) }),
  },
  'Microsoft.Network/loadBalancers': {
    operations: 'LoadBalancers',
    label: 'Load Balancer',
    isNetwork: true,
    created: 201,
    children: [
      ...['frontendIPConfigurations', 'backendAddressPools', 'loadBalancingRules', 'probes'],
      ...['inboundNatRules', 'inboundNatPools', 'outboundRules'],
    ],
    memberDefaults: { sku: { name: 'Standard', tier: 'Regional' } },
  },
  'Microsoft.Network/applicationSecurityGroups': {
    operations: 'ApplicationSecurityGroups',
    label: 'Application Security Group',
    isNetwork: true,
    created: 201,
  },
  'Microsoft.Network/natGateways': {
    operations: 'NatGateways',
    label: 'NAT Gateway',
    isNetwork: true,
    created: 201,
    memberDefaults: { sku: { name: 'Standard' } },
  },
  'Microsoft.Network/routeTables': {
    operations: 'RouteTables',
    label: 'Route Table',
    isNetwork: true,
    created: 201,
    children: ['routes'],
    defaults: { disableBgpRoutePropagation: false },
  },
};

/** Of a user-assigned identity, wherever it is shown. */
export function principalOf(identityId: string): { readonly principalId: string; readonly clientId: string } {
  const key = identityId.toLowerCase();
  return { principalId: derivedUuid(`principal ${key}`), clientId: derivedUuid(`client ${key}`) };
}
