import { crc32 } from 'node:zlib';
import type { ByteReader } from '@landfall/domain';
import type { Findings } from '../findings.js';
import { readExactly, safeUint64 } from '../readers.js';
import { cleanText, guidText } from '../text.js';
import { outOfBounds, type Partition } from './partition.js';

/*
 * GPT (UEFI specification, section 5.3): a header in the second sector, a copy of it in the last one, each with its own
 * array of entries. Both carry CRC-32s of themselves and of their array.
 *
 * The primary copy is taken where its checksums are right, else the backup. The size of a sector is not written
 * anywhere; it shows in where the header is: 512 is tried first, then 4096.
 */
const SIGNATURE = 'EFI PART';
const SECTOR_SIZES = [512, 4096] as const;
const UNUSED = '00000000-0000-0000-0000-000000000000';
/** The usual array has 16 KiB; more than 1 MiB is not a partition table. */
const LARGEST_ARRAY_BYTES = 1024 * 1024;
const MOST_PARTITIONS = 256;
/** Attribute bit 2: legacy BIOS bootable. */
const LEGACY_BOOTABLE = 0b100;

interface Copy {
  readonly sectorBytes: number;
  readonly entries: readonly Buffer[];
  /** Where the header says that the other copy is. */
  readonly otherSector: number;
}

export interface Gpt {
  readonly sectorBytes: number;
  readonly partitions: readonly Partition[];
}

/** `announced`: the first sector says that there is a GPT; then a damaged one is worth a word. */
export async function readGpt(
  disk: ByteReader,
  name: string,
  announced: boolean,
  findings: Findings,
): Promise<Gpt | null> {
  for (const sectorBytes of SECTOR_SIZES) {
    const primary = await readCopy(disk, sectorBytes, 1);
    if (primary === null) continue;
    if ((await readCopy(disk, sectorBytes, primary.otherSector)) === null)
      warnOfMissingCopy(disk, primary, name, findings);
    return { sectorBytes, partitions: listPartitions(disk, primary, name, findings) };
  }
  for (const sectorBytes of SECTOR_SIZES) {
    const backup = await readCopy(disk, sectorBytes, Math.floor(disk.sizeBytes / sectorBytes) - 1);
    if (backup === null) continue;
    if (announced) {
      findings.problem(
        'TABLE_DAMAGED',
        `The primary GPT of ${name} is damaged; its backup at the end of the disk was read instead.`,
        'Repair the table of the restored disk with gdisk before it is booted.',
      );
    }
    return { sectorBytes, partitions: listPartitions(disk, backup, name, findings) };
  }
  return null;
}

/** One copy of the table, or null where there is none or its checksums are wrong. */
async function readCopy(disk: ByteReader, sectorBytes: number, sector: number): Promise<Copy | null> {
  const header = await readExactly(disk, sector * sectorBytes, sectorBytes);
  if (header === null || header.toString('latin1', 0, 8) !== SIGNATURE) return null;
  const headerBytes = header.readUInt32LE(12);
  if (headerBytes < 92 || headerBytes > sectorBytes) return null;
  const unsigned = Buffer.from(header.subarray(0, headerBytes));
  unsigned.writeUInt32LE(0, 16);
  if (crc32(unsigned) !== header.readUInt32LE(16)) return null;
  if (safeUint64(header, 24) !== sector) return null;

  const arraySector = safeUint64(header, 72);
  const count = header.readUInt32LE(80);
  const entryBytes = header.readUInt32LE(84);
  if (arraySector === null || entryBytes < 128 || entryBytes > 4096 || entryBytes % 8 !== 0) return null;
  if (count * entryBytes > LARGEST_ARRAY_BYTES) return null;
  const array = await readExactly(disk, arraySector * sectorBytes, count * entryBytes);
  if (array === null || crc32(array) !== header.readUInt32LE(88)) return null;
  return {
    sectorBytes,
    otherSector: safeUint64(header, 32) ?? 0,
    entries: Array.from({ length: count }, (_, index) => array.subarray(index * entryBytes, (index + 1) * entryBytes)),
  };
}

function warnOfMissingCopy(
  disk: ByteReader,
  { sectorBytes, otherSector }: Copy,
  name: string,
  findings: Findings,
): void {
  const end = (otherSector + 1) * sectorBytes;
  const cut =
    end > disk.sizeBytes
      ? `, which would end at byte ${end}: the image has ${disk.sizeBytes} and may be cut short`
      : '';
  findings.problem(
    'TABLE_DAMAGED',
    `The second copy of the GPT of ${name} is missing or damaged${cut}.`,
    'Check that the backup of the disk is whole; write the copy anew with gdisk (its command "w") on the restored disk.',
  );
}

function listPartitions(disk: ByteReader, copy: Copy, name: string, findings: Findings): readonly Partition[] {
  const partitions: Partition[] = [];
  for (const [index, entry] of copy.entries.entries()) {
    const type = guidText(entry.subarray(0, 16));
    if (type === UNUSED) continue;
    if (partitions.length === MOST_PARTITIONS) {
      findings.problem(
        'PARTITION_REFUSED',
        `${name} has more than ${MOST_PARTITIONS} partitions; the others were not looked at.`,
        'Nothing has to be done; the disk is restored whole.',
      );
      break;
    }
    const [first, last] = [safeUint64(entry, 32), safeUint64(entry, 40)];
    const startByte = inBytes(first, copy.sectorBytes);
    const sizeBytes = first === null || last === null ? null : inBytes(last - first + 1, copy.sectorBytes);
    const wrong = outOfBounds(startByte, sizeBytes, disk);
    if (wrong !== null || startByte === null || sizeBytes === null) {
      findings.problem(
        'PARTITION_REFUSED',
        `Partition ${index + 1} of ${name} ${wrong ?? 'makes no sense'}.`,
        'It is passed over; check whether the image is complete.',
      );
      continue;
    }
    partitions.push({
      number: index + 1,
      type,
      name: cleanText(entry.subarray(56, 128), 'utf16le'),
      startByte,
      sizeBytes,
      bootable: (entry.readUInt8(48) & LEGACY_BOOTABLE) !== 0,
      extended: false,
    });
  }
  return partitions;
}

function inBytes(sectors: number | null, sectorBytes: number): number | null {
  if (sectors === null || !Number.isSafeInteger(sectors * sectorBytes)) return null;
  return sectors * sectorBytes;
}
