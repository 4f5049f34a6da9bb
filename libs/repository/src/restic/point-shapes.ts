import { type DiscoveredPoint, type PointDisk, printable, type Problem } from '@landfall/domain';
import type { MachineManifest } from '../manifest.js';
import { imageLocation } from './image-location.js';
import type { FoundFile, SearchResult } from './image-search.js';
import { originOf } from './origin.js';
import type { Snapshot } from './snapshots.js';

/* How a restore point is put together from what was found: with a manifest, without one, and with one that can't be used. */

export interface PointFile extends FoundFile {
  readonly snapshot: Snapshot;
}

export interface PointParts {
  readonly reference: string;
  /** The one whose host and time count. */
  readonly snapshot: Snapshot;
  /** The disk images; with a manifest, every file that it could mean. */
  readonly files: readonly PointFile[];
}

const IMAGE_ENDING = /\.(?:raw|img|image|bin|dd|disk)$/i;
/** `disk2` before `disk10`. */
const NATURAL = new Intl.Collator('en', { numeric: true });

/** A point that is known by its images alone. */
export function plainPoint(parts: PointParts, found: Pick<SearchResult, 'complete' | 'manifests'>): DiscoveredPoint {
  const { reference, snapshot, files } = parts;
  const disks = disksOf(files);
  const host = printable(snapshot.hostname);
  const problems: Problem[] = [];
  if (!found.complete) {
    problems.push(
      warning(
        `Snapshot ${reference} holds so many files that not all were looked at; a disk image may be missing here.`,
        'Back up the disk images in a snapshot of their own.',
      ),
    );
  }
  if (disks.length > 0 && found.manifests.length > 0) {
    problems.push(
      warning(
        `Snapshot ${reference} has disk images in several folders, so no machine.json was taken to describe them.`,
        'Back up one machine a snapshot, its images beside its machine.json.',
      ),
    );
  }
  return {
    reference,
    machineKey: `host:${host}:${snapshot.paths.toSorted().join(',')}`,
    machineName: (disks.length === 1 ? disks[0]?.name : host) || host || reference.slice(0, 8),
    aliases: host === '' ? [] : [host],
    takenAt: snapshot.takenAt,
    kind: 'image',
    level: disks.length > 0 ? 'computer' : 'file',
    disks,
    hasManifest: false,
    problems,
  };
}

/**
 * Machines that only their images name, and whose images are all called the same: they get host and path for a name, so
 * that nobody restores the one for the other. The name that they share still finds them.
 */
export function withNamesApart(points: readonly DiscoveredPoint[]): DiscoveredPoint[] {
  const keys = new Map<string, Set<string>>();
  for (const { machineName, machineKey, disks } of points) {
    if (disks.length === 0) continue;
    keys.set(lookOf(machineName), (keys.get(lookOf(machineName)) ?? new Set()).add(machineKey));
  }
  return points.map((point) => {
    const origin = point.disks[0]?.origin;
    if (point.hasManifest || origin === undefined || keys.get(lookOf(point.machineName))?.size === 1) return point;
    const place = point.disks.length === 1 ? origin.path : origin.path.replace(/[/\\][^/\\]*$/, '');
    return {
      ...point,
      machineName: `${origin.host}:${place}`,
      aliases: [...new Set([...point.aliases, point.machineName])],
    };
  });
}

/** Alike for names that nobody can tell apart: Unicode may write one letter in several ways. */
function lookOf(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** A point that its manifest describes. What the manifest says and the files do not bear out becomes a problem. */
export function manifestPoint(parts: PointParts, manifest: MachineManifest): DiscoveredPoint {
  const { reference, snapshot, files } = parts;
  const problems: Problem[] = [];
  const disks: PointDisk[] = [];
  for (const described of manifest.disks) {
    const file = files.find((candidate) => candidate.name === described.file);
    if (file === undefined) {
      problems.push(
        error(
          'CHAIN_BROKEN',
          `The manifest of ${reference} names the disk ${printable(described.file)}, which is not in the backup.`,
          'Capture the machine again, or restore an older point.',
        ),
      );
      continue;
    }
    if (typeof described.sizeBytes === 'number' && described.sizeBytes !== file.sizeBytes) {
      problems.push(
        error(
          'CONTRADICTION',
          `The manifest of ${reference} gives the disk ${printable(described.file)} ${described.sizeBytes} bytes, and the backup holds ${file.sizeBytes}.`,
          'Capture the machine again: the backup of this disk is not whole.',
        ),
      );
    }
    disks.push({
      name: printable(described.name ?? baseName(described.file)),
      location: imageLocation(file.snapshot, file.path),
      sizeBytes: file.sizeBytes,
      origin: originOf(file.snapshot, file.path),
      ...given('role', described.role),
      ...given('lun', described.lun),
      ...given('sku', described.sku),
      ...given('caching', described.caching),
      ...given('volumes', described.volumes),
    });
  }
  for (const what of manifest.notOneState ?? []) {
    problems.push({
      severity: 'warning',
      code: 'NOT_ONE_STATE',
      message: `The machine ran when ${reference} was captured, disk after disk, and ${printable(what)} lies on several of them: it may not be consistent.`,
      fix: 'Check its file systems after the restore, or restore a point that was captured with --stop.',
    });
  }
  const names = new Set(disks.map((disk) => disk.name));
  if (names.size < disks.length) {
    problems.push(
      error(
        'CONTRADICTION',
        `The manifest of ${reference} gives two disks the same name.`,
        'Give each disk a name of its own and capture the machine again.',
      ),
    );
  }
  const host = printable(snapshot.hostname);
  const machineName = printable(manifest.name);
  const vmId = manifest.azure?.['vmId'];
  return {
    reference,
    machineKey: typeof vmId === 'string' && vmId !== '' ? `vm:${vmId}` : `machine:${machineName}`,
    machineName,
    aliases: host === '' || host === machineName ? [] : [host],
    takenAt: typeof manifest.takenAt === 'string' ? new Date(manifest.takenAt) : snapshot.takenAt,
    kind: manifest.kind,
    level: manifest.level,
    ...(manifest.os ? { os: { family: manifest.os.family, ...given('name', manifest.os.name) } } : {}),
    ...given('firmware', manifest.firmware),
    disks: unique(disks),
    ...given('azure', manifest.azure && withoutOwnersData(manifest.azure)),
    hasManifest: true,
    problems,
  };
}

/** A point whose manifest is there and can't be used: listed with what is known without it, and refused later. */
export function unusableManifestPoint(parts: PointParts, why: string): DiscoveredPoint {
  const images = parts.files.filter((file) => IMAGE_ENDING.test(file.name));
  const plain = plainPoint({ ...parts, files: images }, { complete: true, manifests: [] });
  const host = printable(parts.snapshot.hostname);
  return {
    ...plain,
    machineName: host || plain.machineName,
    machineKey: `machine:${host || parts.reference}`,
    kind: 'computer',
    level: 'computer',
    hasManifest: true,
    problems: [
      error(
        'POINT_UNSUPPORTED',
        `The manifest machine.json of ${parts.reference} can't be used: ${printable(why)}.`,
        'Capture the machine again, or back up its disk images without a machine.json.',
      ),
    ],
  };
}

/** Disks in natural order of their paths, with names that differ. */
function disksOf(files: readonly PointFile[]): PointDisk[] {
  const ordered = files.toSorted((left, right) => {
    const [a, b] = [left.path.join('/'), right.path.join('/')];
    return NATURAL.compare(a, b) || (a < b ? -1 : 1);
  });
  return unique(
    ordered.map((file) => ({
      name: baseName(file.name),
      location: imageLocation(file.snapshot, file.path),
      sizeBytes: file.sizeBytes,
      origin: originOf(file.snapshot, file.path),
    })),
  );
}

function unique(disks: readonly PointDisk[]): PointDisk[] {
  const taken = new Set<string>();
  // Where to go on for a name that came before: thousands may be alike.
  const numbers = new Map<string, number>();
  return disks.map((disk) => {
    let name = disk.name;
    let number = numbers.get(disk.name) ?? 1;
    while (taken.has(name)) name = `${disk.name}-${(number += 1)}`;
    numbers.set(disk.name, number);
    taken.add(name);
    return { ...disk, name };
  });
}

/**
 * User data and the settings of extensions may hold secrets of the machine's owner: they stay in the repository, which is
 * encrypted, and go no further.
 */
function withoutOwnersData(azure: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { vm, extensions, ...others } = azure;
  return {
    ...others,
    ...(vm === undefined ? {} : { vm: withoutProperty(vm, 'userData') }),
    ...(Array.isArray(extensions) ? { extensions: extensions.map((each) => withoutProperty(each, 'settings')) } : {}),
  };
}

function withoutProperty(resource: unknown, name: string): unknown {
  if (typeof resource !== 'object' || resource === null || !('properties' in resource)) return resource;
  const { properties } = resource;
  if (typeof properties !== 'object' || properties === null) return resource;
  return { ...resource, properties: Object.fromEntries(Object.entries(properties).filter(([key]) => key !== name)) };
}

function baseName(file: string): string {
  return file.replace(IMAGE_ENDING, '') || file;
}

/** `{key: value}`, or nothing where the value is not given. */
function given<K extends string, V>(key: K, value: V | null | undefined): Partial<Record<K, V>> {
  return value === null || value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function error(code: Problem['code'], message: string, fix: string): Problem {
  return { severity: 'error', code, message, fix };
}

function warning(message: string, fix: string): Problem {
  return { severity: 'warning', code: 'NOT_RESTORED', message, fix };
}
