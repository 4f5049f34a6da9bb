import { openBlobStore, parseBlobUrl, type BlobAccounts } from '@landfall/azure/blob';
import {
  NotFoundError,
  SEALING_CONTEXT,
  type BackupRepository,
  type Catalogue,
  type DiskSource,
  type FileStore,
  type PlannedDisk,
  type Restore,
  type SecretBox,
} from '@landfall/domain';
import { FolderFileStore, openRepository } from '@landfall/repository';

/*
 * The backups of a plan's disks, for cutting them into segments: which ranges hold data is read, the data is not. So
 * one thread is enough, and the repository is open just as long.
 */
export interface SourcePorts {
  readonly catalogue: Pick<Catalogue, 'repository' | 'sealedPassword' | 'point'>;
  readonly secrets: SecretBox;
  readonly blobAccounts: BlobAccounts;
}

/**
 * @throws NotFoundError `REPOSITORY_UNKNOWN`, `POINT_NOT_FOUND`, `DISK_NOT_FOUND`; what opening the repository throws
 */
export async function openSourceDisk(
  ports: SourcePorts,
  restore: Restore,
  planned: PlannedDisk,
  signal: AbortSignal,
): Promise<DiskSource> {
  const point = await ports.catalogue.point(restore.request.restorePointId);
  if (point === null) throw missing('POINT_NOT_FOUND', `the restore point ${restore.request.restorePointId}`);
  const disk = point.disks.find((each) => planned.from === `disk:${each.name}`);
  if (disk === undefined) throw missing('DISK_NOT_FOUND', `a disk "${planned.from}" in the restore point ${point.id}`);
  const repository = await open(ports, point.repositoryName, signal);
  try {
    return closingWith(repository, await repository.openDisk(disk.location, signal));
  } catch (error) {
    await repository.close();
    throw error;
  }
}

async function open(ports: SourcePorts, name: string, signal: AbortSignal): Promise<BackupRepository> {
  const record = await ports.catalogue.repository(name);
  if (record === null) throw missing('REPOSITORY_UNKNOWN', `the repository "${name}"`);
  const sealed = await ports.catalogue.sealedPassword(name);
  const password = sealed === null ? null : ports.secrets.open(sealed, SEALING_CONTEXT.repositoryPassword(name));
  const store = storeOf(record.url, ports.blobAccounts);
  return openRepository({ kind: record.kind, store, password, threads: 0 }, signal);
}

function storeOf(url: string, accounts: BlobAccounts): FileStore {
  return url.startsWith('azure://') ? openBlobStore(parseBlobUrl(url), accounts) : new FolderFileStore(url);
}

/** The disk as it is, but its repository is closed with it. */
function closingWith(repository: BackupRepository, disk: DiskSource): DiskSource {
  return {
    sizeBytes: disk.sizeBytes,
    read: (offset, length, signal) => disk.read(offset, length, signal),
    extents: () => disk.extents(),
    pieces: (range, signal) => disk.pieces(range, signal),
    async close() {
      await disk.close();
      await repository.close();
    },
  };
}

function missing(code: string, what: string): NotFoundError {
  return new NotFoundError({
    code,
    message: `There is no longer ${what}.`,
    fix: 'Add the repository again, or rescan it, and plan the restore anew.',
  });
}
