import { PermanentError, type ByteRange, type PlannedDisk, type Restore } from '@landfall/domain';
import type { OpenRepositories } from '@landfall/repository';

/*
 * The backups of a plan's disks, for cutting them into segments: which ranges hold data is read, the data is not.
 */
export interface SourcePorts {
  readonly repositories: Pick<OpenRepositories, 'useAsItIsNow'>;
}

/**
 * The ranges of a disk's backup that may hold something other than zeros.
 * @throws PermanentError `PLAN_MISSING`; NotFoundError `REPOSITORY_UNKNOWN`; what opening the repository and the disk throws
 */
export async function extentsOf(
  { repositories }: SourcePorts,
  { id, plan }: Restore,
  { sourceLocation }: PlannedDisk,
  signal: AbortSignal,
): Promise<readonly ByteRange[]> {
  if (plan === null) throw planMissing(id);
  return repositories.useAsItIsNow(plan.restorePoint.repository, async (repository) => {
    const source = await repository.openDisk(sourceLocation, signal);
    try {
      return source.extents();
    } finally {
      await source.close();
    }
  });
}

function planMissing(restoreId: string): PermanentError {
  return new PermanentError({
    code: 'PLAN_MISSING',
    message: `Restore ${restoreId} has no plan yet.`,
    fix: 'This is a fault of Landfall: report it with the log of the service.',
  });
}
