import { NotFoundError, type ByteRange, type Catalogue, type PlannedDisk, type Restore } from '@landfall/domain';
import type { OpenRepositories } from '@landfall/repository';

/*
 * The backups of a plan's disks, for cutting them into segments: which ranges hold data is read, the data is not.
 */
export interface SourcePorts {
  readonly catalogue: Pick<Catalogue, 'point'>;
  readonly repositories: Pick<OpenRepositories, 'useAsItIsNow'>;
}

/**
 * The ranges of a disk's backup that may hold something other than zeros.
 * @throws NotFoundError `REPOSITORY_UNKNOWN`, `POINT_NOT_FOUND`, `DISK_NOT_FOUND`; what opening the repository throws
 */
export async function extentsOf(
  { catalogue, repositories }: SourcePorts,
  restore: Restore,
  planned: PlannedDisk,
  signal: AbortSignal,
): Promise<readonly ByteRange[]> {
  const point = await catalogue.point(restore.request.restorePointId);
  if (point === null) throw missing('POINT_NOT_FOUND', `the restore point ${restore.request.restorePointId}`);
  const disk = point.disks.find((each) => planned.from === `disk:${each.name}`);
  if (disk === undefined) throw missing('DISK_NOT_FOUND', `a disk "${planned.from}" in the restore point ${point.id}`);
  return repositories.useAsItIsNow(point.repositoryName, async (repository) => {
    const source = await repository.openDisk(disk.location, signal);
    try {
      return source.extents();
    } finally {
      await source.close();
    }
  });
}

function missing(code: string, what: string): NotFoundError {
  return new NotFoundError({
    code,
    message: `There is no longer ${what}.`,
    fix: 'Add the repository again, or rescan it, and plan the restore anew.',
  });
}
