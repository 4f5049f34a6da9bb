import type { ByteRange, ByteReader } from '@landfall/domain';
import type { LogicalVolumeMetadata, PhysicalVolumeMetadata, VolumeGroupMetadata } from './volume-group-metadata.js';

/** A stretch of the logical volume and where it lies. In bytes. */
interface Stretch {
  readonly start: number;
  readonly length: number;
  readonly on: ByteReader;
  readonly at: number;
}

/** The contents of a linear logical volume, put together from its extents on the physical volumes. */
export class LinearVolume implements ByteReader {
  readonly sizeBytes: number;

  private constructor(private readonly stretches: readonly Stretch[]) {
    const last = stretches.at(-1);
    this.sizeBytes = last === undefined ? 0 : last.start + last.length;
  }

  /**
   * Null where it is not linear, where a physical volume is missing, and where its extents overlap, leave gaps or lie
   * outside of the physical volumes.
   * @param physicalVolumes of the group, by their keys
   * @param readers by the physical volumes' UUIDs
   */
  static over(
    volume: LogicalVolumeMetadata,
    group: VolumeGroupMetadata,
    physicalVolumes: ReadonlyMap<string, PhysicalVolumeMetadata>,
    readers: ReadonlyMap<string, ByteReader>,
  ): LinearVolume | null {
    const stretches: Stretch[] = [];
    let next = 0;
    for (const segment of volume.segments.toSorted((a, b) => a.firstExtent - b.firstExtent)) {
      const { place } = segment;
      const physical = place === null ? undefined : physicalVolumes.get(place.key);
      const on = physical === undefined ? undefined : readers.get(physical.uuid);
      if (place === null || physical === undefined || on === undefined || segment.firstExtent !== next) return null;
      const at = physical.firstExtentByte + place.extent * group.extentBytes;
      const length = segment.extents * group.extentBytes;
      if (place.extent + segment.extents > physical.extents || at + length > on.sizeBytes) return null;
      stretches.push({ start: segment.firstExtent * group.extentBytes, length, on, at });
      next += segment.extents;
    }
    return new LinearVolume(stretches);
  }

  /** The parts of a range of a physical volume that are this volume's: `offset` is where they begin in it, `at` on the other. */
  partsOn(physical: ByteReader, range: ByteRange): readonly (ByteRange & { readonly at: number })[] {
    return this.stretches.flatMap(({ start, length, on, at }) => {
      const from = Math.max(at, range.offset);
      const to = Math.min(at + length, range.offset + range.length);
      return on === physical && from < to ? [{ offset: start + from - at, length: to - from, at: from }] : [];
    });
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    if (offset < 0 || length < 0 || offset + length > this.sizeBytes) {
      throw new RangeError(`${length} bytes at ${offset} are outside of ${this.sizeBytes} bytes`);
    }
    const parts: Buffer[] = [];
    for (const stretch of this.stretches) {
      const from = Math.max(offset, stretch.start);
      const to = Math.min(offset + length, stretch.start + stretch.length);
      if (from < to) parts.push(await stretch.on.read(stretch.at + from - stretch.start, to - from, signal));
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}
