import type { CloudResourceKind } from '../../cloud/kinds.js';
import type { Tags } from '../../cloud/ownership.js';
import type { Architecture } from '../../machine.js';
import type { Generation } from '../../plan.js';

/**
 * What Landfall reads of Azure. Methods answer null for what does not exist and throw RetryableError `AZURE_UNREACHABLE` or
 * `AZURE_THROTTLED`, PermanentError `AZURE_DENIED` or the mapped code otherwise. Nothing is cached unless said.
 */
export interface CloudReader {
  readonly subscriptionId: string;
  /** By Azure's own clock, to the second. */
  now(): Promise<Date>;
  resourceGroup(name: string): Promise<CloudResourceGroup | null>;
  /** Names of the regions of the subscription, such as `westeurope`. */
  regions(): Promise<readonly string[]>;
  /** VM sizes offered in the region, with capabilities and restrictions; may be cached for minutes. */
  sizes(region: string): Promise<readonly VmSize[]>;
  /** Compute usages of a region: cores per VM family and in all. */
  usages(region: string): Promise<readonly CloudUsage[]>;
  /** Of whatever kind: what all have. */
  resource(kind: CloudResourceKind, id: string): Promise<CloudResource | null>;
  /** The subnets of a network, by the network's ID; none where there is no such network. One read, whatever is in them. */
  subnetsOf(networkId: string): Promise<readonly CloudSubnet[]>;
  /** All subnets of the networks in a resource group. One read, too. */
  subnetsIn(resourceGroup: string): Promise<readonly CloudSubnet[]>;
  /** Whether Azure would give the private address, such as `10.0.0.9`, to nobody else in the subnet's network. One read. */
  addressIsFree(subnetId: string, address: string): Promise<boolean>;
  vm(id: string): Promise<CloudVm | null>;
  /**
   * What a VM has printed on its serial console, as it is in its boot diagnostics: at most the last `MOST_SERIAL_BYTES`. Null: there is
   * none, or not yet.
   */
  serialLog(vmId: string): Promise<string | null>;
  /**
   * A VM with all that it consists of, as Azure shows it at present, so that it can be made anew from that.
   * @throws RetryableError `AZURE_INCONSISTENT` when something that it names is not to be seen
   */
  savedVm(id: string): Promise<SavedVm | null>;
  /**
   * What a VM consists of: its disks, its network interfaces and their public addresses.
   * @throws RetryableError `AZURE_INCONSISTENT` when a network interface that it names is not to be seen
   */
  parts(vmId: string): Promise<readonly VmPart[] | null>;
  disk(id: string): Promise<CloudDisk | null>;
  snapshot(id: string): Promise<CloudSnapshot | null>;
  nic(id: string): Promise<CloudNic | null>;
  /**
   * Each lock that stops changes of one of these, once: set on it or on what it lies in, and on what lies beneath a resource,
   * which stops its deletion.
   * @param scopeIds of subscriptions, resource groups, resources
   * @throws BadInputError `AZURE_ID_INVALID`
   */
  locks(scopeIds: readonly string[]): Promise<readonly CloudLock[]>;
  /**
   * Those of the actions, such as `Microsoft.Compute/disks/write`, that no role lets Landfall's identity do there. What a deny
   * assignment forbids is not among them, and neither is what would be asked of things that are linked to.
   * @param scopeId of a resource group, or of a resource in one
   * @throws BadInputError `AZURE_ID_INVALID`
   */
  actionsMissing(scopeId: string, actions: readonly string[]): Promise<readonly string[]>;
  /** Everything in the subscription that carries the tag, resource groups included. Azure may show it some seconds late. */
  tagged(name: string, value: string): Promise<readonly TaggedResource[]>;
  /** Whether a provider namespace such as `Microsoft.Compute` is registered. */
  providerRegistered(namespace: string): Promise<boolean>;
  vmId(resourceGroup: string, name: string): string;
  diskId(resourceGroup: string, name: string): string;
  snapshotId(resourceGroup: string, name: string): string;
  nicId(resourceGroup: string, name: string): string;
  networkId(resourceGroup: string, name: string): string;
  securityGroupId(resourceGroup: string, name: string): string;
  resourceGroupId(name: string): string;
}

/** Of the end of a serial console's log: a prompt is its last line, whatever came before. */
export const MOST_SERIAL_BYTES = 64 * 1024;

export interface CloudResource {
  readonly azureId: string;
  readonly kind: CloudResourceKind;
  readonly region: string;
  readonly tags: Tags;
  readonly provisioningState: string;
}

export interface TaggedResource {
  readonly azureId: string;
  /** Null for a kind that Landfall never makes. */
  readonly kind: CloudResourceKind | null;
  readonly tags: Tags;
}

export interface CloudLock {
  readonly azureId: string;
  readonly name: string;
  /** The ID of what it is set on. */
  readonly scope: string;
  /** `ReadOnly` stops every change, and what is asked for by POST, such as starting a VM. */
  readonly level: 'CanNotDelete' | 'ReadOnly';
}

export interface CloudResourceGroup {
  readonly azureId: string;
  readonly name: string;
  readonly region: string;
  readonly tags: Tags;
  readonly provisioningState: string;
}

/** How a VM reaches its disks. */
export type DiskController = 'SCSI' | 'NVMe';

export interface VmSize {
  readonly name: string;
  /** Such as `standardFSv2Family`, as quotas name it. */
  readonly family: string;
  readonly vCpus: number;
  readonly memoryGiB: number;
  readonly maxDataDisks: number;
  readonly generations: readonly Generation[];
  readonly premiumIo: boolean;
  readonly diskControllers: readonly DiskController[];
  readonly architecture: Architecture;
  /** A VM of this size can be made a Trusted Launch one. */
  readonly trustedLaunch: boolean;
  readonly zones: readonly string[];
  /** Why it can't be had: in the whole region, or in these zones. */
  readonly restrictedInRegion: boolean;
  readonly restrictedZones: readonly string[];
}

export interface CloudUsage {
  /** A family's name, or `cores`. */
  readonly name: string;
  readonly current: number;
  readonly limit: number;
}

export interface CloudSubnet {
  readonly azureId: string;
  readonly region: string;
  readonly resourceGroup: string;
  readonly networkName: string;
  readonly name: string;
  /** CIDR, such as `10.0.0.0/24`. */
  readonly prefixes: readonly string[];
}

export interface CloudDisk {
  readonly azureId: string;
  /** Azure's own: another disk under the same ID has another one, and what moves keeps it. */
  readonly uniqueId: string;
  readonly name: string;
  readonly resourceGroup: string;
  readonly region: string;
  readonly zone: string | null;
  readonly sizeBytes: number;
  readonly sku: string;
  /** Unattached, Attached, Reserved, ActiveSAS, ReadyToUpload, ActiveUpload. */
  readonly diskState: string;
  readonly managedBy: string | null;
  /**
   * When it was last attached or detached, or its VM last allocated or deallocated: Azure's `LastOwnershipUpdateTime`, word for
   * word, because it is only compared. Null: never, or Azure does not say.
   */
  readonly ownershipUpdatedAt: string | null;
  readonly tags: Tags;
  readonly provisioningState: string;
}

export interface CloudSnapshot {
  readonly azureId: string;
  readonly name: string;
  readonly resourceGroup: string;
  readonly region: string;
  /** Of the disk when it was taken. */
  readonly sizeBytes: number;
  /** The disk that it was taken of; null when Azure does not say. */
  readonly diskId: string | null;
  /** Null: not yet. */
  readonly takenAt: Date | null;
  /** Its bytes can be read, and disks be made from it, at 100. */
  readonly completionPercent: number;
  /** Unattached, ActiveSAS. */
  readonly diskState: string;
  readonly tags: Tags;
  readonly provisioningState: string;
}

export interface CloudNic {
  readonly azureId: string;
  readonly name: string;
  readonly resourceGroup: string;
  readonly region: string;
  readonly tags: Tags;
  readonly vmId: string | null;
  readonly privateAddresses: readonly string[];
  readonly provisioningState: string;
}

export interface CloudVm {
  readonly azureId: string;
  /** Azure's `vmId`: another VM under the same ID has another one. */
  readonly instanceId: string;
  readonly name: string;
  readonly resourceGroup: string;
  readonly region: string;
  readonly size: string;
  readonly osDiskId: string | null;
  readonly dataDisks: readonly { readonly diskId: string; readonly lun: number }[];
  readonly nicIds: readonly string[];
  readonly tags: Tags;
  readonly provisioningState: string;
  /** Such as `running`, `deallocated`, `starting`; null when Azure does not say. */
  readonly powerState: string | null;
}

export interface VmPart {
  readonly azureId: string;
  /** `Delete`: it goes along with the VM. `Detach`: it stays. Null: Azure does not say. */
  readonly deleteOption: string | null;
}

/** A resource word for word, and the API version whose words these are. */
export interface SavedResource {
  readonly azureId: string;
  readonly apiVersion: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * What Azure never shows is missing: custom data, passwords, the protected settings of extensions. What it does show of user data
 * and of the settings of extensions may hold secrets of the machine's owner: it is neither logged nor kept in plain text.
 */
export interface SavedVm {
  readonly vm: SavedResource;
  /** The OS disk first. */
  readonly disks: readonly SavedResource[];
  readonly nics: readonly SavedResource[];
  readonly publicIps: readonly SavedResource[];
  readonly extensions: readonly SavedResource[];
}
