import type { CloudResourceKind } from '../cloud/kinds.js';
import type { ErrorDetails } from '../errors.js';
import type { Generation } from '../plan.js';

/*
 * What Landfall needs of Azure, in its own words. `libs/azure` implements it with the SDK; no other code knows the SDK.
 *
 * Reading methods answer null for what does not exist and throw RetryableError `AZURE_UNREACHABLE` or `AZURE_THROTTLED`,
 * PermanentError `AZURE_DENIED` or the mapped code otherwise. Nothing is cached unless said.
 */
export interface CloudReader {
  readonly subscriptionId: string;
  resourceGroup(name: string): Promise<CloudResourceGroup | null>;
  /** Names of the regions of the subscription, such as `westeurope`. */
  regions(): Promise<readonly string[]>;
  /** VM sizes offered in the region, with capabilities and restrictions; may be cached for minutes. */
  sizes(region: string): Promise<readonly VmSize[]>;
  /** Compute usages of a region: cores per VM family and in all. */
  usages(region: string): Promise<readonly CloudUsage[]>;
  subnet(id: string): Promise<CloudSubnet | null>;
  /** All subnets of the networks in a resource group. */
  subnetsIn(resourceGroup: string): Promise<readonly CloudSubnet[]>;
  vm(id: string): Promise<CloudVm | null>;
  disk(id: string): Promise<CloudDisk | null>;
  nic(id: string): Promise<CloudNic | null>;
  /** Everything in the subscription that carries the tag, resource groups included. Azure may show it some seconds late. */
  tagged(name: string, value: string): Promise<readonly TaggedResource[]>;
  /** Whether a provider namespace such as `Microsoft.Compute` is registered. */
  providerRegistered(namespace: string): Promise<boolean>;
  vmId(resourceGroup: string, name: string): string;
  diskId(resourceGroup: string, name: string): string;
  nicId(resourceGroup: string, name: string): string;
  resourceGroupId(name: string): string;
}

/**
 * Changes. Every method is idempotent: it looks first (GET), adopts what carries our tags and fits, else records the
 * intent in the journal, calls, records the poller's state, and waits for the end. A repetition with the same
 * arguments after a crash at any point resumes and never makes a second thing.
 *
 * @throws PermanentError with a code of its own where Azure refuses; `RESOURCE_FOREIGN` when the name is taken by something
 *   that is not ours. RetryableError, WaitingError otherwise.
 */
export interface Cloud extends CloudReader {
  ensureEmptyDisk(spec: DiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk>;
  /** A disk in state ReadyToUpload, sized for `sizeBytes` and the 512-byte VHD footer. */
  ensureUploadDisk(spec: DiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk>;
  /** A SAS for writing the disk page by page; asking again gives a usable one. A credential: never log it. */
  grantDiskWrite(diskId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string>;
  /** A SAS for reading a disk that is neither attached nor being uploaded. A credential: never log it. */
  grantDiskRead(diskId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string>;
  /** Ends the SAS; for an Upload disk it becomes Unattached. Nothing to do is a success. */
  revokeDiskAccess(diskId: string, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  ensureNic(spec: NicSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudNic>;
  ensureWorker(spec: WorkerSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm>;
  ensureVm(spec: VmSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm>;
  attachDisks(
    vmId: string,
    disks: readonly DiskAttachment[],
    journal: CallJournal,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Disks that are not attached are passed over. */
  detachDisks(vmId: string, diskIds: readonly string[], journal: CallJournal, signal?: AbortSignal): Promise<void>;
  startVm(vmId: string, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  deallocateVm(vmId: string, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** Deletes only what carries the given tags; what is gone already is a success. Returns whether it was there. */
  deleteOwned(resource: OwnedResource, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
}

export interface TaggedResource {
  readonly azureId: string;
  /** Null for a kind that Landfall never makes. */
  readonly kind: CloudResourceKind | null;
  readonly tags: Readonly<Record<string, string>>;
}

export interface OwnedResource {
  readonly azureId: string;
  readonly kind: CloudResourceKind;
  /** Every one of them must be on the resource, else `RESOURCE_FOREIGN`. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * The books of one step's cloud calls, kept in Postgres. All methods commit before they return.
 * One entry per `key` (unique in its restore), such as `create-empty-disks/disk:web-os-r…`.
 */
export interface CallJournal {
  readonly restoreId: string;
  /**
   * Writes down what is going to be done, before it is: the operation and, where the intent creates something, the
   * ledger entry. Returns the entry as it stands if there is one from an earlier try.
   * @throws ConflictError `STEP_SUPERSEDED` when the step's epoch is no longer current: stop at once
   */
  begin(intent: CallIntent): Promise<JournalEntry>;
  /** Azure has answered the call, and nothing of it is written yet: where tests let the process die. */
  called?(key: string): Promise<void>;
  /** The poller's serialized state, so that waiting can be resumed without a second call. */
  submitted(key: string, pollerState: string): Promise<void>;
  succeeded(key: string, result?: { readonly azureId?: string }): Promise<void>;
  /** The attempt's end is known to be bad; the next `begin` starts anew. */
  failed(key: string, error: ErrorDetails): Promise<void>;
}

export interface CallIntent {
  readonly key: string;
  /** Such as `disks.createOrUpdate`. */
  readonly operation: string;
  readonly azureId: string;
  /**
   * SHA-256 over the canonical request body. Another one than before starts the entry anew, unless the call with the
   * earlier body is still under way: then the entry stays that call's, and says so.
   */
  readonly bodyHash: string;
  /** Present when the call brings a resource into being: goes into the ledger. */
  readonly creates?: { readonly kind: CloudResourceKind; readonly role: string };
  /** Present when the call removes a resource: settles its ledger entry. */
  readonly removes?: boolean;
}

export interface JournalEntry {
  readonly state: 'intended' | 'submitted' | 'succeeded' | 'failed';
  readonly pollerState: string | null;
  /** The call under way was made with another body than is asked for now; once it has failed, `begin` starts anew. */
  readonly hasOtherBody?: boolean;
}

export interface CloudResourceGroup {
  readonly azureId: string;
  readonly name: string;
  readonly region: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly provisioningState: string;
}

export interface VmSize {
  readonly name: string;
  /** Such as `standardFSv2Family`, as quotas name it. */
  readonly family: string;
  readonly vCpus: number;
  readonly memoryGiB: number;
  readonly maxDataDisks: number;
  readonly generations: readonly Generation[];
  readonly premiumIo: boolean;
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
  /** Private addresses in use by NICs. */
  readonly usedAddresses: readonly string[];
}

export interface CloudDisk {
  readonly azureId: string;
  readonly name: string;
  readonly resourceGroup: string;
  readonly region: string;
  readonly zone: string | null;
  readonly sizeBytes: number;
  readonly sku: string;
  /** Unattached, Attached, Reserved, ActiveSAS, ReadyToUpload, ActiveUpload. */
  readonly diskState: string;
  readonly managedBy: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly provisioningState: string;
}

export interface CloudNic {
  readonly azureId: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly vmId: string | null;
  readonly privateAddresses: readonly string[];
  readonly provisioningState: string;
}

export interface CloudVm {
  readonly azureId: string;
  readonly name: string;
  readonly resourceGroup: string;
  readonly region: string;
  readonly size: string;
  readonly osDiskId: string | null;
  readonly dataDisks: readonly { readonly diskId: string; readonly lun: number }[];
  readonly nicIds: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly provisioningState: string;
  /** Such as `running`, `deallocated`, `starting`; null when Azure does not say. */
  readonly powerState: string | null;
}

export interface Located {
  readonly resourceGroup: string;
  readonly name: string;
  readonly region: string;
  readonly zone: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** For the ledger. */
  readonly role: string;
}

export interface DiskSpec extends Located {
  /** A multiple of 1 GiB. */
  readonly sizeBytes: number;
  readonly sku: string;
  /** Given for the OS disk only. */
  readonly os: { readonly family: 'linux' | 'windows'; readonly generation: Generation } | null;
}

export interface NicSpec extends Located {
  readonly subnetId: string;
  readonly privateIp: string | null;
}

export interface DiskAttachment {
  readonly diskId: string;
  readonly lun: number;
  readonly caching: 'None' | 'ReadOnly' | 'ReadWrite';
}

export interface WorkerSpec extends Located {
  readonly size: string;
  readonly nicId: string;
  /** Platform image `publisher:offer:sku:version`, or the full ID of a gallery image version. */
  readonly image: string;
  readonly osDiskName: string;
  /** What the worker's start-up reads: lines `NAME=value`, not yet base64. Holds no secret but the bootstrap token. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface VmSpec extends Located {
  readonly size: string;
  readonly nicId: string;
  readonly osDisk: {
    readonly diskId: string;
    readonly family: 'linux' | 'windows';
    readonly caching: 'None' | 'ReadOnly' | 'ReadWrite';
  };
}
