import { createHash } from 'node:crypto';

/*
 * The footer of a fixed VHD: 512 bytes after the disk's contents, big-endian, as in the "Virtual Hard Disk Image
 * Format Specification" of Microsoft. An uploaded managed disk has to end in one.
 */
export const VHD_FOOTER_BYTES = 512;

const FIXED_DISK = 2;
const NO_DYNAMIC_HEADER = 0xffff_ffff_ffff_ffffn;
const SECTOR_BYTES = 512;

/**
 * @param sizeBytes of the contents, a multiple of 512
 * @param name makes the disk's unique ID, so that the same disk always gets the same footer
 */
export function vhdFooter(sizeBytes: number, name: string): Buffer {
  const footer = Buffer.alloc(VHD_FOOTER_BYTES);
  footer.write('conectix', 0, 'latin1');
  footer.writeUInt32BE(0x0000_0002, 8); // features: the bit that is always set
  footer.writeUInt32BE(0x0001_0000, 12); // format version 1.0
  footer.writeBigUInt64BE(NO_DYNAMIC_HEADER, 16);
  // 24: time stamp, left at the format's epoch so that the footer depends on nothing but the disk
  footer.write('ldfl', 28, 'latin1');
  footer.writeUInt32BE(0x0001_0000, 32);
  footer.write('Wi2k', 36, 'latin1'); // "creator host": the format knows Windows and Macintosh
  footer.writeBigUInt64BE(BigInt(sizeBytes), 40); // original size
  footer.writeBigUInt64BE(BigInt(sizeBytes), 48); // current size
  const { cylinders, heads, sectorsPerTrack } = geometry(sizeBytes);
  footer.writeUInt16BE(cylinders, 56);
  footer.writeUInt8(heads, 58);
  footer.writeUInt8(sectorsPerTrack, 59);
  footer.writeUInt32BE(FIXED_DISK, 60);
  createHash('sha256').update(name).digest().copy(footer, 68, 0, 16);
  footer.writeUInt32BE(checksum(footer), 64);
  return footer;
}

/** The ones' complement of the sum of all bytes but the checksum's own. */
function checksum(footer: Buffer): number {
  let sum = 0;
  footer.forEach((byte, index) => {
    if (index < 64 || index >= 68) sum += byte;
  });
  return ~sum >>> 0;
}

/** Cylinders, heads and sectors as the specification's appendix reckons them; capped at about 127 GiB. */
export function geometry(sizeBytes: number): { cylinders: number; heads: number; sectorsPerTrack: number } {
  const sectors = Math.min(Math.floor(sizeBytes / SECTOR_BYTES), 65_535 * 16 * 255);
  if (sectors >= 65_535 * 16 * 63) {
    return { cylinders: Math.floor(sectors / 255 / 16), heads: 16, sectorsPerTrack: 255 };
  }
  let sectorsPerTrack = 17;
  let cylinderTimesHeads = Math.floor(sectors / sectorsPerTrack);
  let heads = Math.max(4, Math.floor((cylinderTimesHeads + 1023) / 1024));
  if (cylinderTimesHeads >= heads * 1024 || heads > 16) {
    sectorsPerTrack = 31;
    heads = 16;
    cylinderTimesHeads = Math.floor(sectors / sectorsPerTrack);
  }
  if (cylinderTimesHeads >= heads * 1024) {
    sectorsPerTrack = 63;
    heads = 16;
    cylinderTimesHeads = Math.floor(sectors / sectorsPerTrack);
  }
  return { cylinders: Math.floor(cylinderTimesHeads / heads), heads, sectorsPerTrack };
}
