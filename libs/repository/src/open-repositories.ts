import {
  NotFoundError,
  PermanentError,
  SEALING_CONTEXT,
  type BackupRepository,
  type Catalogue,
  type FileStore,
  type SecretBox,
} from '@landfall/domain';
import { FolderFileStore } from './folder/folder-file-store.js';
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

interface Kept {
  readonly identity: string;
  readonly openedAt: number;
  readonly repository: Promise<BackupRepository>;
  users: number;
  retired: boolean;
}

export class OpenRepositories {
  readonly #kept = new Map<string, Kept>();

  constructor(
    private readonly accounts: RepositoryAccounts,
    private readonly now: () => number = () => performance.now(),
    private readonly open: typeof openRepository = openRepository,
  ) {}

  /**
   * Runs `work` with the repository of this name; it stays open at least as long.
   * @throws NotFoundError `REPOSITORY_UNKNOWN`; what opening it throws
   */
  async use<T>(
    name: string,
    work: (repository: BackupRepository) => Promise<T>,
    options: { fresh?: boolean } = {},
  ): Promise<T> {
    const kept = await this.#take(name, options.fresh ?? false);
    try {
      return await work(await kept.repository);
    } finally {
      kept.users -= 1;
      await closeIfUnused(kept);
    }
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

  async close(): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(all.map(retire));
  }

  /** Counts the caller as a user; the caller has to count itself out again. */
  async #take(name: string, fresh: boolean): Promise<Kept> {
    const { catalogue, secrets, blobStoreAt } = this.accounts;
    const record = await catalogue.repository(name);
    if (record === null) throw repositoryUnknown(name);
    const sealed = await catalogue.sealedPassword(name);
    const identity = JSON.stringify([record.kind, record.url, sealed]);
    const known = this.#kept.get(name);
    if (!fresh && known?.identity === identity && this.now() - known.openedAt < KEPT_MS) {
      known.users += 1;
      return known;
    }

    const openNow = async (): Promise<BackupRepository> => {
      const password = sealed === null ? null : secrets.open(sealed, SEALING_CONTEXT.repositoryPassword(name));
      return this.open({
        kind: record.kind,
        store: record.url.startsWith('azure://') ? blobStoreAt(record.url) : new FolderFileStore(record.url),
        password,
        threads: THREADS,
      });
    };
    const kept: Kept = { identity, openedAt: this.now(), repository: openNow(), users: 1, retired: false };
    // One that can't be opened is not kept; whoever asked for it hears why.
    kept.repository.catch(() => {
      if (this.#kept.get(name) === kept) this.#kept.delete(name);
    });
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    setTimeout(() => void this.#forget(name, kept), KEPT_MS).unref();
    if (known !== undefined) await retire(known);
    const oldest = this.#kept.entries().next();
    if (this.#kept.size > MOST_KEPT && oldest.done !== true) {
      const [oldestName, oldestKept] = oldest.value;
      await this.#forget(oldestName, oldestKept);
    }
    return kept;
  }

  async #forget(name: string, kept: Kept): Promise<void> {
    if (this.#kept.get(name) === kept) this.#kept.delete(name);
    await retire(kept);
  }
}

async function retire(kept: Kept): Promise<void> {
  kept.retired = true;
  await closeIfUnused(kept);
}

async function closeIfUnused(kept: Kept): Promise<void> {
  if (!kept.retired || kept.users > 0) return;
  const repository = await kept.repository.catch(() => null);
  await repository?.close();
}

function repositoryUnknown(name: string): NotFoundError {
  return new NotFoundError({
    code: 'REPOSITORY_UNKNOWN',
    message: `There is no repository called "${name}".`,
    fix: 'List the repositories with "landfall repo list"; add it again if it was removed.',
  });
}
