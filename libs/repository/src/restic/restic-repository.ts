import {
  LandfallError,
  PermanentError,
  type BackupRepository,
  type BlobList,
  type Discovery,
  type DiskSource,
  type FileStore,
  type ListedDisk,
  type Secret,
  type SkippedBackup,
  type StoredFile,
} from '@landfall/domain';
import { z } from 'zod';
import { BlobCopies } from './blob-copies.js';
import { BlobListCutter, eachId } from './blob-list.js';
import type { BlobIndex } from './blob-index.js';
import type { SealingKey } from './crypto.js';
import { DecodePool } from './decode-pool.js';
import { ResticDiskSource } from './disk-source.js';
import { imageNotFound, repositoryNotFound, repositoryVersion } from './errors.js';
import { ImageLayout } from './image-layout.js';
import { imageLocation, parseLocation } from './image-location.js';
import { isFileGone, loadIndex } from './index-files.js';
import { unlock } from './keys.js';
import { packPath } from './pack-reads.js';
import { discoverPoints, skippedBackup } from './points.js';
import { plainName } from './quoted-name.js';
import { readSnapshot, type Snapshot } from './snapshots.js';
import { listNamedFiles, openSeal, parseJson } from './stored-files.js';
import { readContent, type TreeNode } from './tree.js';
import { Trees } from './trees.js';

/*
 * A restic repository, format versions 1 and 2, read without the restic program.
 *
 *   config       sealed: the format version
 *   keys/        scrypt: password → user key, which opens the master key
 *   index/       sealed: blob → pack, offset, length
 *   snapshots/   sealed: one for each backup: time, host, tags, root tree
 *   data/xx/     packs: sealed blobs one after another; a blob is a piece of a file or a directory's tree
 *
 * Nothing is locked and nothing is written; the locks of others are not minded. What a `restic prune` beside a restore moves into
 * other packs is found there (blob-copies.ts); what it removes for good stops the restore with PACK_MISSING.
 */
export interface ResticOptions {
  readonly store: FileStore;
  readonly password: Secret;
  /** That decode; 0: the calling one does it. */
  readonly threads: number;
}

const SNAPSHOTS_AT_ONCE = 8;
const CONFIG = z.object({ version: z.number().int(), id: z.string() });

/**
 * @throws PermanentError `REPOSITORY_NOT_FOUND`, `REPOSITORY_PASSWORD_WRONG`, `REPOSITORY_VERSION`, `REPOSITORY_DAMAGED`
 */
export async function openRestic(options: ResticOptions, signal?: AbortSignal): Promise<BackupRepository> {
  const { store, password, threads } = options;
  const sealedConfig = await readConfig(store, signal);
  const key = await unlock(store, password, signal);
  const { version } = parseJson(CONFIG, openSeal(key, sealedConfig, 'config'), 'file config');
  if (version !== 1 && version !== 2) throw repositoryVersion(store.description, version);
  const copies = BlobCopies.of(store, key, await loadIndex(store, key, signal));
  return new ResticRepository(version, store, key, copies, threads);
}

async function readConfig(store: FileStore, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    return await store.read('config', undefined, signal);
  } catch (error) {
    const missing = error instanceof PermanentError && ['FILE_NOT_FOUND', 'STORE_NOT_FOUND'].includes(error.code);
    throw missing ? repositoryNotFound(store.description, error) : error;
  }
}

class ResticRepository implements BackupRepository {
  readonly format: string;
  readonly #pool: DecodePool;
  readonly #trees: Trees;

  constructor(
    version: number,
    private readonly store: FileStore,
    private readonly key: SealingKey,
    private readonly copies: BlobCopies,
    threads: number,
  ) {
    this.format = `restic, format version ${version}`;
    this.#pool = new DecodePool(key, threads);
    this.#trees = new Trees(store, key, copies);
  }

  get passedOver(): number {
    return this.copies.passedOver;
  }

  async discover(signal?: AbortSignal): Promise<Discovery> {
    const files = await listNamedFiles(this.store, 'snapshots', signal);
    const snapshots: Snapshot[] = [];
    const skipped: SkippedBackup[] = [];
    for (let at = 0; at < files.length; at += SNAPSHOTS_AT_ONCE) {
      await Promise.all(
        files.slice(at, at + SNAPSHOTS_AT_ONCE).map(async (file) => {
          try {
            snapshots.push(await readSnapshot(this.store, this.key, file, signal));
          } catch (error) {
            // Forgotten since it was listed.
            if (isFileGone(error)) return;
            if (!(error instanceof LandfallError) || error.kind !== 'permanent') throw error;
            const backup = skippedBackup(file.name, error);
            // Which point it belongs to can't be told, so none is what it seems to be without it.
            if (backup.archived) throw error;
            skipped.push(backup);
          }
        }),
      );
    }
    const sources = {
      trees: this.#trees,
      readFile: async (snapshot: Snapshot, file: { path: readonly string[]; sizeBytes: number }) => {
        const location = imageLocation(snapshot, file.path);
        const source = await this.#open(location, snapshot.tree, file.path, signal);
        return source.read(0, source.sizeBytes, signal);
      },
    };
    const discovery = await discoverPoints(snapshots, sources, signal);
    return { points: discovery.points, skipped: [...skipped, ...discovery.skipped] };
  }

  async openDisk(location: string, signal?: AbortSignal): Promise<DiskSource> {
    const { snapshot, tree, path } = parseLocation(location);
    // Forgotten since it was found, and pruned.
    if (tree !== null && !(await this.copies.has('tree', tree))) throw imageNotFound(location);
    return this.#open(location, tree ?? (await this.#treeOf(snapshot, location, signal)), path, signal);
  }

  async listBlobs(location: string, signal?: AbortSignal): Promise<BlobList> {
    const { snapshot, tree, path } = parseLocation(location);
    const root = tree ?? (await this.#treeOf(snapshot, location, signal));
    const cutter = new BlobListCutter();
    return this.#trees.withFile(
      root,
      path,
      location,
      (node, plain, trees) => {
        readIds(node, plain, location, (id) => cutter.add(id));
        return { ...cutter.finish(), sizeBytes: node.sizeBytes, trees: trees.map((id) => id.toString('hex')) };
      },
      signal,
    );
  }

  async openListed(location: string, blobs: BlobList): Promise<DiskSource> {
    const open = (index: BlobIndex): ResticDiskSource =>
      this.#source(
        index,
        ImageLayout.build(index, location, blobs.sizeBytes, (onId) => eachId(blobs, onId)),
        parseLocation(location).path,
      );
    try {
      return open(this.copies.index);
    } catch (error) {
      if (!isOutOfDate(error)) throw error;
      return open(await this.copies.newest());
    }
  }

  async archivedFiles(
    disks: () => Promise<readonly ListedDisk[]>,
    signal?: AbortSignal,
  ): Promise<readonly StoredFile[]> {
    const archived = new Map<string, StoredFile>();
    if (!this.store.hasArchive) return [];
    for await (const file of this.store.list('data', signal)) if (file.archived) archived.set(file.path, file);
    if (archived.size === 0) return [];
    const needed = new Set<string>();
    const listed = await disks();
    const index = await this.copies.newest();
    for (const { location, blobs } of listed) {
      const layout = ImageLayout.build(index, location, blobs.sizeBytes, (onId) => eachId(blobs, onId));
      const rows = new Set(blobs.trees.map((id) => index.find('tree', Buffer.from(id, 'hex'))));
      for (const { row } of layout.blobsIn({ offset: 0, length: blobs.sizeBytes })) rows.add(row);
      for (const row of rows) {
        const path = onlyArchived(index, row, archived);
        if (path !== null) needed.add(path);
      }
    }
    return [...needed].sort().map((path) => archived.get(path)!);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #treeOf(snapshot: string, location: string, signal: AbortSignal | undefined): Promise<Buffer> {
    const files = await listNamedFiles(this.store, 'snapshots', signal);
    const file = files.find((candidate) => candidate.name === snapshot);
    if (file === undefined) throw imageNotFound(location);
    return (await readSnapshot(this.store, this.key, file, signal)).tree;
  }

  async #open(
    location: string,
    tree: Buffer,
    path: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<ResticDiskSource> {
    try {
      return await this.#openBy(this.copies.index, location, tree, path, signal);
    } catch (error) {
      if (!isOutOfDate(error)) throw error;
      return this.#openBy(await this.copies.newest(), location, tree, path, signal);
    }
  }

  async #openBy(
    index: BlobIndex,
    location: string,
    tree: Buffer,
    path: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<ResticDiskSource> {
    const layout = await this.#trees.withFile(
      tree,
      path,
      location,
      (node, plain) =>
        ImageLayout.build(index, location, node.sizeBytes, (onId) => readIds(node, plain, location, onId)),
      signal,
    );
    return this.#source(index, layout, path);
  }

  #source(index: BlobIndex, layout: ImageLayout, path: readonly string[]): ResticDiskSource {
    const { store, copies } = this;
    const image = `the image ${path.map(plainName).join('/')}`;
    return new ResticDiskSource({ store, copies, index, pool: this.#pool }, layout, image);
  }
}

/** The pack of the blob at this row that has to be brought back for it; null: there is one that can be read, or it is not known. */
function onlyArchived(index: BlobIndex, row: number, archived: ReadonlyMap<string, unknown>): string | null {
  let first: string | null = null;
  for (const copy of index.copies(row)) {
    const path = packPath(index.place(copy).pack);
    if (!archived.has(path)) return null;
    first ??= path;
  }
  return first;
}

/** The disk was backed up since the index was read, or a prune was under way then. */
function isOutOfDate(error: unknown): boolean {
  return error instanceof PermanentError && error.code === 'REPOSITORY_DAMAGED';
}

function readIds(node: TreeNode, plain: Buffer, location: string, onId: (id: Buffer) => void): void {
  if (node.contentAt !== null) readContent(plain, node.contentAt, `tree of ${location}`, onId);
}
