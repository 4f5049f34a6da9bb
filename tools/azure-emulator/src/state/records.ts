import type { ErrorDetail } from '../arm/errors.js';
import type { DataDisk, OsDisk, VmProperties } from '../compute/vm-schema.js';
import type { IpConfiguration, SubnetProperties } from '../network/schema.js';
import type { ProcessIdentity } from '../workers/process-identity.js';

/*
 * What the emulator keeps. One interface for each kind of resource; the view that a client sees is made from it beside
 * the kind's rules. Records are never changed in place: a change is a new record in a transaction.
 */
export const RESOURCE_GROUP = 'Microsoft.Resources/resourceGroups';
export const DISK = 'Microsoft.Compute/disks';
export const SNAPSHOT = 'Microsoft.Compute/snapshots';
export const VIRTUAL_MACHINE = 'Microsoft.Compute/virtualMachines';
export const NETWORK_INTERFACE = 'Microsoft.Network/networkInterfaces';
export const VIRTUAL_NETWORK = 'Microsoft.Network/virtualNetworks';
export const PUBLIC_IP = 'Microsoft.Network/publicIPAddresses';
export const SECURITY_GROUP = 'Microsoft.Network/networkSecurityGroups';

export type Tags = Readonly<Record<string, string>>;
export type Kept = Readonly<Record<string, unknown>>;
export type ProvisioningState = 'Creating' | 'Updating' | 'Deleting' | 'Succeeded' | 'Failed' | 'Canceled';

interface ResourceCommon {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  readonly tags: Tags;
  readonly provisioningState: ProvisioningState;
  readonly createdAt: string;
  readonly changedAt: string;
}

export interface ResourceGroupRecord extends ResourceCommon {
  readonly type: typeof RESOURCE_GROUP;
  readonly managedBy: string | null;
  /** While resources move out of it or into it, nobody may write or delete in it. */
  readonly movingBy: string | null;
}

export type DiskState = 'Unattached' | 'Attached' | 'Reserved' | 'ActiveSAS' | 'ReadyToUpload' | 'ActiveUpload';

interface StoredDisk extends ResourceCommon {
  readonly sku: string;
  readonly sizeBytes: number;
  readonly osType: 'Linux' | 'Windows' | null;
  readonly hyperVGeneration: 'V1' | 'V2' | null;
  readonly creationData: Kept & {
    readonly createOption: string;
    readonly uploadSizeBytes?: number;
    readonly sourceResourceId?: string;
    readonly sourceUniqueId?: string;
  };
  /** Members of the model that decide nothing here and are given back as they came. */
  readonly kept: Kept;
  readonly uniqueId: string;
  readonly diskState: DiskState;
}

export interface DiskRecord extends StoredDisk {
  readonly type: typeof DISK;
  readonly zones: readonly string[];
  readonly managedBy: string | null;
  /** Set from the moment a detach is accepted until it has ended. */
  readonly detaching: boolean;
  /** Its detach does not come to an end by itself: it has to be forced. */
  readonly detachStuck?: boolean;
  readonly ownershipChangedAt: string | null;
  /** Why a disk that was uploaded can't be used; null for a sound one. */
  readonly unusable: string | null;
}

/** Bytes that come after the operation that asked for them has ended; see compute/background-copy.ts. */
export interface BackgroundCopy {
  readonly sourceId: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  /** Why it is not whole at its end; null: it will be. */
  readonly failure: { readonly errorCode: string; readonly errorMessage: string } | null;
}

export interface SnapshotRecord extends StoredDisk {
  readonly type: typeof SNAPSHOT;
  readonly incremental: boolean;
  readonly incrementalSnapshotFamilyId: string | null;
  readonly copy?: BackgroundCopy;
}

export type PowerState = 'starting' | 'running' | 'stopping' | 'stopped' | 'deallocating' | 'deallocated' | 'unknown';

/** Of a VM; its id and location are made from the VM's. */
export interface ExtensionRecord {
  readonly name: string;
  readonly tags: Tags;
  /** As Azure shows them, without protected settings. */
  readonly properties: Kept & {
    readonly publisher?: string;
    readonly type?: string;
    readonly typeHandlerVersion?: string;
  };
  readonly provisioningState: ProvisioningState;
  readonly changedAt: string;
}

export type VmStorage = Omit<NonNullable<VmProperties['storageProfile']>, 'osDisk' | 'dataDisks'> & {
  readonly osDisk: OsDisk;
  readonly dataDisks: readonly DataDisk[];
};

export interface VirtualMachineRecord extends ResourceCommon {
  readonly type: typeof VIRTUAL_MACHINE;
  readonly zones: readonly string[];
  readonly plan: Kept | null;
  readonly identity: Kept | null;
  readonly extendedLocation: Kept | null;
  readonly placement: Kept | null;
  /** As Azure shows them, without passwords and custom data. */
  readonly properties: Omit<VmProperties, 'storageProfile'> & { readonly storageProfile: VmStorage };
  /** Base64, as given; never shown. */
  readonly customData: string | null;
  readonly extensions?: readonly ExtensionRecord[];
  readonly vmId: string;
  readonly etag: number;
  readonly power: PowerState;
  readonly powerChangedAt: string;
}

export interface NetworkInterfaceRecord extends ResourceCommon {
  readonly type: typeof NETWORK_INTERFACE;
  readonly etag: string;
  readonly ipConfigurations: readonly IpConfiguration[];
  readonly kept: Kept;
  readonly virtualMachineId: string | null;
  readonly macAddress: string;
  /** After a VM creation that failed, nobody else can use the interface until then. */
  readonly reservedFor: { readonly vmId: string; readonly until: string } | null;
}

export interface Subnet {
  readonly name: string;
  readonly prefixes: readonly string[];
  readonly properties: SubnetProperties;
}

export interface VirtualNetworkRecord extends ResourceCommon {
  readonly type: typeof VIRTUAL_NETWORK;
  readonly etag: string;
  readonly prefixes: readonly string[];
  readonly subnets: readonly Subnet[];
  readonly kept: Kept;
}

export interface PublicIpRecord extends ResourceCommon {
  readonly type: typeof PUBLIC_IP;
  readonly etag: string;
  readonly sku: string;
  readonly zones: readonly string[];
  /** Null: its machine was deallocated, and an address that is not its own went to others. */
  readonly address: string | null;
  readonly kept: Kept;
}

export interface SecurityGroupRecord extends ResourceCommon {
  readonly type: typeof SECURITY_GROUP;
  readonly etag: string;
  readonly kept: Kept;
}

/** What other resources refer to and that decides little else here; see referred/types.ts. */
export const REFERRED_TYPES = [
  'Microsoft.Compute/availabilitySets',
  'Microsoft.Compute/proximityPlacementGroups',
  'Microsoft.Compute/diskEncryptionSets',
  'Microsoft.Compute/diskAccesses',
  'Microsoft.Compute/hostGroups',
  'Microsoft.Compute/hostGroups/hosts',
  'Microsoft.Compute/capacityReservationGroups',
  'Microsoft.Compute/capacityReservationGroups/capacityReservations',
  'Microsoft.ManagedIdentity/userAssignedIdentities',
  'Microsoft.Network/loadBalancers',
  'Microsoft.Network/applicationSecurityGroups',
  'Microsoft.Network/natGateways',
  'Microsoft.Network/routeTables',
] as const;

export type ReferredType = (typeof REFERRED_TYPES)[number];

interface ReferredOf<T extends ReferredType> extends ResourceCommon {
  readonly type: T;
  readonly etag: string;
  /** Of the whole resource beside its properties: `sku`, `identity`, `zones`. */
  readonly members: Kept;
  readonly kept: Kept;
}

export type ReferredRecord = { [T in ReferredType]: ReferredOf<T> }[ReferredType];

export type ResourceRecord =
  | ReferredRecord
  | ResourceGroupRecord
  | DiskRecord
  | SnapshotRecord
  | VirtualMachineRecord
  | NetworkInterfaceRecord
  | VirtualNetworkRecord
  | PublicIpRecord
  | SecurityGroupRecord;

export type ResourceType = ResourceRecord['type'];
export type RecordOf<T extends ResourceType> = Extract<ResourceRecord, { type: T }>;

/** How an operation ends badly; see faults/late-faults.ts. */
export interface LateFault {
  readonly ends: 'Failed' | 'Canceled';
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** A long-running operation, from its acceptance on; see operations/engine.ts. */
export interface OperationRecord {
  readonly id: string;
  readonly kind: string;
  readonly resourceId: string;
  readonly location: string;
  readonly input: unknown;
  readonly startedAt: string;
  /** Milliseconds since 1970 at which it takes effect. */
  readonly dueAt: number;
  readonly status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled';
  readonly endedAt: string | null;
  readonly error: ErrorDetail | null;
  readonly errorStatus: number | null;
  readonly output: unknown;
  /** How it will end instead, when a fault was switched on as it began. */
  readonly fault?: LateFault;
}

/** A shared access signature on a disk or a snapshot. */
export interface GrantRecord {
  /** The part of the URL that names it; also the record's key. */
  readonly opaque: string;
  readonly resourceId: string;
  readonly access: 'Read' | 'Write';
  readonly signature: string;
  readonly expiresAt: string;
}

/** A process that runs on behalf of a VM: a worker's, or the one that boots it. */
export interface WorkerRecord extends ProcessIdentity {
  readonly vmId: string;
  readonly name: string;
}

export interface LockRecord {
  readonly id: string;
  readonly name: string;
  readonly scope: string;
  readonly level: 'CanNotDelete' | 'ReadOnly';
  readonly notes: string | null;
}

export interface SettingRecord {
  readonly value: unknown;
}
