import {
  BadInputError,
  PermanentError,
  type BackupRepository,
  type ByteRange,
  type DiscoveredPoint,
  type Discovery,
  type DiskSource,
  type LandfallError,
  type Piece,
} from '@landfall/domain';

const BLOCK_BYTES = 64 * 1024;

/** A repository in memory: points as they are given, disks by their locations. */
export class MemoryBackupRepository implements BackupRepository {
  readonly format = 'memory';
  readonly points: DiscoveredPoint[] = [];
  readonly skipped: { reference: string; why: string }[] = [];
  readonly disks = new Map<string, Buffer>();
  /** Thrown by the reads of a location. */
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
    const bytes = this.disks.get(location);
    if (bytes === undefined) {
      throw new PermanentError({
        code: 'IMAGE_NOT_FOUND',
        message: `There is no disk image ${location} in the repository.`,
        fix: 'Add it to the double.',
      });
    }
    return new MemoryDiskSource(bytes, () => this.failures.get(location));
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** A disk in memory; blocks of 64 KiB that are all zeros are holes. */
export class MemoryDiskSource implements DiskSource {
  readonly sizeBytes: number;

  constructor(
    private readonly bytes: Buffer,
    private readonly failure: () => LandfallError | undefined = () => undefined,
  ) {
    this.sizeBytes = bytes.length;
  }

  extents(): readonly ByteRange[] {
    const extents: { offset: number; length: number }[] = [];
    for (let offset = 0; offset < this.sizeBytes; offset += BLOCK_BYTES) {
      const block = this.bytes.subarray(offset, offset + BLOCK_BYTES);
      if (block.every((byte) => byte === 0)) continue;
      const last = extents.at(-1);
      if (last !== undefined && last.offset + last.length === offset) last.length += block.length;
      else extents.push({ offset, length: block.length });
    }
    return extents;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    this.#check({ offset, length }, signal);
    return Buffer.from(this.bytes.subarray(offset, offset + length));
  }

  /** The last piece first: nobody may count on an order. */
  async *pieces(range: ByteRange, signal?: AbortSignal): AsyncIterable<Piece> {
    this.#check(range, signal);
    for (const extent of this.extents().toReversed()) {
      signal?.throwIfAborted();
      const from = Math.max(extent.offset, range.offset);
      const to = Math.min(extent.offset + extent.length, range.offset + range.length);
      if (from < to) yield { offset: from, bytes: Uint8Array.from(this.bytes.subarray(from, to)) };
    }
    signal?.throwIfAborted();
  }

  async close(): Promise<void> {
    // There is nothing to give back.
  }

  #check({ offset, length }: ByteRange, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    const failure = this.failure();
    if (failure !== undefined) throw failure;
    if (offset >= 0 && length >= 0 && offset + length <= this.sizeBytes) return;
    throw new BadInputError({
      code: 'RANGE_INVALID',
      message: `Bytes ${offset} to ${offset + length} were asked for of a disk that has ${this.sizeBytes}.`,
      fix: 'Ask for a range that lies within the disk.',
    });
  }
}
