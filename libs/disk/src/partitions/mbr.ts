import type { ByteReader } from '@landfall/domain';
import type { Findings } from '../findings.js';
import { readExactly } from '../readers.js';
import { outOfBounds, type Partition } from './partition.js';

/*
 * MBR: 440 bytes of boot code, four entries of 16 bytes from byte 446, 55 AA at the end.
 *
 * Logical partitions hang in a chain inside the extended partition: each link is a sector like the MBR, whose first
 * entry is the partition (counted from the link itself) and whose second is the next link (counted from the start of
 * the extended partition). The chain is cut where it leaves the extended partition or comes back to a link.
 *
 * The boot sector of a FAT or NTFS file system ends with 55 AA, too. So the four entries have to make sense.
 */
const SECTOR = 512;
const MOST_LOGICAL_PARTITIONS = 128;
const EXTENDED_TYPES = new Set([0x05, 0x0f, 0x85]);
const PROTECTIVE_TYPE = 0xee;

export interface MbrEntry {
  readonly active: boolean;
  readonly type: number;
  readonly firstSector: number;
  readonly sectors: number;
}

export interface Mbr {
  readonly entries: readonly MbrEntry[];
  /** One entry says that the disk belongs to a GPT. */
  readonly protective: boolean;
}

export function hasMbrSignature(sector: Buffer): boolean {
  return sector[510] === 0x55 && sector[511] === 0xaa;
}

/** Null where the sector can't be an MBR. Without any entry it still may be one: the disk is labelled and empty. */
export function readMbr(sector: Buffer): Mbr | null {
  if (!hasMbrSignature(sector)) return null;
  const entries: MbrEntry[] = [];
  for (let at = 446; at < 510; at += 16) {
    const flag = sector.readUInt8(at);
    const entry = {
      active: flag === 0x80,
      type: sector.readUInt8(at + 4),
      firstSector: sector.readUInt32LE(at + 8),
      sectors: sector.readUInt32LE(at + 12),
    };
    if (flag !== 0 && flag !== 0x80) return null;
    if (entry.type !== 0 && (entry.firstSector === 0 || entry.sectors === 0)) return null;
    entries.push(entry);
  }
  return { entries, protective: entries.some((entry) => entry.type === PROTECTIVE_TYPE) };
}

export async function readMbrPartitions(
  disk: ByteReader,
  mbr: Mbr,
  name: string,
  findings: Findings,
): Promise<readonly Partition[]> {
  const partitions: Partition[] = [];
  for (const [index, entry] of mbr.entries.entries()) {
    if (entry.type === 0) continue;
    const partition = checked(disk, entry, entry.firstSector, index + 1, name, findings);
    if (partition !== null) partitions.push(partition);
  }
  const extended = partitions.find((partition) => partition.extended);
  if (extended !== undefined) partitions.push(...(await readLogical(disk, extended, name, findings)));
  return partitions;
}

async function readLogical(
  disk: ByteReader,
  extended: Partition,
  name: string,
  findings: Findings,
): Promise<readonly Partition[]> {
  const partitions: Partition[] = [];
  const base = extended.startByte / SECTOR;
  const seen = new Set<number>();
  let link = base;
  while (partitions.length < MOST_LOGICAL_PARTITIONS) {
    const inside = link * SECTOR >= extended.startByte && link * SECTOR < extended.startByte + extended.sizeBytes;
    const sector = inside && !seen.has(link) ? await readExactly(disk, link * SECTOR, SECTOR) : null;
    seen.add(link);
    if (sector === null || !hasMbrSignature(sector)) {
      // An extended partition that was never filled has no first link.
      if (link !== base || (sector !== null && sector.some((byte) => byte !== 0))) {
        findings.problem(
          'TABLE_DAMAGED',
          `The chain of logical partitions of ${name} breaks off at sector ${link}.`,
          'Partitions behind it are not listed; repair the table with sfdisk or testdisk after the restore.',
        );
      }
      break;
    }
    const [own, next] = [entryAt(sector, 446), entryAt(sector, 462)];
    if (own.type !== 0) {
      const number = 5 + partitions.length;
      const partition = checked(disk, own, link + own.firstSector, number, name, findings);
      if (partition === null) break;
      partitions.push(partition);
    }
    if (next.type === 0 || next.firstSector === 0) break;
    link = base + next.firstSector;
  }
  return partitions;
}

function entryAt(sector: Buffer, at: number): MbrEntry {
  return {
    active: sector.readUInt8(at) === 0x80,
    type: sector.readUInt8(at + 4),
    firstSector: sector.readUInt32LE(at + 8),
    sectors: sector.readUInt32LE(at + 12),
  };
}

function checked(
  disk: ByteReader,
  entry: MbrEntry,
  firstSector: number,
  number: number,
  name: string,
  findings: Findings,
): Partition | null {
  const startByte = firstSector * SECTOR;
  const sizeBytes = entry.sectors * SECTOR;
  const wrong = outOfBounds(startByte, sizeBytes, disk);
  if (wrong !== null) {
    findings.problem(
      'PARTITION_REFUSED',
      `Partition ${number} of ${name} ${wrong}.`,
      'It is passed over; check whether the image is complete.',
    );
    return null;
  }
  return {
    number,
    type: entry.type.toString(16),
    name: null,
    startByte,
    sizeBytes,
    bootable: entry.active,
    extended: EXTENDED_TYPES.has(entry.type),
  };
}
