import { createHash } from 'node:crypto';
import {
  PermanentError,
  type BackupRepository,
  type BlobList,
  type DiscoveredPoint,
  type Discovery,
  type DiskSource,
  type LandfallError,
  type SkippedBackup,
  type StoredFile,
} from '@landfall/domain';
import { MemoryDiskSource } from './memory-disk-source.js';

const BLOB_BYTES = 512 * 1024;

/** A repository in memory: points as they are given, disks by their locations. */
export class MemoryBackupRepository implements BackupRepository {
  readonly format = 'memory';
  readonly points: DiscoveredPoint[] = [];
  readonly skipped: SkippedBackup[] = [];
  /** Whatever disk is asked about. */
  archived: readonly StoredFile[] = [];
  readonly disks = new Map<string, Buffer>();
  /** Thrown instead of a location's pieces. */
  readonly failures = new Map<string, LandfallError>();
  closed = false;

  /** Adds a point without manifest whose disks have these contents; its locations are `REFERENCE:NAME`. */
  addPoint(
    reference: string,
    disks: Readonly<Record<string, Buffer>>,
    more: Partial<DiscoveredPoint> = {},
  ): DiscoveredPoint {
    const point: DiscoveredPoint = {
      reference,
      machineKey: 'host:machine',
      machineName: 'machine',
      aliases: [],
      takenAt: new Date('2026-01-02T03:04:05Z'),
      kind: 'image',
      level: 'computer',
      hasManifest: false,
      problems: [],
      disks: Object.entries(disks).map(([name, bytes]) => {
        const location = `${reference}:${name}`;
        this.disks.set(location, bytes);
        return { name, location, sizeBytes: bytes.length };
      }),
      ...more,
    };
    this.points.push(point);
    return point;
  }

  async discover(signal?: AbortSignal): Promise<Discovery> {
    signal?.throwIfAborted();
    return { points: this.points, skipped: this.skipped };
  }

  async openDisk(location: string, signal?: AbortSignal): Promise<DiskSource> {
    signal?.throwIfAborted();
    const bytes = this.#bytesAt(location);
    const error = this.failures.get(location);
    return new MemoryDiskSource(bytes, {
      // Nobody may count on an order.
      order: (pieces) => pieces.reverse(),
      ...(error === undefined ? {} : { failure: { afterPieces: 0, error } }),
    });
  }

  async listBlobs(location: string, signal?: AbortSignal): Promise<BlobList> {
    signal?.throwIfAborted();
    const bytes = this.#bytesAt(location);
    return listOf(bytes, bytes.length);
  }

  async openListed(location: string, blobs: BlobList): Promise<DiskSource> {
    const bytes = this.disks.get(location);
    const isHere = bytes !== undefined && hashesOf(listOf(bytes, bytes.length)) === hashesOf(blobs);
    if (isHere) return new MemoryDiskSource(bytes);
    throw new PermanentError({
      code: 'REPOSITORY_DAMAGED',
      message: `A blob of ${location} is not in the repository.`,
      fix: 'Add it to the double.',
    });
  }

  async archivedFiles(): Promise<readonly StoredFile[]> {
    return this.archived;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #bytesAt(location: string): Buffer {
    const bytes = this.disks.get(location);
    if (bytes !== undefined) return bytes;
    throw new PermanentError({
      code: 'IMAGE_NOT_FOUND',
      message: `There is no disk image ${location} in the repository.`,
      fix: 'Add it to the double.',
    });
  }
}

/** As if each half MiB were a blob. */
function listOf(bytes: Buffer, sizeBytes: number): BlobList {
  const ids: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += BLOB_BYTES) ids.push(sha256(bytes.subarray(at, at + BLOB_BYTES)));
  const all = Buffer.concat(ids);
  return { sizeBytes, trees: [], parts: [{ hash: sha256(all).toString('hex'), ids: all }] };
}

function hashesOf({ sizeBytes, parts }: BlobList): string {
  return [sizeBytes, ...parts.map(({ hash }) => hash)].join();
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
