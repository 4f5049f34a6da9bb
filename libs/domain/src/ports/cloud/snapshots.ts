import type { CallJournal } from './journal.js';
import type { Located, Owned } from './owned.js';
import type { CloudSnapshot } from './reader.js';

/** Incremental snapshots of managed disks, and the access to their bytes. What `Cloud` says of changes holds for each method. */
export interface CloudSnapshots {
  /**
   * Of a disk as it is at this moment, attached or not, whatever its VM does; each is crash-consistent for itself alone. It may
   * go on being filled afterwards: its contents can be read once the reader says that it is complete (100 %).
   * @throws PermanentError `RESOURCE_CHANGED` when one of ours bears the name, of another disk
   */
  ensure(spec: SnapshotSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudSnapshot>;
  /** A SAS for reading its bytes; asking again gives a usable one. A credential: never log it. */
  grantRead(snapshotId: string, seconds: number, journal: CallJournal, signal?: AbortSignal): Promise<string>;
  /** Ends the SAS. Nothing to do is a success. */
  revokeAccess(snapshotId: string, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** What is gone already is a success. Returns whether it was there. */
  remove(snapshot: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
}

/** In the region of its disk; it lies in no zone. */
export interface SnapshotSpec extends Omit<Located, 'zone'> {
  readonly diskId: string;
  /** Who may read it through its SAS: as with its disk. Left out: whoever has the SAS. */
  readonly access?: NetworkAccess;
}

/** From which networks the bytes of a disk, or of a snapshot, can be read through a SAS. */
export interface NetworkAccess {
  readonly policy: 'AllowAll' | 'AllowPrivate' | 'DenyAll';
  /** With `AllowPrivate`: through the private endpoints of this disk access. */
  readonly diskAccessId: string | null;
}
