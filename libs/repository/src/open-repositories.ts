import {
  NotFoundError,
  PermanentError,
  SEALING_CONTEXT,
  type BackupRepository,
  type Catalogue,
  type FileStore,
  type RepositoryRecord,
  type SecretBox,
} from '@landfall/domain';
import { FolderFileStore } from './folder/folder-file-store.js';
import { LendingCache } from './lending-cache.js';
import { openRepository } from './open.js';

/*
 * Repositories that this process has open. Opening one derives a key, which takes a processor about a second, and reads
 * the whole index. So an open one is kept for a while: a point is scanned, looked at and planned in a row, and the plans of a
 * thousand restores from one repository open it once.
 *
 *  - What is kept is bound to the location and the sealed password: after a change of either it is opened anew.
 *  - A kept one knows the index as it was; `fresh` opens anew and takes its place.
 *  - One that is replaced or too old is closed when its last user is done with it: indexes are what takes memory.
 */
const KEPT_MS = 5 * 60_000;
const MOST_KEPT = 4;
const CURED_BY_A_NEW_INDEX = new Set(['IMAGE_NOT_FOUND', 'PACK_MISSING', 'REPOSITORY_DAMAGED']);
/** A plan reads a few MiB: the calling thread decodes them. */
const THREADS = 0;

export interface RepositoryAccounts {
  readonly catalogue: Pick<Catalogue, 'repository' | 'sealedPassword'>;
  readonly secrets: SecretBox;
  /** The files at a URL `azure://…`; every other one is a folder's path. */
  readonly blobStoreAt: (url: string) => FileStore;
}

export class OpenRepositories {
  readonly #lent: LendingCache<BackupRepository>;

  constructor(
    private readonly accounts: RepositoryAccounts,
    now?: () => number,
    private readonly open: typeof openRepository = openRepository,
  ) {
    const close = (repository: BackupRepository): Promise<void> => repository.close();
    // What fails with one is mostly its user's affair, and to open it anew is dear.
    this.#lent = new LendingCache({ idle: MOST_KEPT, close, isGoodAfter: () => true, ...(now ? { now } : {}) });
  }

  /**
   * Runs `work` with the repository of this name; it stays open at least as long.
   * @throws NotFoundError `REPOSITORY_UNKNOWN`; what opening it throws
   */
  async use<T>(
    name: string,
    work: (repository: BackupRepository) => Promise<T>,
    { fresh = false }: { fresh?: boolean } = {},
  ): Promise<T> {
    const { catalogue } = this.accounts;
    const record = await catalogue.repository(name);
    if (record === null) throw repositoryUnknown(name);
    const sealed = await catalogue.sealedPassword(name);
    const key = JSON.stringify([name, record.kind, record.url, sealed]);
    const open = async (): Promise<BackupRepository> => this.#open(record, sealed);
    return this.#lent.use(key, { goodForMs: KEPT_MS, fresh }, open, ({ thing }) => work(thing));
  }

  /**
   * The same, with `work` repeated in a freshly opened repository when the open one misses something: its index may be
   * older than the point that is looked for, or than a prune, and what is missing may be there by now.
   */
  async useAsItIsNow<T>(name: string, work: (repository: BackupRepository) => Promise<T>): Promise<T> {
    try {
      return await this.use(name, work);
    } catch (error) {
      if (!(error instanceof PermanentError) || !CURED_BY_A_NEW_INDEX.has(error.code)) throw error;
      return this.use(name, work, { fresh: true });
    }
  }

  close(): Promise<void> {
    return this.#lent.close();
  }

  #open({ name, kind, url }: RepositoryRecord, sealed: string | null): Promise<BackupRepository> {
    const { secrets, blobStoreAt } = this.accounts;
    return this.open({
      kind,
      store: url.startsWith('azure://') ? blobStoreAt(url) : new FolderFileStore(url),
      password: sealed === null ? null : secrets.open(sealed, SEALING_CONTEXT.repositoryPassword(name)),
      threads: THREADS,
    });
  }
}

function repositoryUnknown(name: string): NotFoundError {
  return new NotFoundError({
    code: 'REPOSITORY_UNKNOWN',
    message: `There is no repository called "${name}".`,
    fix: 'List the repositories with "landfall repo list"; add it again if it was removed.',
  });
}
