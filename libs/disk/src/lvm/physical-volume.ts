import { crc32 } from 'node:zlib';
import type { ByteReader } from '@landfall/domain';
import { readExactly, readHead, safeUint64 } from '../readers.js';

/*
 * A physical volume as LVM2 lays it out, from its start:
 *
 *   one of the first 4 sectors   label: "LABELONE", u64 its own sector, u32 CRC from byte 20 on, u32 offset of the
 *                                header (32), "LVM2 001"; then the header: 32 characters of UUID, u64 size of the device,
 *                                data areas (offset, size) … 0,0, metadata areas (offset, size) … 0,0
 *   metadata area (at 4096)      u32 CRC of bytes 4–511, magic at 4, u32 version 1 at 20, u64 start at 24, u64 size at 32;
 *                                at 40 { u64 offset of the text, u64 size, u32 CRC, u32 flags }
 *
 * The text lies in a ring: what reaches the end of the area goes on 512 bytes behind its start.
 * All CRCs are zlib's polynomial with initial value 0xf597a6cf and no final inversion.
 */
const SECTOR = 512;
const INITIAL_CRC = 0xf597a6cf;
const MDA_MAGIC = ' LVM2 x[5A%r0N*>';
const MDA_HEADER_BYTES = 512;
const MOST_AREAS = 16;
/** LVM's own area has 1 MiB, unless somebody asked for a larger one; a text of 4 MiB can be read within a second. */
const LARGEST_TEXT_BYTES = 4 * 1024 * 1024;
const IGNORED_FLAG = 1;

export interface PhysicalVolumeLabel {
  readonly uuid: string;
  readonly deviceBytes: number;
  readonly metadataAreas: readonly { readonly offset: number; readonly size: number }[];
}

/** CRC-32 as LVM counts it. */
export function lvmCrc(bytes: Buffer): number {
  // zlib inverts before and after; LVM does neither.
  return ~crc32(bytes, ~INITIAL_CRC >>> 0) >>> 0;
}

/** The label in the first 2 KiB of a region, with its checksum right; or null. */
export function findLabel(head: Buffer): PhysicalVolumeLabel | null {
  for (let sector = 0; sector < 4; sector += 1) {
    const bytes = head.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    if (bytes.length < SECTOR || bytes.toString('latin1', 0, 8) !== 'LABELONE') continue;
    if (bytes.toString('latin1', 24, 32) !== 'LVM2 001' || safeUint64(bytes, 8) !== sector) continue;
    if (lvmCrc(bytes.subarray(20)) !== bytes.readUInt32LE(16)) continue;
    const header = bytes.readUInt32LE(20);
    if (header > SECTOR - 56) continue;
    return readHeader(bytes.subarray(header));
  }
  return null;
}

function readHeader(header: Buffer): PhysicalVolumeLabel | null {
  const uuid = header.toString('latin1', 0, 32);
  const deviceBytes = safeUint64(header, 32);
  if (!/^[A-Za-z0-9!#]{32}$/.test(uuid) || deviceBytes === null) return null;
  const data = readAreas(header, 40);
  const metadata = data === null ? null : readAreas(header, data.end);
  if (metadata === null) return null;
  return { uuid: formatLvmUuid(uuid), deviceBytes, metadataAreas: metadata.areas };
}

function readAreas(header: Buffer, from: number): { areas: { offset: number; size: number }[]; end: number } | null {
  const areas: { offset: number; size: number }[] = [];
  for (let at = from; at + 16 <= header.length; at += 16) {
    const [offset, size] = [safeUint64(header, at), safeUint64(header, at + 8)];
    if (offset === null || size === null || areas.length > MOST_AREAS) return null;
    if (offset === 0) return { areas, end: at + 16 };
    areas.push({ offset, size });
  }
  return null;
}

/** `6-4-4-4-4-4-6`, as LVM prints it. */
export function formatLvmUuid(uuid: string): string {
  const cuts = [0, 6, 10, 14, 18, 22, 26, 32];
  return cuts
    .slice(0, -1)
    .map((from, index) => uuid.slice(from, cuts[index + 1]))
    .join('-');
}

export interface FoundPhysicalVolume extends PhysicalVolumeLabel {
  /** The group's description in LVM's own language; null when the volume carries none or belongs to no group. */
  readonly metadataText: string | null;
  /** Why a text that should be there can't be read. */
  readonly damage: string | null;
}

export async function readPhysicalVolume(reader: ByteReader): Promise<FoundPhysicalVolume | null> {
  const label = findLabel(await readHead(reader, 4 * SECTOR));
  if (label === null) return null;
  let damage: string | null = null;
  for (const area of label.metadataAreas) {
    const text = await readMetadata(reader, area);
    if (typeof text === 'string') return { ...label, metadataText: text, damage: null };
    damage ??= text.damage;
  }
  return { ...label, metadataText: null, damage };
}

async function readMetadata(
  reader: ByteReader,
  area: { offset: number; size: number },
): Promise<string | { damage: string | null }> {
  const header = await readExactly(reader, area.offset, MDA_HEADER_BYTES);
  if (header === null) return { damage: 'its metadata area lies outside of the volume' };
  if (header.toString('latin1', 4, 20) !== MDA_MAGIC) return { damage: 'its metadata area has no header' };
  if (lvmCrc(header.subarray(4)) !== header.readUInt32LE(0))
    return { damage: "its metadata header's checksum is wrong" };
  const areaBytes = safeUint64(header, 32);
  const [offset, size] = [safeUint64(header, 40), safeUint64(header, 48)];
  if (offset === 0 && size === 0) return { damage: null };
  if ((header.readUInt32LE(60) & IGNORED_FLAG) !== 0) return { damage: null };
  if (offset === null || size === null || areaBytes === null) return { damage: 'its metadata area makes no sense' };
  if (offset < MDA_HEADER_BYTES || offset >= areaBytes || size > areaBytes - MDA_HEADER_BYTES) {
    return { damage: 'its metadata lies outside of the metadata area' };
  }
  if (size > LARGEST_TEXT_BYTES) return { damage: `its metadata claims ${size} bytes` };
  const untilEnd = Math.min(size, areaBytes - offset);
  const first = await readExactly(reader, area.offset + offset, untilEnd);
  const wrapped = await readExactly(reader, area.offset + MDA_HEADER_BYTES, size - untilEnd);
  if (first === null || wrapped === null) return { damage: 'its metadata lies outside of the volume' };
  const text = Buffer.concat([first, wrapped]);
  if (lvmCrc(text) !== header.readUInt32LE(56)) return { damage: "its metadata's checksum is wrong" };
  return text.toString('utf8').replace(/\0+$/, '');
}
