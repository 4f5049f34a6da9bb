import type { Content } from '../inspection.js';
import { cleanText, uuidText } from '../text.js';
import { hasText, type Region } from './region.js';

const NOTHING_KNOWN = { version: null, label: null, uuid: null } as const;

/*
 * ext2, ext3 and ext4 share one superblock (at 1024). Which one it is shows in its features, the way libblkid tells:
 * ext4 has one that ext3 does not know; else with a journal it is ext3, without ext2.
 */
const EXT3_RO_COMPAT = 0x1 | 0x2 | 0x4; // sparse_super, large_file, btree_dir
const EXT3_INCOMPAT = 0x2 | 0x4 | 0x10; // filetype, recover, meta_bg
const COMPAT_HAS_JOURNAL = 0x4;
const INCOMPAT_JOURNAL_DEVICE = 0x8;

export function probeExt({ head }: Region): Content | null {
  if (head.length < 2048 || head.readUInt16LE(1024 + 0x38) !== 0xef53) return null;
  const superblock = head.subarray(1024, 2048);
  const [compat, incompat, roCompat] = [0x5c, 0x60, 0x64].map((at) => superblock.readUInt32LE(at)) as [
    number,
    number,
    number,
  ];
  // The magic is two bytes only: the block size has to make sense as well (at most 64 KiB).
  if (superblock.readUInt32LE(0x18) > 6) return null;
  const knownToExt3 = (roCompat & ~EXT3_RO_COMPAT) === 0 && (incompat & ~EXT3_INCOMPAT) === 0;
  const type =
    (incompat & INCOMPAT_JOURNAL_DEVICE) !== 0
      ? 'jbd'
      : !knownToExt3
        ? 'ext4'
        : (compat & COMPAT_HAS_JOURNAL) !== 0
          ? 'ext3'
          : 'ext2';
  return {
    type,
    version: `${superblock.readUInt32LE(0x4c)}.${superblock.readUInt16LE(0x3e)}`,
    label: cleanText(superblock.subarray(0x78, 0x88)),
    uuid: uuidText(superblock.subarray(0x68, 0x78)),
  };
}

export function probeXfs({ head }: Region): Content | null {
  if (head.length < 512 || !hasText(head, 0, 'XFSB')) return null;
  // Block size: a power of two from 512 to 64 KiB.
  const blockBytes = head.readUInt32BE(4);
  if (blockBytes < 512 || blockBytes > 65_536 || (blockBytes & (blockBytes - 1)) !== 0) return null;
  return {
    type: 'xfs',
    ...NOTHING_KNOWN,
    label: cleanText(head.subarray(108, 120)),
    uuid: uuidText(head.subarray(32, 48)),
  };
}

export function probeBtrfs({ head }: Region): Content | null {
  const at = 64 * 1024;
  if (!hasText(head, at + 64, '_BHRfS_M') || head.length < at + 0x12b + 256) return null;
  return {
    type: 'btrfs',
    ...NOTHING_KNOWN,
    label: cleanText(head.subarray(at + 0x12b, at + 0x12b + 256)),
    uuid: uuidText(head.subarray(at + 32, at + 48)),
  };
}

/** Of a btrfs: which one of how many devices this is, as its superblock says. */
export function btrfsDevice(head: Buffer): { readonly device: bigint; readonly devices: number } {
  const at = 64 * 1024;
  return { device: head.readBigUInt64LE(at + 0xc9), devices: Number(head.readBigUInt64LE(at + 0x88)) };
}

export function probeSquashfs({ head }: Region): Content | null {
  if (head.length < 96 || !hasText(head, 0, 'hsqs')) return null;
  const [major, minor] = [head.readUInt16LE(28), head.readUInt16LE(30)];
  if (major < 3) return null;
  return { type: 'squashfs', ...NOTHING_KNOWN, version: `${major}.${minor}` };
}

/** The UUID is the time of the last change, as `blkid` prints it: `2026-02-01-10-00-00-00`. */
export function probeIso9660({ head }: Region): Content | null {
  const at = 32 * 1024;
  if (!hasText(head, at, '\x01CD001\x01') || head.length < at + 2048) return null;
  const text = (from: number, to: number): string => head.toString('latin1', at + from, at + to);
  const time = [text(830, 846), text(813, 829)].find((digits) => /^\d{16}$/.test(digits) && !/^0+$/.test(digits));
  const uuid = time?.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3-$4-$5-$6-$7') ?? null;
  return { type: 'iso9660', ...NOTHING_KNOWN, label: cleanText(head.subarray(at + 40, at + 72), 'latin1'), uuid };
}
