import type { DiscoveredPoint } from '../machine.js';
import type { ByteRange, StoredFile } from './file-store.js';
import type { BlobList } from './surveys.js';

/** A repository that was opened with its password; one of restic, images, snapshots. */
export interface BackupRepository {
  /** Such as `restic, format version 2`. */
  readonly format: string;

  /**
   * Every restore point that can be read, oldest first, and what had to be passed over.
   * A damaged snapshot is reported in `skipped` and hides no other.
   */
  discover(signal?: AbortSignal): Promise<Discovery>;

  /**
   * The contents of one disk of a point, by the `location` that `discover` gave.
   * @throws PermanentError `IMAGE_NOT_FOUND`, `REPOSITORY_DAMAGED`
   */
  openDisk(location: string, signal?: AbortSignal): Promise<DiskSource>;

  /**
   * Which blobs a disk is made of; it stays true for as long as the point is there.
   * @throws as `openDisk`
   */
  listBlobs(location: string, signal?: AbortSignal): Promise<BlobList>;

  /**
   * The same disk by its list, without reading anything that may lie in the archive tier.
   * @throws PermanentError `REPOSITORY_DAMAGED` where a blob of the list is not there any more
   */
  openListed(location: string, blobs: BlobList): Promise<DiskSource>;

  /**
   * The files in the archive tier without which these disks can't be read: what holds their data, but for zeros, and what leads
   * to them. None where another copy can be read.
   *
   * @param disks asked for only where something is archived: to list what a disk is made of is work
   */
  archivedFiles(disks: () => Promise<readonly ListedDisk[]>, signal?: AbortSignal): Promise<readonly StoredFile[]>;

  /**
   * How many damaged or missing copies of something were passed over since it was opened, because another copy was good.
   * Left out where nothing is kept twice.
   */
  readonly passedOver?: number;

  close(): Promise<void>;
}

export interface Discovery {
  readonly points: readonly DiscoveredPoint[];
  readonly skipped: readonly SkippedBackup[];
}

export interface ListedDisk {
  readonly location: string;
  readonly blobs: BlobList;
}

export interface SkippedBackup {
  readonly reference: string;
  readonly why: string;
  /** It could not be read because it lies in the archive tier: what is known of it from earlier is still true. */
  readonly archived?: true;
}

/** Anything that can be read at random: a disk image, a device, a buffer. */
export interface ByteReader {
  readonly sizeBytes: number;

  /** Exactly `length` bytes; the range must lie within `sizeBytes`. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer>;
}

/** The contents of one backed-up disk. Every byte that it gives out was checked against the repository's hash. */
export interface DiskSource extends ByteReader {
  /** Ranges that may hold something other than zeros: ascending, not overlapping, not touching, within `sizeBytes`. */
  extents(): readonly ByteRange[];

  /**
   * The range's contents as pieces in **no particular order**, read and decoded with as much parallelism as the
   * repository was opened with. Pieces do not overlap and lie within the range; what no piece covers is zero.
   * Memory in flight is bounded whatever the range.
   * @throws PermanentError `PACK_MISSING`, `BLOB_CORRUPT`, `REPOSITORY_DAMAGED`
   */
  pieces(range: ByteRange, signal?: AbortSignal): AsyncIterable<Piece>;

  close(): Promise<void>;
}

export interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;

  /**
   * Gives the piece's memory back at once; its bytes are gone afterwards. Calling it is optional: memory that is not given back is
   * collected in time, at several times the cost.
   */
  readonly release?: () => void;
}
