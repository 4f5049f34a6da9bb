import type { ByteReader, OperatingSystem } from '@landfall/domain';
import { ExtUnreadable } from '../file-systems/ext-layout.js';
import { ExtFileSystem } from '../file-systems/ext.js';
import { readExactly } from '../readers.js';
import { cleanText } from '../text.js';
import type { BootEvidence, Content } from '../inspection.js';
import type { Findings } from '../findings.js';

/*
 * Which system is on the disks.
 *
 *  1. A file system with os-release names it.
 *  2. Else the boot loader gives the family away: Microsoft's on the ESP, or an NTFS volume with Windows' own boot code
 *     on a disk that boots; a boot loader beside a Linux file system, swap or LVM is Linux.
 *  3. Else it is unknown: a disk with files on it is not yet a system.
 */
const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];
const LONGEST_NAME = 120;
const LINUX_CONTENTS = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'swap', 'LVM2_member', 'linux_raid_member']);

export interface Place {
  readonly description: string;
  readonly reader: ByteReader;
  readonly content: Content;
}

export async function findOperatingSystem(
  places: readonly Place[],
  bootEvidence: readonly BootEvidence[],
  vendors: readonly string[],
  findings: Findings,
): Promise<OperatingSystem | null> {
  for (const place of places) {
    const name = /^ext[234]$/.test(place.content.type) ? await readOsRelease(place, findings) : null;
    if (name !== null) return { family: 'linux', name };
  }
  if (bootEvidence.length === 0) return null;
  if (vendors.some((vendor) => vendor.toLowerCase() === 'microsoft')) return { family: 'windows' };
  if (places.some((place) => LINUX_CONTENTS.has(place.content.type))) return { family: 'linux' };
  for (const place of places)
    if (place.content.type === 'ntfs' && (await bootsWindows(place.reader))) return { family: 'windows' };
  return null;
}

async function readOsRelease(place: Place, findings: Findings): Promise<string | null> {
  try {
    const fileSystem = await ExtFileSystem.open(place.reader);
    for (const path of OS_RELEASE) {
      const bytes = await fileSystem.readFile(path);
      if (bytes !== null) return nameIn(bytes.toString('utf8'));
    }
    return null;
  } catch (error) {
    if (!(error instanceof ExtUnreadable)) throw error;
    findings.problem(
      'FILE_SYSTEM_DAMAGED',
      `The ${place.content.type} file system on ${place.description} can't be looked into: ${error.message}.`,
      'It is restored as it is; check it with e2fsck afterwards.',
    );
    return null;
  }
}

/** os-release(5): lines of `NAME=value`, the value perhaps in quotes. */
function nameIn(text: string): string | null {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^([A-Z_0-9]+)=(.*)$/.exec(line.trim()) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value.replace(/^(["'])(.*)\1$/, '$2'));
  }
  const name = values.get('PRETTY_NAME') ?? values.get('NAME') ?? 'Linux';
  return cleanText(Buffer.from(name.slice(0, LONGEST_NAME)));
}

/** Windows' boot code on an NTFS volume looks for a file of this name. */
async function bootsWindows(volume: ByteReader): Promise<boolean> {
  const start = await readExactly(volume, 0, 8192);
  return start !== null && (start.includes('BOOTMGR') || start.includes('B\0O\0O\0T\0M\0G\0R\0', 0, 'latin1'));
}
