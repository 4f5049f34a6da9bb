import { createHash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import type { FileStore } from '@landfall/domain';
import type { BlobCopies } from './blob-copies.js';
import type { BlobPlace } from './blob-index.js';
import { SealBroken, unseal, type SealingKey } from './crypto.js';
import { blobCorrupt, imageNotFound, tooLarge } from './errors.js';
import { freeMemory } from './memory.js';
import { readPack } from './pack-reads.js';
import { readTreeNodes, type TreeNode } from './tree.js';

/*
 * Loads trees. A tree is checked three times before a byte of it is believed: its seal, its length, its SHA-256.
 *
 * Trees are mostly small, and several may be in hand at once. The tree of a large disk image lists every blob of it
 * (134 MB of JSON for a sparse 1 TiB disk), so large ones wait for each other: never more than one is in memory.
 */
const TREE_LIMIT_BYTES = 1024 * 1024 * 1024;
const LARGE_TREE_BYTES = 2 * 1024 * 1024;

export class Trees {
  #largeTreeDone: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: FileStore,
    private readonly key: SealingKey,
    private readonly copies: BlobCopies,
  ) {}

  /**
   * Calls `use` with the tree's JSON, which must not be kept.
   * @throws PermanentError `PACK_MISSING`, `BLOB_CORRUPT`, `REPOSITORY_DAMAGED`, `REPOSITORY_LIMIT`
   */
  async withTree<T>(id: Buffer, neededBy: string, use: (plain: Buffer) => T, signal?: AbortSignal): Promise<T> {
    const name = id.toString('hex');
    const plain = await this.copies.read('tree', id, neededBy, (place) => this.#inTurn(id, name, place, signal));
    try {
      return use(plain);
    } finally {
      freeMemory(plain);
    }
  }

  async #inTurn(id: Buffer, name: string, place: BlobPlace, signal: AbortSignal | undefined): Promise<Buffer> {
    const sizeBytes = Math.max(place.plainLength, place.length);
    if (sizeBytes > TREE_LIMIT_BYTES) throw tooLarge(`Tree ${name}`, sizeBytes, TREE_LIMIT_BYTES);
    if (sizeBytes <= LARGE_TREE_BYTES) return this.#load(id, place, signal);
    const turn = this.#largeTreeDone.then(() => this.#load(id, place, signal));
    this.#largeTreeDone = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Follows a path of quoted names from a root tree to a regular file.
   * `use` gets the file's node, the tree that it stands in, and the ids of all trees that were read on the way.
   * @throws PermanentError `IMAGE_NOT_FOUND`, and as `withTree`
   */
  async withFile<T>(
    root: Buffer,
    path: readonly string[],
    location: string,
    use: (node: TreeNode, plain: Buffer, trees: readonly Buffer[]) => T,
    signal?: AbortSignal,
  ): Promise<T> {
    let tree = root;
    const trees = [root];
    for (const name of path.slice(0, -1)) {
      const node = await this.withTree(tree, location, (plain) => nodeNamed(plain, name), signal);
      if (node?.type !== 'dir' || node.subtree === null) throw imageNotFound(location);
      tree = node.subtree;
      trees.push(tree);
    }
    const read = (plain: Buffer): T => {
      const node = nodeNamed(plain, path.at(-1) ?? '');
      if (node?.type !== 'file') throw imageNotFound(location);
      return use(node, plain, trees);
    };
    return this.withTree(tree, location, read, signal);
  }

  async #load(id: Buffer, place: BlobPlace, signal: AbortSignal | undefined): Promise<Buffer> {
    const name = id.toString('hex');
    const sealed = await readPack(this.store, place, id, signal);
    const plain = this.#open(sealed, place, name);
    if (plain.length !== place.plainLength) {
      throw blobCorrupt(place.pack, name, 'its length is not the one that the index says');
    }
    if (!createHash('sha256').update(plain).digest().equals(id)) {
      throw blobCorrupt(place.pack, name, 'its SHA-256 is not its id');
    }
    return plain;
  }

  #open(sealed: Buffer, place: BlobPlace, name: string): Buffer {
    try {
      const opened = unseal(this.key, sealed);
      if (!place.compressed) return opened;
      const plain = zstdDecompressSync(opened, {
        chunkSize: Math.max(place.plainLength + 1, 64 * 1024),
        maxOutputLength: Math.max(place.plainLength, 1),
      });
      freeMemory(sealed);
      return plain;
    } catch (error) {
      const why =
        error instanceof SealBroken ? error.message : 'it does not decompress to the length that the index says';
      throw blobCorrupt(place.pack, name, why, error);
    }
  }
}

function nodeNamed(plain: Buffer, quotedName: string): TreeNode | undefined {
  let found: TreeNode | undefined;
  readTreeNodes(plain, 'tree', (node) => {
    if (node.quotedName === quotedName) found = node;
  });
  return found;
}
