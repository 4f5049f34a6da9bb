import type { ByteReader } from '@landfall/domain';
import type { Content, ContentState } from '../inspection.js';
import { readExactly, readHead } from '../readers.js';
import { probeBtrfs, probeExt, probeIso9660, probeSquashfs, probeXfs } from './unix-file-systems.js';
import { probeFat } from './fat.js';
import { probeNtfs } from './ntfs.js';
import { probeLuks, probeLvm, probeRaid, probeSwap, RAID_TAILS } from './containers.js';
import type { Region } from './region.js';
import { probeBitLocker, probeStorageSpaces } from './windows-volumes.js';

/*
 * What a region of a disk holds, told by its superblocks, in the words of `blkid`.
 *
 * One read of the head covers all but the RAID superblocks at the end and the labels that lie in directories. What
 * wraps something else comes first: a RAID member with its superblock at the end looks like its file system from the front.
 */

/** As far out as the superblock of btrfs: 64 KiB and 4 KiB of it. */
const HEAD_BYTES = 68 * 1024;

type Probe = (region: Region) => Content | null | Promise<Content | null>;

/** All but RAID: what may lie in a member whose data begin where it begins. */
const PROBES: readonly Probe[] = [
  probeStorageSpaces,
  probeBitLocker,
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
  return probeRaid({ reader, head, tails }) ?? probeEach({ reader, head, tails });
}

/** What is in a RAID member with its superblock at the end: its data begin where it begins, and firmware sees no RAID. */
export async function probeInner(reader: ByteReader, content: Content): Promise<Content | null> {
  if (content.type !== 'linux_raid_member' || !/^(1\.0|0\.90)/.test(content.version ?? '')) return null;
  return probeEach({ reader, head: await readHead(reader, HEAD_BYTES), tails: [] });
}

/** Places all over a region at which an empty one has nothing but zeros. */
const SAMPLES = 16;
const SAMPLE_BYTES = 4096;

/** Of a region in which nothing was found, or something. */
export async function stateOf(reader: ByteReader, content: Content | null): Promise<ContentState> {
  if (content !== null) return CLOSED.has(content.type) ? 'closed' : 'known';
  const head = await readHead(reader, HEAD_BYTES);
  if (head.some((byte) => byte !== 0)) return 'unknown';
  for (let sample = 1; sample <= SAMPLES; sample += 1) {
    const at = Math.floor(((reader.sizeBytes - SAMPLE_BYTES) * sample) / SAMPLES / SAMPLE_BYTES) * SAMPLE_BYTES;
    const bytes = at > 0 ? await readExactly(reader, at, SAMPLE_BYTES) : null;
    if (bytes?.some((byte) => byte !== 0) === true) return 'unknown';
  }
  return 'empty';
}

/** Known by name, and nothing of what they hold. */
const CLOSED = new Set(['crypto_LUKS', 'BitLocker', 'LDM', 'StorageSpaces']);

async function probeEach(region: Region): Promise<Content | null> {
  for (const probe of PROBES) {
    const content = await probe(region);
    if (content !== null) return content;
  }
  return null;
}
