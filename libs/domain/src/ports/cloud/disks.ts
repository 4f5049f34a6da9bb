import type { Purpose } from '../../cloud/ledger.js';
import type { Tags } from '../../cloud/ownership.js';
import type { Architecture } from '../../machine.js';
import type { Generation } from '../../plan.js';
import type { CallJournal } from './journal.js';
import type { NotSent } from './machines.js';
import type { Located, Owned } from './owned.js';
import type { CloudDisk, SavedResource } from './reader.js';

/** Managed disks, and the access to their bytes. What `Cloud` says of changes holds for each method. */
export interface CloudDisks {
  ensureEmpty(spec: DiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk>;
  /** A disk in state ReadyToUpload, sized for `sizeBytes` and the 512-byte VHD footer. */
  ensureUpload(spec: DiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk>;
  /**
   * A disk with what another one holds at this moment, made by Azure; that one stays as it is, and must be attached to nothing.
   * Nobody can read the copy through a SAS.
   * @throws PermanentError `RESOURCE_CHANGED` when one of ours bears the name that was made from something else
   */
  ensureCopy(spec: DiskCopySpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudDisk>;
  /**
   * Makes a disk from a snapshot, in the words in which the disk was saved that the snapshot was taken of. What can't be sent is
   * told.
   * @throws PermanentError `RESOURCE_CHANGED` when one of ours bears the name that was made from something else
   */
  recreate(spec: RecreateDiskSpec, journal: CallJournal, signal?: AbortSignal): Promise<RecreatedDisk>;
  /** A SAS for writing the disk page by page; asking again gives a usable one. A credential: never log it. */
  grantWrite(diskId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string>;
  /** A SAS for reading a disk that is neither attached nor being uploaded. A credential: never log it. */
  grantRead(diskId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string>;
  /** Ends the SAS; for an Upload disk it becomes Unattached. Nothing to do is a success. */
  revokeAccess(diskId: string, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** What is gone already is a success. Returns whether it was there. */
  remove(disk: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
  /**
   * Deletes the very disk that a restore replaces, which carries no tag of it. One that is gone is a success. Returns whether it
   * was there.
   * @throws PermanentError `SOURCE_REPLACED` when another disk bears its name by now; `SOURCE_DISK_IN_USE` while a VM holds it
   *   or somebody has access to its bytes
   */
  removeSource(disk: ReplacedDisk, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
}

/** In the region, and in the zone, of its source. */
export interface DiskCopySpec extends Located {
  readonly sourceDiskId: string;
  readonly sku: string;
}

export interface RecreateDiskSpec {
  /** The original, as Azure has shown it. */
  readonly saved: SavedResource;
  readonly snapshotId: string;
  /** Left out, as the next one: that of the original. */
  readonly resourceGroup?: string;
  readonly name?: string;
  /** That tell that it is ours, beside those that the original had. */
  readonly tags: Tags;
  /** For the ledger, as the next one. */
  readonly role: string;
  readonly purpose: Purpose;
}

export interface RecreatedDisk {
  readonly disk: CloudDisk;
  readonly notSent: readonly NotSent[];
}

/** A disk that is not ours, told by Azure's own number for it. */
export interface ReplacedDisk {
  readonly azureId: string;
  readonly uniqueId: string;
}

export interface DiskSpec extends Located {
  /** A multiple of 1 GiB. */
  readonly sizeBytes: number;
  readonly sku: string;
  /** Given for the OS disk only. */
  readonly os: {
    readonly family: 'linux' | 'windows';
    readonly generation: Generation;
    /** Its system can also start from an NVMe controller; left out: from SCSI alone. */
    readonly startsFromNvme?: boolean;
    /** Left out: x64. */
    readonly architecture?: Architecture;
  } | null;
}
