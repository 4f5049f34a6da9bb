import type { ByteReader } from '@landfall/domain';
import type { Content } from '../inspection.js';
import { readExactly, readHead } from '../readers.js';
import { probeBtrfs, probeExt, probeIso9660, probeSquashfs, probeXfs } from './unix-file-systems.js';
import { probeFat } from './fat.js';
import { probeNtfs } from './ntfs.js';
import { probeLuks, probeLvm, probeRaid, probeSwap, RAID_TAILS } from './containers.js';
import type { Region } from './region.js';

/*
 * What a region of a disk holds, told by its superblocks, in the words of `blkid`.
 *
 * One read of the head covers all but the RAID superblocks at the end and the labels that lie in directories. What
 * wraps something else comes first: a RAID member with its superblock at the end looks like its file system from the front.
 */

/** As far out as the superblock of btrfs: 64 KiB and 4 KiB of it. */
const HEAD_BYTES = 68 * 1024;

type Probe = (region: Region) => Content | null | Promise<Content | null>;

const PROBES: readonly Probe[] = [
  probeRaid,
  probeLvm,
  probeLuks,
  probeXfs,
  probeExt,
  probeBtrfs,
  probeSwap,
  probeSquashfs,
  probeIso9660,
  probeNtfs,
  probeFat,
];

export async function probeContent(reader: ByteReader): Promise<Content | null> {
  const head = await readHead(reader, HEAD_BYTES);
  const tails: { offset: number; bytes: Buffer }[] = [];
  for (const tail of RAID_TAILS) {
    const offset = tail(reader.sizeBytes);
    const bytes = await readExactly(reader, offset, 512);
    if (bytes !== null) tails.push({ offset, bytes });
  }
  for (const probe of PROBES) {
    const content = await probe({ reader, head, tails });
    if (content !== null) return content;
  }
  return null;
}
