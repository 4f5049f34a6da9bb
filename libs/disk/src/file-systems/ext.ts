import type { ByteReader } from '@landfall/domain';
import { BlockCache } from '../readers.js';
import { entriesIn, EXT_TYPES, ExtLayout, ExtUnreadable, type Inode, ROOT_INODE } from './ext-layout.js';
import { runsOf } from './ext-runs.js';

/*
 * An ext2, ext3 or ext4 file system, read only: enough to read small files such as /etc/os-release.
 *
 * Where it keeps what is in ext-layout.ts, and which blocks a file has in ext-runs.ts. Depth, lengths and the number of
 * symbolic links are bounded.
 */
const LARGEST_FILE_BYTES = 1024 * 1024;
const LARGEST_DIRECTORY_BYTES = 4 * 1024 * 1024;
const MOST_SYMLINKS = 8;
/** What may be looked through on the way to one file; a directory counts for 64 KiB at least. */
const MOST_LOOKED_THROUGH_BYTES = 16 * 1024 * 1024;
const LEAST_DIRECTORY_BYTES = 64 * 1024;

export class ExtFileSystem {
  private constructor(private readonly layout: ExtLayout) {}

  /** @throws ExtUnreadable */
  static async open(region: ByteReader): Promise<ExtFileSystem> {
    return new ExtFileSystem(await ExtLayout.read(new BlockCache(region)));
  }

  /** The contents of a file (its first MiB at most), links followed; null where there is none. @throws ExtUnreadable */
  async readFile(path: string): Promise<Buffer | null> {
    const inode = await this.#resolve(path);
    if (inode === null || inode.type !== EXT_TYPES.file) return null;
    return this.#contents(inode, LARGEST_FILE_BYTES);
  }

  async #resolve(path: string): Promise<Inode | null> {
    const rest = path.split('/').filter((part) => part !== '');
    const walked: Inode[] = [await this.#inode(ROOT_INODE)];
    let symlinks = 0;
    let bytesLeft = MOST_LOOKED_THROUGH_BYTES;
    while (rest.length > 0) {
      const name = rest.shift()!;
      const here = walked.at(-1)!;
      if (name === '.') continue;
      if (name === '..') {
        if (walked.length > 1) walked.pop();
        continue;
      }
      if (here.type !== EXT_TYPES.directory) return null;
      bytesLeft -= Math.max(LEAST_DIRECTORY_BYTES, Math.min(here.sizeBytes, LARGEST_DIRECTORY_BYTES));
      if (bytesLeft < 0) throw new ExtUnreadable('its symbolic links lead too far');
      const number = await this.#lookUp(here, name);
      if (number === null) return null;
      const inode = await this.#inode(number);
      if (inode.type !== EXT_TYPES.symlink) {
        walked.push(inode);
        continue;
      }
      symlinks += 1;
      if (symlinks > MOST_SYMLINKS) return null;
      const target = await this.#linkTarget(inode);
      if (target.startsWith('/')) walked.length = 1;
      rest.unshift(...target.split('/').filter((part) => part !== ''));
    }
    return walked.at(-1)!;
  }

  async #linkTarget(inode: Inode): Promise<string> {
    // Targets shorter than 60 bytes lie in the inode itself.
    const bytes = inode.sizeBytes < 60 ? inode.block.subarray(0, inode.sizeBytes) : await this.#contents(inode, 4096);
    return bytes.toString('utf8');
  }

  async #lookUp(directory: Inode, name: string): Promise<number | null> {
    const bytes = await this.#contents(directory, LARGEST_DIRECTORY_BYTES);
    const wanted = Buffer.from(name);
    const { blockBytes } = this.layout;
    for (let at = 0; at < bytes.length; at += blockBytes) {
      for (const entry of entriesIn(bytes.subarray(at, at + blockBytes)))
        if (entry.name.equals(wanted)) return entry.inode;
    }
    return null;
  }

  async #inode(number: number): Promise<Inode> {
    const inode = await this.layout.inode(number);
    if (inode.encrypted) throw new ExtUnreadable(`inode ${number} is encrypted`);
    return inode;
  }

  async #contents(inode: Inode, limit: number): Promise<Buffer> {
    const { blockBytes } = this.layout;
    const length = Math.min(inode.sizeBytes, limit);
    const result = Buffer.alloc(length);
    const blocks = Math.ceil(length / blockBytes);
    // A damaged tree may name the same blocks over and over: no file needs more reads than this.
    let readsLeft = 2 * blocks + 64;
    for await (const { kind, logical, physical, blocks: count } of runsOf(this.layout, inode, blocks)) {
      if (kind !== 'data') continue;
      for (let block = 0; block < count && logical + block < blocks; block += 1) {
        readsLeft -= 1;
        if (readsLeft < 0) throw new ExtUnreadable('a tree of extents leads in circles');
        (await this.layout.blockAt(physical + block)).copy(result, (logical + block) * blockBytes);
      }
    }
    return result;
  }
}
