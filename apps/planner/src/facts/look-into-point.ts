import { composeSource, inspect, type Inspection } from '@landfall/disk';
import {
  PermanentError,
  wholeImage,
  type BackupRepository,
  type ByteRange,
  type DiskSource,
  type MachineFacts,
  type PlannedImage,
  type PointDisk,
  type Problem,
  type Recipe,
  type RestorePoint,
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
}

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

/** @throws PermanentError of the repository: `IMAGE_NOT_FOUND`, `PACK_MISSING`, `BLOB_CORRUPT`, `REPOSITORY_DAMAGED` */
export async function lookIntoPoint(
  repository: BackupRepository,
  point: RestorePoint,
  excluded: readonly string[],
  signal?: AbortSignal,
): Promise<PointFindings> {
  const opened: { disk: PointDisk; source: DiskSource }[] = [];
  try {
    for (const disk of point.disks) {
      // An image without bytes has no contents, and the plan says so.
      if (excluded.includes(disk.name) || disk.sizeBytes <= 0) continue;
      signal?.throwIfAborted();
      opened.push({ disk, source: await repository.openDisk(disk.location, signal) });
    }
    const inspection = await inspect(opened.map(({ disk, source }) => ({ path: disk.name, reader: source })));
    return {
      disks: opened.map(({ disk, source }) => foundDisk(disk, source)),
      machine: machineFacts(inspection, point),
    };
  } catch (error) {
    if (error instanceof PermanentError && error.code === 'FILE_ARCHIVED') return archived(error);
    throw error;
  } finally {
    await Promise.all(opened.map(({ source }) => source.close()));
  }
}

/** For points that have no disks to look into. */
export const NOTHING_SEEN: PointFindings = {
  disks: [],
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

function archived(error: PermanentError): PointFindings {
  const problem: Problem = {
    severity: 'error',
    code: 'POINT_ARCHIVED',
    message: error.message,
    fix: 'Bring the repository back from the archive tier; this version does not do so by itself.',
  };
  return { ...NOTHING_SEEN, machine: { ...NOTHING_SEEN.machine, problems: [problem] } };
}
