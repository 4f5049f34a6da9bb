import { createHash } from 'node:crypto';
import { composeSource } from '@landfall/disk/recipe';
import {
  type BackupRepository,
  type DiskSource,
  type FileStore,
  LandfallError,
  parseRecipe,
  patchId,
  Secret,
} from '@landfall/domain';
import type { RepositoryAccess, SegmentGrant } from '@landfall/transfer';
import { FolderFileStore, LendingCache, openRepository, RetrievedFileStore } from '@landfall/repository';

/*
 * The backups that segments are read from. Opening a repository costs a key derivation and reading its whole index, so
 * it stays open between segments; so does the layout of each disk. Kept few, because indexes are what takes memory here.
 */
const IDLE_REPOSITORIES = 1;
const IDLE_DISKS = 4;
const GOOD_FOR_MS = 15 * 60_000;
/** A SAS is not used in its last minutes. */
const SAS_MARGIN_MS = 5 * 60_000;

interface OpenRepository {
  readonly repository: BackupRepository;
  readonly disks: LendingCache<DiskSource>;
}

export type RepositoryOpener = (access: RepositoryAccess) => Promise<BackupRepository>;

export class Sources {
  readonly #repositories = new LendingCache<OpenRepository>({
    idle: IDLE_REPOSITORIES,
    close: async ({ repository, disks }) => {
      await disks.close();
      await repository.close();
    },
  });

  constructor(private readonly open: RepositoryOpener) {}

  /**
   * Runs `work` with what the grant's disk is to hold, as far as its segment reaches. A repository may have been rearranged
   * since it was opened: what is missing there is looked for once more in a freshly opened one, so `work` must be repeatable. It
   * may ask whether copies were passed over meanwhile, by itself or by another segment beside it.
   */
  async use<R>(grant: SegmentGrant, work: (source: DiskSource, passedOver: () => boolean) => Promise<R>): Promise<R> {
    let reused = false;
    const once = (): Promise<R> =>
      this.#repositories.use(
        keyOf(grant.repository),
        { goodForMs: goodForMs(grant.repository) },
        () => this.#open(grant.repository),
        async (lent) => {
          reused = lent.reused;
          const { repository } = lent.thing;
          const before = repository.passedOver ?? 0;
          const passedOver = (): boolean => (repository.passedOver ?? 0) > before;
          return withImages(lent.thing, grant.images, (images) => work(composed(grant, images), passedOver));
        },
      );
    try {
      return await once();
    } catch (error) {
      if (!reused || !isMissing(error)) throw error;
      return once();
    }
  }

  async close(): Promise<void> {
    await this.#repositories.close();
  }

  async #open(access: RepositoryAccess): Promise<OpenRepository> {
    const repository = await this.open(access);
    return {
      repository,
      disks: new LendingCache<DiskSource>({ idle: IDLE_DISKS, close: (disk) => disk.close() }),
    };
  }
}

/** Borrows all of them at once. */
function withImages<R>(
  lent: OpenRepository,
  [first, ...rest]: SegmentGrant['images'],
  work: (images: ReadonlyMap<string, DiskSource>) => Promise<R>,
): Promise<R> {
  if (first === undefined) return work(new Map());
  const { repository, disks } = lent;
  const { name, location } = first;
  return disks.use(
    location,
    { goodForMs: GOOD_FOR_MS },
    () => repository.openDisk(location),
    ({ thing }) => withImages(lent, rest, (images) => work(new Map([...images, [name, thing]]))),
  );
}

function composed({ recipe, patches }: SegmentGrant, images: ReadonlyMap<string, DiskSource>): DiskSource {
  const all = patches.map((text) => Buffer.from(text, 'base64'));
  return composeSource(parseRecipe(recipe), { images, patches: new Map(all.map((bytes) => [patchId(bytes), bytes])) });
}

/** @param threads that decode; see `openRepository` */
export function repositoryOpener(threads: number): RepositoryOpener {
  return async (access) =>
    openRepository({
      kind: access.kind,
      store: await storeOf(access),
      password: access.password === null ? null : new Secret(access.password),
      threads,
    });
}

async function storeOf({ store }: RepositoryAccess): Promise<FileStore> {
  if (store.kind === 'folder') return new FolderFileStore(store.path);
  const { openGrantedBlobStore } = await import('@landfall/azure/blob');
  const repository = openGrantedBlobStore(store);
  if (store.copiesUrl === null) return repository;
  return new RetrievedFileStore(repository, openGrantedBlobStore({ containerUrl: store.copiesUrl, prefix: '' }));
}

/** The same for the same repository, although each grant comes with a SAS of its own. */
function keyOf({ kind, store, password }: RepositoryAccess): string {
  const place =
    store.kind === 'folder'
      ? store.path
      : [`${withoutQuery(store.containerUrl)}/${store.prefix}`, store.copiesUrl && withoutQuery(store.copiesUrl)];
  return createHash('sha256')
    .update(JSON.stringify([kind, place, password]))
    .digest('hex');
}

function goodForMs({ store }: RepositoryAccess): number {
  if (store.kind === 'folder') return GOOD_FOR_MS;
  const urls = [store.containerUrl, ...(store.copiesUrl === null ? [] : [store.copiesUrl])];
  const expiries = urls.map((url) => Date.parse(new URL(url).searchParams.get('se') ?? ''));
  const left = expiries.filter((expiry) => !Number.isNaN(expiry)).map((expiry) => expiry - Date.now() - SAS_MARGIN_MS);
  return Math.min(GOOD_FOR_MS, ...left);
}

function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof LandfallError &&
    ['PACK_MISSING', 'FILE_NOT_FOUND', 'IMAGE_NOT_FOUND', 'STORE_DENIED'].includes(error.code)
  );
}
