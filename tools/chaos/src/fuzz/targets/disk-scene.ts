import { inspect, type Inspection, whatLiesIn } from '@landfall/disk';
import type { RangeContents } from '@landfall/domain';
import { readRecordedImages, SparseImage } from '@landfall/testing';
import { faultsOfMessage } from '../judge.js';
import type { Reading } from '../target.js';

/*
 * Disks as ordinary tools have made them, and what the product makes of changed ones. An inspection never fails: what is
 * damaged is in its problems. So nothing may be thrown at all.
 *
 * The input is what is written on the disk, sector after sector without the empty ones between. It goes back to its places;
 * of a shorter one the disk ends where its bytes end.
 */
const SECTOR = 512;
const LOOKED_AT_BYTES = 64 * 1024 * 1024;
/** As little as shows a fault: in earnest there is a hundred times as much, and a minute for it. */
const ALLOWANCE = { bytes: 8 * 1024 * 1024, steps: 10_000, milliseconds: Infinity };
const STEERS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

const RECORDED = readRecordedImages<object>(new URL(import.meta.resolve('@landfall/disk/fixtures/images.json')));

export function recorded(name: string): SparseImage {
  return RECORDED.get(name)!.image();
}

export interface Written {
  readonly sizeBytes: number;
  /** Numbers of the sectors, ascending. */
  readonly places: readonly number[];
  readonly bytes: Buffer;
}

export function writtenOf(image: SparseImage): Written {
  const places = image.written;
  return {
    sizeBytes: image.sizeBytes,
    places,
    bytes: Buffer.concat(places.map((place) => image.peek(place * SECTOR, SECTOR))),
  };
}

export function diskOf({ sizeBytes, places }: Written, bytes: Buffer): SparseImage {
  const end = places[Math.floor(bytes.length / SECTOR)];
  const disk = new SparseImage(end === undefined ? sizeBytes : end * SECTOR + (bytes.length % SECTOR));
  for (const [number, place] of places.entries()) {
    const sector = bytes.subarray(number * SECTOR, (number + 1) * SECTOR);
    if (sector.length > 0) disk.write(place * SECTOR, sector);
  }
  return disk;
}

/** Findings that say nothing of damage. */
const OF_WHOLE_DISKS: readonly string[] = ['ENCRYPTION', 'SECTOR_SIZE'];

export async function readDisks(...disks: readonly SparseImage[]): Promise<Reading> {
  const seen = await inspect(disks.map((reader, index) => ({ path: `disk${index}`, reader })));
  const faults = faultsOf(seen);
  for (const disk of disks) {
    const range = { offset: 0, length: Math.min(disk.sizeBytes, LOOKED_AT_BYTES) };
    for (const one of await whatLiesIn(disk, [range], { allowance: ALLOWANCE })) faults.push(...faultsOfContents(one));
  }
  return { accepted: seen.problems.every(({ code }) => OF_WHOLE_DISKS.includes(code)), faults };
}

function faultsOfContents({ offset, length, parts, moreParts }: RangeContents): string[] {
  const faults = parts.flatMap(({ files }) => files).flatMap((name) => (STEERS.test(name) ? ['a name steers'] : []));
  const covered = parts.reduce((sum, part) => sum + part.length, 0);
  if (moreParts === 0 && covered !== length) faults.push(`parts cover ${covered} bytes of ${length}`);
  if (parts.some((part) => part.offset < offset || part.offset + part.length > offset + length))
    faults.push('a part lies outside of its range');
  return faults;
}

function faultsOf(seen: Inspection): string[] {
  const faults = seen.problems.flatMap(({ message }) => faultsOfMessage(message));
  for (const disk of seen.disks) {
    const inside = disk.partitions.filter(({ startByte, sizeBytes }) => {
      const safe = Number.isSafeInteger(startByte) && Number.isSafeInteger(sizeBytes);
      return safe && startByte >= 0 && sizeBytes > 0 && startByte + sizeBytes <= disk.sizeBytes;
    });
    if (inside.length < disk.partitions.length) faults.push('a partition is empty, or not inside of its disk');
    faults.push(...overlapsOf(disk.table === 'mbr' ? withoutExtended(inside) : inside));
  }
  for (const group of seen.volumeGroups) {
    for (const { sizeBytes } of [group, ...group.physicalVolumes, ...group.logicalVolumes]) {
      if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
        faults.push(`something in a volume group has ${sizeBytes} bytes`);
    }
    const names = group.logicalVolumes.map(({ name }) => name);
    if (new Set(names).size < names.length) faults.push('two logical volumes of a group have one name');
  }
  return faults;
}

type Place = Inspection['disks'][number]['partitions'][number];

/** It holds the logical partitions. */
function withoutExtended(partitions: readonly Place[]): readonly Place[] {
  return partitions.filter(({ type }) => !['5', 'f', '85'].includes(type));
}

function overlapsOf(partitions: readonly Place[]): string[] {
  const ordered = partitions.toSorted((left, right) => left.startByte - right.startByte);
  return ordered.slice(1).flatMap((partition, index) => {
    const before = ordered[index]!;
    const overlap = before.startByte + before.sizeBytes > partition.startByte;
    return overlap ? [`the partitions ${before.number} and ${partition.number} overlap`] : [];
  });
}
