import type { DamagedRangeView } from '@landfall/contract';
import { type ErrorDetails, type NotNamed, printable, type RangeHolds } from '@landfall/domain';
import { formatBytes } from './units.js';

/** What lies in what the backup could not give; or why nobody can tell. */
export type ToldDamage = readonly DamagedRangeView[] | ErrorDetails;

const HOLDS: Readonly<Record<RangeHolds, string>> = {
  'partition-table': 'the partition table',
  unpartitioned: 'no partition; boot loaders may lie there',
  structures: "the file system's own lists and journal",
  files: 'files',
  free: 'free space',
  'volume-group': "the volume group's own, or volumes that are not read",
  swap: 'swap space',
  unknown: 'it is not known what',
};

const NOT_NAMED: Readonly<Record<NotNamed, (content: string | null) => string>> = {
  'not-read': (content) =>
    `The files can't be named: ${content ?? 'this file system'}, as it is here, is not read yet.`,
  closed: () => "The files can't be named: it is encrypted, or spread over several disks.",
  unknown: () => 'No file system was found there.',
  damaged: () => 'Not all files can be named: what would tell is damaged as well.',
  'too-much': () => 'Not all files can be named: it would take too long to find them.',
};

/** Indented as what stands below an error is. */
export function damageText(damage: ToldDamage): string {
  if (!isList(damage)) {
    const { code, message, fix } = damage;
    return lines(2, 'Which files lie there could not be found out:', `  ${code}: ${message}`, `    ${fix}`);
  }
  if (damage.length === 0)
    return lines(2, 'Which part of a disk is damaged is not known, and so no file can be named.');
  return lines(2, 'What lies there:', ...damage.flatMap((range) => rangeLines(range).map((line) => `  ${line}`)));
}

function rangeLines({ disk, exact, offset, length, parts, moreParts }: DamagedRangeView): readonly string[] {
  const where = exact ? 'bytes' : 'somewhere in bytes';
  return [
    `disk "${printable(disk)}", ${where} ${offset} to ${offset + length} (${formatBytes(length)})`,
    ...parts.flatMap((part) => partLines(part).map((line) => `  ${line}`)),
    ...(moreParts > 0 ? [`  and ${moreParts} more parts of the disk`] : []),
  ];
}

function partLines(part: DamagedRangeView['parts'][number]): readonly string[] {
  const { partition, logicalVolume, content, holds, files, moreFiles, notNamed } = part;
  const place = [
    partition === null
      ? null
      : `partition ${partition.number}${partition.typeName === null ? '' : ` (${partition.typeName})`}`,
    logicalVolume === null ? null : `logical volume ${printable(logicalVolume)}`,
    content,
  ].filter((word) => word !== null);
  const what = holds.map((word) => HOLDS[word] ?? word).join(', ');
  return [
    place.length === 0 ? what : `${place.join(', ')}: ${what}`,
    // A name may hold line breaks, and then would look like a line of ours.
    ...files.map((name) => `  ${printable(name)}`),
    ...(moreFiles > 0 && files.length > 0 ? [`  and ${moreFiles} more`] : []),
    ...(notNamed === null ? [] : [`  ${(NOT_NAMED[notNamed] ?? NOT_NAMED.unknown)(content)}`]),
  ];
}

function isList(damage: ToldDamage): damage is readonly DamagedRangeView[] {
  return Array.isArray(damage);
}

function lines(indent: number, ...all: readonly string[]): string {
  return all.map((line) => `${' '.repeat(indent)}${line}`).join('\n');
}
