import { LandfallError, type DiscoveredPoint, type Discovery, type SkippedBackup } from '@landfall/domain';
import { MANIFEST_FILE, MANIFEST_LIMIT_BYTES, parseManifest, pointsOfTags, type ParsedManifest } from '../manifest.js';
import { searchImages, type FoundFile, type SearchResult } from './image-search.js';
import {
  manifestPoint,
  plainPoint,
  unusableManifestPoint,
  withNamesApart,
  type PointFile,
  type PointParts,
} from './point-shapes.js';
import { plainName } from './quoted-name.js';
import type { Snapshot } from './snapshots.js';
import type { Trees } from './trees.js';

/*
 * From snapshots to restore points:
 *
 *  - snapshots that carry the same tag `landfall-point=ID` are one point. Each holds one file from standard input: a disk,
 *    or `machine.json`, which is written last. Without it the capture did not finish, and there is no point.
 *  - every other snapshot is a point of its own: its disk images (`*.raw`, `*.img`, or a lone file from standard input),
 *    with the `machine.json` that lies beside them, if one does. Without an image it is a point of level `file`.
 *
 * A snapshot that can't be read is passed over and reported; it hides no other.
 */
export interface PointSources {
  readonly trees: Trees;
  /** A small file's contents. */
  readFile(snapshot: Snapshot, file: FoundFile, signal?: AbortSignal): Promise<Buffer>;
}

const AT_ONCE = 6;

export async function discoverPoints(
  snapshots: readonly Snapshot[],
  sources: PointSources,
  signal?: AbortSignal,
): Promise<Discovery> {
  const points: DiscoveredPoint[] = [];
  const skipped: SkippedBackup[] = [];
  const work: (() => Promise<void>)[] = [];
  const attempt = (reference: string, make: () => Promise<DiscoveredPoint | SkippedBackup>) => async () => {
    signal?.throwIfAborted();
    try {
      const made = await make();
      if ('why' in made) skipped.push(made);
      else points.push(made);
    } catch (error) {
      if (!(error instanceof LandfallError) || error.kind !== 'permanent') throw error;
      skipped.push(skippedBackup(reference, error));
    }
  };
  for (const [id, members] of taggedSets(snapshots)) {
    work.push(attempt(id, () => taggedPoint(id, members, sources, signal)));
  }
  for (const snapshot of snapshots) {
    if (pointsOfTags(snapshot.tags).length > 0) continue;
    work.push(attempt(snapshot.id, () => snapshotPoint(snapshot, sources, signal)));
  }
  await runAll(work);
  points.sort(
    (left, right) => left.takenAt.getTime() - right.takenAt.getTime() || (left.reference < right.reference ? -1 : 1),
  );
  return { points: withNamesApart(points), skipped };
}

export function skippedBackup(reference: string, { code, message: why }: LandfallError): SkippedBackup {
  return code === 'FILE_ARCHIVED' ? { reference, why, archived: true } : { reference, why };
}

function taggedSets(snapshots: readonly Snapshot[]): Map<string, Snapshot[]> {
  const sets = new Map<string, Snapshot[]>();
  for (const snapshot of snapshots) {
    for (const id of pointsOfTags(snapshot.tags)) sets.set(id, [...(sets.get(id) ?? []), snapshot]);
  }
  return sets;
}

async function taggedPoint(
  id: string,
  members: readonly Snapshot[],
  sources: PointSources,
  signal: AbortSignal | undefined,
): Promise<DiscoveredPoint | SkippedBackup> {
  const files = new Map<string, PointFile>();
  // Oldest first, so that what was captured again replaces what was there before.
  for (const snapshot of members.toSorted((left, right) => left.takenAt.getTime() - right.takenAt.getTime())) {
    const { rootFiles } = await searchImages(sources.trees, snapshot, signal);
    for (const file of rootFiles) files.set(file.name, { ...file, snapshot });
  }
  const manifest = files.get(MANIFEST_FILE);
  if (manifest === undefined) {
    return { reference: id, why: 'its manifest is missing: the capture did not finish' };
  }
  files.delete(MANIFEST_FILE);
  return withManifest(
    manifest,
    { reference: id, snapshot: manifest.snapshot, files: [...files.values()] },
    sources,
    signal,
  );
}

async function snapshotPoint(
  snapshot: Snapshot,
  sources: PointSources,
  signal: AbortSignal | undefined,
): Promise<DiscoveredPoint> {
  const found = await searchImages(sources.trees, snapshot, signal);
  const inSnapshot = (file: FoundFile): PointFile => ({ ...file, snapshot });
  const beside = manifestBeside(found);
  if (beside !== undefined) {
    const files = beside.beside.map(inSnapshot);
    return withManifest(inSnapshot(beside.manifest), { reference: snapshot.id, snapshot, files }, sources, signal);
  }
  const images = found.images.length > 0 ? found.images : loneInput(snapshot, found);
  return plainPoint({ reference: snapshot.id, snapshot, files: images.map(inSnapshot) }, found);
}

/** The manifest of a snapshot all of whose images lie in its directory; or the only one where no file is named as an image is. */
function manifestBeside(found: SearchResult): SearchResult['manifests'][number] | undefined {
  const first = found.images[0];
  if (first === undefined) return found.manifests.length === 1 ? found.manifests[0] : undefined;
  const directory = directoryOf(first);
  if (found.images.some((image) => directoryOf(image) !== directory)) return undefined;
  return found.manifests.find(({ manifest }) => directoryOf(manifest) === directory);
}

function directoryOf(file: FoundFile): string {
  return file.path.slice(0, -1).join('/');
}

/** `restic backup --stdin` makes a snapshot of one file, whose path is `/` and the file's name, which may be a path itself. */
function loneInput(snapshot: Snapshot, { loneFile }: SearchResult): readonly FoundFile[] {
  if (loneFile === null || snapshot.paths.length !== 1) return [];
  return snapshot.paths[0] === `/${loneFile.path.map(plainName).join('/')}` ? [loneFile] : [];
}

async function withManifest(
  manifest: PointFile,
  parts: PointParts,
  sources: PointSources,
  signal: AbortSignal | undefined,
): Promise<DiscoveredPoint> {
  const parsed: ParsedManifest =
    manifest.sizeBytes > MANIFEST_LIMIT_BYTES
      ? { ok: false, why: `it has ${manifest.sizeBytes} bytes and at most ${MANIFEST_LIMIT_BYTES} are read` }
      : parseManifest(await sources.readFile(manifest.snapshot, manifest, signal));
  return parsed.ok ? manifestPoint(parts, parsed.manifest) : unusableManifestPoint(parts, parsed.why);
}

async function runAll(work: (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < work.length) await work[next++]!();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
}
