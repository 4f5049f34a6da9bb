import {
  PermanentError,
  type BackupRepository,
  type FileStore,
  type RepositoryKind,
  type Secret,
} from '@landfall/domain';
import { openRestic } from './restic/restic-repository.js';
import { retryingFileStore } from './retrying-file-store.js';

/** What opens a repository: its kind, where its files lie, and the password. */
export interface OpenRepository {
  readonly kind: RepositoryKind;
  readonly store: FileStore;
  /** Null for a kind that has none. */
  readonly password: Secret | null;
  /** Threads that decrypt, decompress and check data; 0: the calling one does it. Default 2. */
  readonly threads?: number;
}

const DEFAULT_THREADS = 2;

/**
 * Opens a repository and reads its index. Reads that fail for a passing reason are tried again a few times.
 * @throws PermanentError `REPOSITORY_NOT_FOUND`, `REPOSITORY_PASSWORD_WRONG`, `REPOSITORY_VERSION`,
 *   `REPOSITORY_DAMAGED`, `REPOSITORY_KIND_UNAVAILABLE`
 */
export async function openRepository(access: OpenRepository, signal?: AbortSignal): Promise<BackupRepository> {
  if (access.kind !== 'restic') {
    throw new PermanentError({
      code: 'REPOSITORY_KIND_UNAVAILABLE',
      message: `Repositories of kind ${access.kind} can't be read by this version of Landfall.`,
      fix: 'Use a restic repository, or a version of Landfall that reads this kind.',
    });
  }
  if (access.password === null) {
    throw new PermanentError({
      code: 'REPOSITORY_PASSWORD_WRONG',
      message: `The restic repository in ${access.store.description} needs a password and none was given.`,
      fix: 'Add the repository with --password-file.',
    });
  }
  return openRestic(
    {
      store: retryingFileStore(access.store),
      password: access.password,
      threads: access.threads ?? DEFAULT_THREADS,
    },
    signal,
  );
}
