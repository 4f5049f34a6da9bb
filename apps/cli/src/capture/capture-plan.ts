import { randomUUID } from 'node:crypto';
import { basename, resolve } from 'node:path';
import type { Inspection } from '@landfall/disk';
import { BadInputError } from '@landfall/domain';
import { pointTags } from '@landfall/repository/manifest';
import type { CaptureOptions } from './capture-options.js';
import type { LeftOut } from './disk-input.js';

/** What is going to be stored, and how `machine.json` will describe it. */
export interface CapturePlan {
  /** Joins the snapshots of one capture to a restore point. */
  readonly pointId: string;
  readonly tags: readonly string[];
  readonly machine: string;
  readonly level: 'computer' | 'volume';
  readonly disks: readonly PlannedInput[];
}

export interface PlannedInput {
  readonly path: string;
  readonly name: string;
  /** In the repository. */
  readonly fileName: string;
  /** For level volume: the numbers of the partitions that are kept. */
  readonly volumes: readonly number[] | null;
  readonly leftOut: readonly LeftOut[];
}

/** Partition types of MBR's extended partitions, which hold other partitions and nothing of their own. */
const EXTENDED = ['5', 'f', '85'];

/**
 * @param inspection of the disks of `diskPaths(options)`, in that order
 * @throws BadInputError `VOLUME_NOT_FOUND`, `MACHINE_NAME_INVALID`
 */
export function planCapture(options: CaptureOptions, inspection: Inspection): CapturePlan {
  const machine = (options.machine ?? '').trim();
  if (machine === '' || machine.length > 255 || /\p{Cc}/u.test(machine)) {
    throw new BadInputError({
      code: 'MACHINE_NAME_INVALID',
      message: 'The name of the machine is empty, longer than 255 characters, or holds control characters.',
      fix: 'Give its name with --machine, such as its host name.',
    });
  }
  const wanted = wantedVolumes(options);
  const names = new Set<string>();
  const disks = diskPaths(options).map((path, index) => {
    const name = uniqueName(path, names);
    const volumes = options.level === 'volume' ? (wanted.get(resolve(path)) ?? []) : null;
    const leftOut = volumes === null ? [] : partitionsWithout(path, volumes, inspection.disks[index]);
    return { path, name, fileName: `${name}.raw`, volumes, leftOut };
  });
  const pointId = randomUUID();
  return { pointId, tags: pointTags(pointId), machine, level: options.level, disks };
}

/**
 * The disks in their order, the OS disk first.
 * @throws BadInputError `DISK_MISSING`, `DISK_TWICE`, `VOLUME_INVALID`, `CONTRADICTION`
 */
export function diskPaths(options: CaptureOptions): readonly string[] {
  const wanted = wantedVolumes(options);
  const paths = options.disk ?? [...new Set((options.volume ?? []).map((volume) => volumeOf(volume).path))];
  if (paths.length === 0) {
    throw new BadInputError({
      code: 'DISK_MISSING',
      message: 'No disk was named.',
      fix: 'Name each with --disk, the OS disk first; for --level volume, partitions with --volume PATH:N.',
    });
  }
  const absolute = paths.map((path) => resolve(path));
  const twice = paths.find((_, index) => absolute.indexOf(absolute[index]!) !== index);
  if (twice !== undefined) {
    throw diskTwice(`the disk ${twice} was named twice`);
  }
  for (const path of wanted.keys()) {
    if (absolute.includes(path)) continue;
    throw new BadInputError({
      code: 'CONTRADICTION',
      message: `--volume names the disk ${path}, and --disk does not.`,
      fix: 'Name it with --disk too, or leave out all --disk.',
    });
  }
  return paths;
}

export function diskTwice(what: string): BadInputError {
  const message = `${what.charAt(0).toUpperCase()}${what.slice(1)}.`;
  return new BadInputError({ code: 'DISK_TWICE', message, fix: 'Name each disk once.' });
}

function wantedVolumes({ level, volume = [] }: CaptureOptions): Map<string, number[]> {
  if ((level === 'volume') !== volume.length > 0) {
    throw new BadInputError({
      code: 'CONTRADICTION',
      message: level === 'volume' ? '--level volume needs --volume.' : '--volume needs --level volume.',
      fix: 'Give both, or neither to capture whole disks.',
    });
  }
  const byPath = new Map<string, number[]>();
  for (const { path, number } of volume.map(volumeOf)) {
    byPath.set(resolve(path), [...(byPath.get(resolve(path)) ?? []), number]);
  }
  return byPath;
}

function volumeOf(text: string): { path: string; number: number } {
  const match = /^(.+):(\d{1,3})$/.exec(text);
  if (match !== null) return { path: match[1]!, number: Number(match[2]) };
  throw new BadInputError({
    code: 'VOLUME_INVALID',
    message: `--volume ${text} is not PATH:N.`,
    fix: 'Give the disk and the number of the partition, such as /dev/sda:1; "./landfall inspect" shows the numbers.',
  });
}

/** What is not kept is stored as zeros; the partition table always is. */
function partitionsWithout(
  path: string,
  volumes: readonly number[],
  disk: Inspection['disks'][number] | undefined,
): readonly LeftOut[] {
  const partitions = disk?.partitions ?? [];
  const missing = volumes.find((number) => !partitions.some((partition) => partition.number === number));
  if (missing !== undefined) {
    const there = partitions.map((partition) => partition.number).join(', ') || 'none';
    throw new BadInputError({
      code: 'VOLUME_NOT_FOUND',
      message: `The disk ${path} has no partition ${missing}; there are: ${there}.`,
      fix: '"./landfall inspect" shows what is on the disk.',
    });
  }
  return partitions
    .filter(({ number, type }) => !volumes.includes(number) && !EXTENDED.includes(type.toLowerCase()))
    .map(({ startByte, sizeBytes }) => ({ startByte, sizeBytes }));
}

function uniqueName(path: string, taken: Set<string>): string {
  const base =
    basename(path)
      .replace(/\.(raw|img|bin|dd)$/i, '')
      .replace(/[^A-Za-z0-9._-]+/g, '-') || 'disk';
  let name = base;
  for (let count = 2; taken.has(name.toLowerCase()); count += 1) name = `${base}-${count}`;
  taken.add(name.toLowerCase());
  return name;
}
