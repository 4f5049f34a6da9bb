import type { Purpose } from '../../cloud/ledger.js';
import type { Tags } from '../../cloud/ownership.js';
import type { CallJournal } from './journal.js';
import type { Located, Owned } from './owned.js';
import type { CloudVm, DiskController, SavedVm } from './reader.js';

/** Virtual machines, and what is attached to them. What `Cloud` says of changes holds for each method. */
export interface CloudMachines {
  /** A VM around disks that exist, which outlive it like its network interface. It runs. */
  ensure(spec: VmSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm>;
  /** A VM from an image; its OS disk goes when it goes. It runs. */
  ensureWorker(spec: WorkerSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm>;
  attach(vmId: string, disks: readonly DiskAttachment[], journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** Disks that are not attached are passed over. */
  detach(vmId: string, diskIds: readonly string[], journal: CallJournal, signal?: AbortSignal): Promise<void>;
  start(vmId: string, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** One that is gone is a success. */
  deallocate(vmId: string, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /**
   * Deallocates a VM that is not ours; it runs, and this change of it is open until `startSource` has undone it. One that is
   * gone is a success.
   * @throws PermanentError `SOURCE_REPLACED` when another VM bears its name by now
   */
  stopSource(source: SourceVm, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** Undoes `stopSource`. Returns whether it runs: false when it is gone, or another VM bears its name by now. */
  startSource(source: SourceVm, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
  /**
   * Deletes the very VM that a restore replaces, which carries no tag of ours. Nothing but this and `disks.removeSource` ever deletes what is not ours. Its
   * disks, network interfaces and public addresses stay. One that is gone is a success. Returns whether it was there.
   * @throws PermanentError `SOURCE_REPLACED` when another VM bears its name by now; `SOURCE_PARTS_GO_ALONG` when Azure would
   *   delete any part of it with it; `SOURCE_NOT_STOPPED` when it is not deallocated; RetryableError `SOURCE_CHANGED` when it has
   *   other disks than those
   */
  removeSource(source: RemovedVm, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
  /**
   * Makes a VM anew under the ID of one that is gone, from what was saved of it, with its OS disk, all its data disks and the
   * network interfaces that it had, in one call. It runs; all its parts outlive it. What can't be sent is told.
   * @throws PermanentError `NAME_TAKEN` when a VM is there that this has not made
   */
  recreate(spec: RecreateSpec, journal: CallJournal, signal?: AbortSignal): Promise<RecreatedVm>;
  /**
   * A VM in the words in which another one was saved, so that it shows whether that one would start around these disks: with a network
   * interface of its own, and without what acts beyond it or is given once: identities, user data, applications, sets and hosts. Its
   * serial console is kept by Azure. It runs; all its parts outlive it.
   * @throws PermanentError `NAME_TAKEN` when a VM is there that this has not made
   */
  ensureCopy(spec: VmCopySpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudVm>;
  /** What is gone already is a success. Returns whether it was there. */
  remove(vm: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
}

export interface SourceVm {
  readonly azureId: string;
  /** Azure's `vmId`, as it was when it was first looked at. */
  readonly instanceId: string;
}

export interface RemovedVm extends SourceVm {
  /** All that it may have when it is removed; left out: whatever it has. */
  readonly diskIds?: readonly string[];
}

export interface RecreateSpec {
  readonly saved: SavedVm;
  readonly osDiskId: string;
  /** All of them: it must never start without any, also of those that it had and that were kept. */
  readonly dataDisks: readonly DiskAttachment[];
  /**
   * That tell that it is ours, beside those that it had: else nothing would tell it from somebody else's after a crash. Whoever
   * takes them off afterwards says from then on what its number is.
   */
  readonly tags: Tags;
  /** Azure's `vmId` of what this has made, as the ledger has it; null: not known. */
  readonly instanceId: string | null;
  /** Where it is to have another one than it had. */
  readonly size?: string;
  /** For the ledger, as the next one. */
  readonly role: string;
  readonly purpose: Purpose;
}

/** In the region, and in the zone, of the one that was saved. */
export interface VmCopySpec extends Omit<Located, 'region' | 'zone'> {
  readonly saved: SavedVm;
  readonly nicId: string;
  readonly osDiskId: string;
  readonly dataDisks: readonly DiskAttachment[];
}

export interface RecreatedVm {
  readonly vm: CloudVm;
  readonly notSent: readonly NotSent[];
}

/** What a VM or a disk had and is made anew without. */
export interface NotSent {
  /** Of the member of its model, such as `properties.osProfile`. */
  readonly path: string;
  /** For people. */
  readonly why: string;
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
  /** Named where the size has no other; left out, Azure takes SCSI. */
  readonly diskController?: DiskController;
  readonly nicId: string;
  readonly osDisk: {
    readonly diskId: string;
    readonly family: 'linux' | 'windows';
    readonly caching: 'None' | 'ReadOnly' | 'ReadWrite';
  };
  /** All of them: it starts as soon as it is made, and must never start without any. */
  readonly dataDisks: readonly DiskAttachment[];
}
