import { crc32 } from 'node:zlib';
import type { SparseImage } from '@landfall/testing';

/* Checksums of a GPT and of LVM, set to what they have to be after a change; written from the formats' descriptions. */
const SECTOR = 512;
const MOST_ARRAY_BYTES = 1024 * 1024;

/** Both copies, where they can be made out. */
export function signGpt(disk: SparseImage): SparseImage {
  for (const sector of [1, Math.floor(disk.sizeBytes / SECTOR) - 1]) {
    if (sector < 1 || (sector + 1) * SECTOR > disk.sizeBytes) continue;
    const header = disk.peek(sector * SECTOR, SECTOR);
    const headerBytes = header.readUInt32LE(12);
    const array = Number(header.readBigUInt64LE(72)) * SECTOR;
    const arrayBytes = header.readUInt32LE(80) * header.readUInt32LE(84);
    if (arrayBytes <= MOST_ARRAY_BYTES && array + arrayBytes <= disk.sizeBytes) {
      header.writeUInt32LE(crc32(disk.peek(array, arrayBytes)), 88);
    }
    if (headerBytes <= SECTOR) {
      header.writeUInt32LE(0, 16);
      header.writeUInt32LE(crc32(header.subarray(0, headerBytes)), 16);
    }
    disk.write(sector * SECTOR, header);
  }
  return disk;
}

const METADATA_AREA = 4096;
const AREA_HEADER_BYTES = 512;
const LABEL_SECTOR = 1;

/** Of the label and of the metadata's header; the text's own stays. */
export function signPhysicalVolume(disk: SparseImage): SparseImage {
  if (disk.sizeBytes < METADATA_AREA + AREA_HEADER_BYTES) return disk;
  const label = disk.peek(LABEL_SECTOR * SECTOR, SECTOR);
  label.writeUInt32LE(lvmCrc(label.subarray(20)), 16);
  const header = disk.peek(METADATA_AREA, AREA_HEADER_BYTES);
  header.writeUInt32LE(lvmCrc(header.subarray(4)), 0);
  return disk.write(LABEL_SECTOR * SECTOR, label).write(METADATA_AREA, header);
}

/** The text of the metadata on a physical volume. */
export function textOf(disk: SparseImage): Buffer {
  const header = disk.peek(METADATA_AREA, AREA_HEADER_BYTES);
  return disk
    .peek(METADATA_AREA + Number(header.readBigUInt64LE(40)), Number(header.readBigUInt64LE(48)))
    .subarray(0, -1);
}

/** The volume with another text, at the start of a metadata area that has room for it. */
export function withText(disk: SparseImage, text: Buffer): SparseImage {
  const changed = disk.copy();
  const header = disk.peek(METADATA_AREA, AREA_HEADER_BYTES);
  header.writeBigUInt64LE(BigInt(changed.sizeBytes - METADATA_AREA), 32);
  header.writeBigUInt64LE(BigInt(AREA_HEADER_BYTES), 40);
  header.writeBigUInt64LE(BigInt(text.length), 48);
  header.writeUInt32LE(lvmCrc(text), 56);
  header.writeUInt32LE(lvmCrc(header.subarray(4)), 0);
  return changed.write(METADATA_AREA, header).write(METADATA_AREA + AREA_HEADER_BYTES, text);
}

/** zlib's polynomial with another initial value, and without the inversion before and after. */
function lvmCrc(bytes: Buffer): number {
  return ~crc32(bytes, ~0xf597a6cf >>> 0) >>> 0;
}
