import { composeSource, inspect, type Inspection } from '@landfall/disk';
import {
  wholeImage,
  type BackupRepository,
  type ByteRange,
  type DiskSource,
  type MachineFacts,
  type PlannedImage,
  type PointDisk,
  type PointSurvey,
  type Recipe,
  type RestorePoint,
  type StoredFile,
  type SurveyedDisk,
} from '@landfall/domain';

/*
 * What the disks of a point show: how much is on them, what boots, which system. A few small reads of each disk.
 *
 * What the bytes are is never an error, only a problem of the plan at most. A repository that can't give the bytes is
 * one, and passes through: a plan that was made without looking would promise too much.
 */
export interface PointFindings {
  readonly disks: readonly FoundDisk[];
  readonly machine: MachineFacts;
  /** Files of the repository that they are read from and that lie in the archive tier. */
  readonly archived: readonly StoredFile[];
}

/** Before anybody has asked what of it is archived. */
export type SeenPoint = Omit<PointFindings, 'archived'>;

/** What a disk that is restored would hold. */
export interface FoundDisk {
  /** As in the point. */
  readonly name: string;
  readonly recipe: Recipe;
  /** What the recipe reads. */
  readonly image: PlannedImage;
  /** Where it may hold something other than zeros. */
  readonly extents: readonly ByteRange[];
}

/**
 * @param excluded names of disks that are left alone
 * @throws PermanentError of the repository: `IMAGE_NOT_FOUND`, `PACK_MISSING`, `BLOB_CORRUPT`, `REPOSITORY_DAMAGED`, `FILE_ARCHIVED`
 */
export async function lookIntoPoint(
  repository: BackupRepository,
  point: RestorePoint,
  excluded: readonly string[],
  signal?: AbortSignal,
): Promise<SeenPoint> {
  const disks = disksToRead(point, excluded);
  return withDisks(
    disks,
    (disk) => repository.openDisk(disk.location, signal),
    async (sources) => ({
      disks: disks.map((disk, number) => foundDisk(disk, sources[number]!)),
      machine: machineFacts(await inspectDisks(disks, sources), point),
    }),
    signal,
  );
}

/**
 * What a scan has to keep of a point.
 * @throws as `lookIntoPoint`
 */
export async function surveyPoint(
  repository: BackupRepository,
  point: RestorePoint,
  signal?: AbortSignal,
): Promise<PointSurvey> {
  const disks = disksToRead(point, []);
  const inspection = await withDisks(
    disks,
    (disk) => repository.openDisk(disk.location, signal),
    (sources) => inspectDisks(disks, sources),
    signal,
  );
  const surveyed: SurveyedDisk[] = [];
  for (const { name, location } of disks) {
    surveyed.push({ name, location, blobs: await repository.listBlobs(location, signal) });
  }
  return { inspection, disks: surveyed };
}

/**
 * The same as a look into the point, of what was kept of it: no byte of its disks is read.
 * @throws PermanentError `REPOSITORY_DAMAGED` where a blob is not there any more
 */
export async function recallPoint(
  repository: BackupRepository,
  point: RestorePoint,
  excluded: readonly string[],
  survey: PointSurvey,
): Promise<SeenPoint> {
  const disks = disksToRead(point, excluded);
  const { bootEvidence, volumeGroups, ...inspection } = survey.inspection as Inspection;
  const isLeftOut = (disk: string | null): boolean => disk !== null && excluded.includes(disk);
  const remaining: Inspection = {
    ...inspection,
    bootEvidence: bootEvidence.filter(({ disk }) => !isLeftOut(disk)),
    volumeGroups: volumeGroups.filter(({ physicalVolumes }) => !physicalVolumes.every(({ disk }) => isLeftOut(disk))),
  };
  return withDisks(
    disks,
    (disk) => {
      const kept = survey.disks.find(({ name, location }) => name === disk.name && location === disk.location);
      if (kept === undefined) throw new Error(`The survey of ${point.id} has no disk ${disk.name}.`);
      return repository.openListed(kept.location, kept.blobs);
    },
    async (sources) => ({
      disks: disks.map((disk, number) => foundDisk(disk, sources[number]!)),
      machine: machineFacts(remaining, point),
    }),
  );
}

/** An image without bytes has no contents, and the plan says so. */
function disksToRead(point: RestorePoint, excluded: readonly string[]): readonly PointDisk[] {
  return point.disks.filter(({ name, sizeBytes }) => !excluded.includes(name) && sizeBytes > 0);
}

async function withDisks<T>(
  disks: readonly PointDisk[],
  open: (disk: PointDisk) => Promise<DiskSource>,
  use: (sources: readonly DiskSource[]) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const opened: DiskSource[] = [];
  try {
    for (const disk of disks) {
      signal?.throwIfAborted();
      opened.push(await open(disk));
    }
    return await use(opened);
  } finally {
    await Promise.all(opened.map((source) => source.close()));
  }
}

function inspectDisks(disks: readonly PointDisk[], sources: readonly DiskSource[]): Promise<Inspection> {
  return inspect(disks.map(({ name }, number) => ({ path: name, reader: sources[number]! })));
}

/** For points that have no disks to look into. */
export const NOTHING_SEEN: PointFindings = {
  disks: [],
  archived: [],
  machine: { boots: [], bootDisk: null, os: null, architecture: null, volumeGroups: [], problems: [] },
};

/** Today every disk is the image that was backed up, from end to end. */
function foundDisk({ name, location }: PointDisk, source: DiskSource): FoundDisk {
  const { sizeBytes } = source;
  const recipe = wholeImage(name, sizeBytes);
  const composed = composeSource(recipe, { images: new Map([[name, source]]), patches: new Map() });
  return { name, recipe, image: { name, location, sizeBytes }, extents: composed.extents() };
}

function machineFacts(inspection: Inspection, point: RestorePoint): MachineFacts {
  const named = point.disks.find((disk) => disk.role === 'os')?.name;
  // An old system may still be on a data disk: what counts is the disk that the machine boots from.
  const bootDisk = inspection.bootEvidence.find((one) => one.disk === named)?.disk ?? inspection.bootEvidence[0]?.disk;
  const evidence = inspection.bootEvidence.filter((one) => one.disk === bootDisk);
  return {
    boots: inspection.boots.filter((firmware) => evidence.some((one) => one.firmware === firmware)),
    bootDisk: bootDisk ?? null,
    os: inspection.os,
    architecture: evidence.find(({ firmware }) => firmware === 'uefi')?.architecture ?? null,
    volumeGroups: inspection.volumeGroups.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    // The plan has an error of its own for an image without bytes.
    problems: inspection.problems.filter(({ code }) => code !== 'DISK_EMPTY'),
  };
}
