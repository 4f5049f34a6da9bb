import type { Content } from '../inspection.js';
import { findLabel } from '../lvm/physical-volume.js';
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

export function probeLvm({ head }: Region): Content | null {
  const label = findLabel(head);
  return label === null ? null : { type: 'LVM2_member', version: 'LVM2 001', label: null, uuid: label.uuid };
}

export function probeLuks({ head }: Region): Content | null {
  if (head.length < 592 || !hasText(head, 0, 'LUKS\xba\xbe')) return null;
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
