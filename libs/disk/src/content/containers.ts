import type { ByteReader } from '@landfall/domain';
import type { Content } from '../inspection.js';
import { findLabel } from '../lvm/physical-volume.js';
import { readExactly } from '../readers.js';
import { cleanText, uuidText } from '../text.js';
import { hasText, type Region } from './region.js';

/* What holds or stretches other contents: RAID members, physical volumes, encrypted volumes; and swap. */

const MD_MAGIC = 0xa92b4efc;

/** Where Linux RAID keeps a superblock near the end of a member of this size: formats 1.0 and 0.90. */
export const RAID_TAILS: readonly ((sizeBytes: number) => number)[] = [
  (sizeBytes) => Math.floor((Math.floor(sizeBytes / 512) - 16) / 8) * 8 * 512,
  (sizeBytes) => Math.floor(sizeBytes / 65_536) * 65_536 - 65_536,
];

export function probeRaid({ head, tails }: Region): Content | null {
  return (
    raidVersion1(head.subarray(0, 512), '1.1') ??
    raidVersion1(head.subarray(4096, 4608), '1.2') ??
    tails.map(({ bytes }) => raidVersion1(bytes, '1.0') ?? raidVersion090(bytes)).find((found) => found !== null) ??
    null
  );
}

function raidVersion1(superblock: Buffer, version: string): Content | null {
  if (superblock.length < 256 || superblock.readUInt32LE(0) !== MD_MAGIC || superblock.readUInt32LE(4) !== 1)
    return null;
  return {
    type: 'linux_raid_member',
    version,
    label: cleanText(superblock.subarray(32, 64)),
    uuid: uuidText(superblock.subarray(16, 32)),
  };
}

function raidVersion090(superblock: Buffer): Content | null {
  if (superblock.length < 256 || superblock.readUInt32LE(0) !== MD_MAGIC || superblock.readUInt32LE(4) !== 0)
    return null;
  // The four words of the UUID are in the machine's byte order, and not next to each other.
  const uuid = Buffer.alloc(16);
  [20, 52, 56, 60].forEach((from, index) => superblock.copy(uuid, index * 4, from, from + 4));
  return {
    type: 'linux_raid_member',
    version: `0.${superblock.readUInt32LE(8)}.${superblock.readUInt32LE(12)}`,
    label: null,
    uuid: uuidText(uuid),
  };
}

/**
 * Which member this is, and how many the array can't do without; null where its superblock is not where its version says.
 * Format 1: level at 72, disks at 92, its own number at 160; 0.90: level at 28, disks at 40, its own number at 3980
 * (linux/raid/md_p.h).
 */
export async function raidShape(
  reader: ByteReader,
  version: string | null,
): Promise<{ readonly device: number; readonly needed: number } | null> {
  const isFormat1 = version !== null && /^1\.[012]/.test(version);
  const at = version === '1.1' ? 0 : version === '1.2' ? 4096 : RAID_TAILS[isFormat1 ? 0 : 1]!(reader.sizeBytes);
  const superblock = await readExactly(reader, at, isFormat1 ? 512 : 4096);
  if (superblock === null || superblock.readUInt32LE(0) !== MD_MAGIC) return null;
  const [level, disks, device] = isFormat1
    ? [superblock.readInt32LE(72), superblock.readUInt32LE(92), superblock.readUInt32LE(160)]
    : [superblock.readInt32LE(28), superblock.readUInt32LE(40), superblock.readUInt32LE(3980)];
  return { device, needed: Math.max(1, disks - spareOf(level, disks)) };
}

/** Members that may be missing. */
function spareOf(level: number, disks: number): number {
  if (level === 1) return disks - 1;
  if (level === 4 || level === 5) return 1;
  if (level === 6) return 2;
  return level === 10 ? Math.floor(disks / 2) : 0;
}

export function probeLvm({ head }: Region): Content | null {
  const label = findLabel(head);
  return label === null ? null : { type: 'LVM2_member', version: 'LVM2 001', label: null, uuid: label.uuid };
}

/** Where LUKS2 keeps its second header, as far out as superblocks are looked for: the first may have been overwritten. */
const LUKS2_SECOND_HEADERS = [16_384, 32_768];

export function probeLuks({ head }: Region): Content | null {
  const at = hasText(head, 0, 'LUKS\xba\xbe')
    ? 0
    : LUKS2_SECOND_HEADERS.find((one) => hasText(head, one, 'SKUL\xba\xbe'));
  if (at === undefined || head.length < at + 592) return null;
  return readLuks(head.subarray(at));
}

function readLuks(head: Buffer): Content {
  const version = head.readUInt16BE(6);
  return {
    type: 'crypto_LUKS',
    version: String(version),
    label: version === 2 ? cleanText(head.subarray(24, 72)) : null,
    uuid: cleanText(head.subarray(168, 208)),
  };
}

/** The signature is at the end of the first page of the machine that made it. */
const PAGE_SIZES = [4096, 8192, 16_384, 32_768, 65_536];

export function probeSwap({ head }: Region): Content | null {
  for (const page of PAGE_SIZES) {
    if (hasText(head, page - 10, 'SWAP-SPACE')) return { type: 'swap', version: '0', label: null, uuid: null };
    const suspended = hasText(head, page - 10, 'S1SUSPEND') || hasText(head, page - 10, 'S2SUSPEND');
    if (!suspended && !hasText(head, page - 10, 'SWAPSPACE2')) continue;
    return {
      type: suspended ? 'swsuspend' : 'swap',
      version: suspended ? head.toString('latin1', page - 10, page - 1).toLowerCase() : '1',
      label: cleanText(head.subarray(1052, 1068)),
      uuid: uuidText(head.subarray(1036, 1052)),
    };
  }
  return null;
}
