import type { ByteRange, ByteReader, NotNamed, RangeContents, RangeHolds, RangePart } from '@landfall/domain';
import { probeContent } from '../content/probe.js';
import { extOccupants } from '../file-systems/ext-occupants.js';
import { fatOccupants } from '../file-systems/fat-occupants.js';
import { Findings } from '../findings.js';
import { readVolumeGroups } from '../lvm/volume-groups.js';
import type { Partition } from '../partitions/partition.js';
import { readPartitionTable, type PartitionTable } from '../partitions/table.js';
import { containerOf, typeNameOf } from '../partitions/type-names.js';
import { WindowReader } from '../readers.js';
import { type Allowance, AllowanceSpent, Care, CarefulReader } from './careful-reader.js';
import type { Occupants } from './claims.js';

/*
 * What lies in some ranges of a disk, down to the files: table → partition → volume → file system.
 *
 * Made for a disk of which a part can't be read: that ends no answer, it only makes it poorer, and the answer says so. It costs
 * what its allowance allows, whatever the bytes are.
 */
export interface LookOptions {
  readonly allowance?: Allowance;
  readonly signal?: AbortSignal;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/** Enough for the surroundings of a file on any disk, and for all inodes of one of a few hundred thousand files. */
export const USUAL_ALLOWANCE: Allowance = { bytes: 512 * 1024 * 1024, steps: 2_000_000, milliseconds: 45_000 };
const MOST_PARTS = 32;
/** Of a GPT, at either end: the MBR or nothing, the header, and 128 entries of 128 bytes; sectors of 4096 bytes need more. */
const GPT_ENTRIES_BYTES = 16 * 1024;

/** Gives each of its ranges its occupants, in their order. */
type FileSystemReader = (region: ByteReader, ranges: readonly ByteRange[], care: Care) => Promise<readonly Occupants[]>;

const FILE_SYSTEM_READERS: Readonly<Record<string, FileSystemReader>> = {
  ext2: extOccupants,
  ext3: extOccupants,
  ext4: extOccupants,
  vfat: fatOccupants,
};

/** What they hold lies in there as nobody can see, or is spread over other disks. */
const CLOSED = new Set(['crypto_LUKS', 'BitLocker', 'LDM', 'StorageSpaces', 'linux_raid_member']);
const SWAP = new Set(['swap', 'swsuspend']);

/** Where a part lies, before it was looked into. */
type Place = Pick<RangePart, 'offset' | 'length' | 'partition'>;

/**
 * @param ranges within the disk; what reaches beyond its end is left out
 * @throws what is wrong with the reader itself, and not with a part of what it reads; what the signal was aborted with
 */
export async function whatLiesIn(
  disk: ByteReader,
  ranges: readonly ByteRange[],
  { allowance = USUAL_ALLOWANCE, signal, now }: LookOptions = {},
): Promise<readonly RangeContents[]> {
  const care = new Care(allowance, signal, now);
  const look = new Look(new CarefulReader(disk, care), care);
  const result: RangeContents[] = [];
  await look.readTable();
  for (const range of ranges) {
    const offset = Math.max(0, Math.min(range.offset, disk.sizeBytes));
    const length = Math.max(0, Math.min(range.offset + range.length, disk.sizeBytes) - offset);
    const parts = await look.partsOf({ offset, length });
    result.push({
      offset,
      length,
      parts: parts.slice(0, MOST_PARTS),
      moreParts: Math.max(0, parts.length - MOST_PARTS),
    });
  }
  return result;
}

class Look {
  /** Ascending; without extended ones, which hold the others. */
  #partitions: readonly Partition[] = [];
  #table: PartitionTable | null = null;
  #spent = false;

  constructor(
    private readonly disk: ByteReader,
    private readonly care: Care,
  ) {}

  async readTable(): Promise<void> {
    await this.#within(async () => {
      const table = await readPartitionTable(this.disk, 'the disk', new Findings());
      // The boot sector of a file system over the whole disk can look like an MBR without partitions.
      if (table?.kind === 'mbr' && table.partitions.length === 0 && (await probeContent(this.disk)) !== null) return;
      this.#table = table;
      this.#partitions = (table?.partitions ?? [])
        .filter(({ extended }) => !extended)
        .toSorted((a, b) => a.startByte - b.startByte);
    });
  }

  async partsOf(range: ByteRange): Promise<readonly RangePart[]> {
    if (this.#table === null) return this.#regionParts({ ...range, partition: null }, this.disk, 0, null);
    const parts: RangePart[] = [];
    const end = range.offset + range.length;
    let at = range.offset;
    for (const partition of this.#partitions) {
      if (parts.length > MOST_PARTS) break;
      const { startByte, sizeBytes, number, type } = partition;
      const [from, to] = [Math.max(at, startByte), Math.min(end, startByte + sizeBytes)];
      if (from >= to) continue;
      if (at < from) parts.push(...this.#betweenPartitions(at, from));
      const typeName = typeNameOf(this.#table.kind, type);
      const place = { offset: from, length: to - from, partition: { number, typeName } };
      const region = new WindowReader(this.disk, startByte, sizeBytes);
      parts.push(...(await this.#regionParts(place, region, startByte, containerOf(type))));
      at = to;
    }
    if (at < end) parts.push(...this.#betweenPartitions(at, end));
    return parts;
  }

  /** The table itself, and what no partition covers. */
  #betweenPartitions(from: number, to: number): readonly RangePart[] {
    const { kind, sectorBytes } = this.#table!;
    const front = kind === 'gpt' ? 2 * sectorBytes + GPT_ENTRIES_BYTES : 512;
    const back = kind === 'gpt' ? this.disk.sizeBytes - sectorBytes - GPT_ENTRIES_BYTES : this.disk.sizeBytes;
    const stretches = [
      [from, Math.min(to, front), 'partition-table'],
      [Math.max(from, front), Math.min(to, back), 'unpartitioned'],
      [Math.max(from, front, back), to, 'partition-table'],
    ] as const;
    return stretches
      .filter(([start, stop]) => start < stop)
      .map(([start, stop, holds]) => partOf({ offset: start, length: stop - start, partition: null }, null, holds));
  }

  /** @param startByte of the region, on the disk */
  async #regionParts(
    place: Place,
    region: ByteReader,
    startByte: number,
    container: string | null,
  ): Promise<readonly RangePart[]> {
    const within = { offset: place.offset - startByte, length: place.length };
    const damagedBefore = this.care.damaged;
    const probed = await this.#within(async () => container ?? (await probeContent(region))?.type ?? null);
    if (probed === undefined) return [partOf(place, null, 'unknown', 'too-much')];
    const hidden = this.care.damaged > damagedBefore ? 'damaged' : 'unknown';
    if (probed === null) return [partOf(place, null, 'unknown', hidden)];
    if (probed === 'LVM2_member') return this.#volumeParts(place, region, within);
    return [await this.#contentPart(place, probed, region, within)];
  }

  /** Of linear volumes that lie on this disk alone. What belongs to none is the group's. */
  async #volumeParts(place: Place, region: ByteReader, within: ByteRange): Promise<readonly RangePart[]> {
    const candidate = { reader: region, disk: 'the disk', partition: null };
    const damagedBefore = this.care.damaged;
    const groups = await this.#within(() => readVolumeGroups([candidate], new Findings()));
    if (groups === undefined) return [partOf(place, 'LVM2_member', 'unknown', 'too-much')];
    if (groups.length === 0) {
      const hidden = this.care.damaged > damagedBefore ? 'damaged' : 'unknown';
      return [partOf(place, 'LVM2_member', 'volume-group', hidden)];
    }
    const parts: RangePart[] = [];
    const onDisk = (at: number): number => place.offset + at - within.offset;
    for (const { group, readable } of groups) {
      for (const { name, content } of group.logicalVolumes) {
        const volume = readable.get(name);
        for (const { at, offset, length } of volume?.partsOn(region, within) ?? []) {
          if (volume === undefined || parts.length > MOST_PARTS) continue;
          const its = { ...place, offset: onDisk(at), length };
          const part =
            content === null
              ? partOf(its, null, 'unknown', 'unknown')
              : await this.#contentPart(its, content.type, volume, { offset, length });
          parts.push({ ...part, logicalVolume: `${group.name}/${name}` });
        }
      }
    }
    return [...parts, ...restOf(place, parts)].toSorted((a, b) => a.offset - b.offset);
  }

  async #contentPart(place: Place, type: string, region: ByteReader, within: ByteRange): Promise<RangePart> {
    if (SWAP.has(type)) return partOf(place, type, 'swap');
    if (CLOSED.has(type)) return partOf(place, type, 'unknown', 'closed');
    const reader = FILE_SYSTEM_READERS[type];
    if (reader === undefined) return partOf(place, type, 'unknown', 'not-read');
    const told = await this.#within(() => reader(region, [within], this.care));
    if (told === undefined) return partOf(place, type, 'unknown', 'too-much');
    return { ...partOf(place, type, 'unknown'), ...told[0]! };
  }

  /** Undefined once the allowance is spent. */
  async #within<T>(look: () => Promise<T>): Promise<T | undefined> {
    if (this.#spent) return undefined;
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof AllowanceSpent)) throw error;
      this.#spent = true;
      return undefined;
    }
  }
}

function partOf(place: Place, content: string | null, holds: RangeHolds, notNamed: NotNamed | null = null): RangePart {
  return { ...place, logicalVolume: null, content, holds: [holds], files: [], moreFiles: 0, notNamed };
}

/** What of a physical volume is in none of these. */
function restOf(place: Place, parts: readonly RangePart[]): readonly RangePart[] {
  const rest: RangePart[] = [];
  let at = place.offset;
  const group = (from: number, to: number): void => {
    if (from < to)
      rest.push(partOf({ ...place, offset: from, length: to - from }, 'LVM2_member', 'volume-group', 'closed'));
  };
  for (const { offset, length } of parts.toSorted((a, b) => a.offset - b.offset)) {
    group(at, offset);
    at = Math.max(at, offset + length);
  }
  group(at, place.offset + place.length);
  return rest;
}
