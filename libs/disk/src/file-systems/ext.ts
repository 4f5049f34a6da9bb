import type { ByteReader } from '@landfall/domain';
import { BlockCache, readExactly } from '../readers.js';

/*
 * An ext2, ext3 or ext4 file system, read only: enough to read small files such as /etc/os-release.
 *
 *   superblock at 1024 → group descriptors → inode table of the inode's group → inode → blocks
 *
 * An inode's blocks are a tree of extents (ext4) or a list with up to three levels of indirection (ext2, ext3). A
 * directory is a list of entries in its blocks; the nodes of a hashed one look like unused entries and are passed over.
 * Depth, lengths and the number of symbolic links are bounded.
 */
const ROOT_INODE = 2;
const LARGEST_FILE_BYTES = 1024 * 1024;
const LARGEST_DIRECTORY_BYTES = 4 * 1024 * 1024;
const MOST_SYMLINKS = 8;
/** What may be looked through on the way to one file; a directory counts for 64 KiB at least. */
const MOST_LOOKED_THROUGH_BYTES = 16 * 1024 * 1024;
const LEAST_DIRECTORY_BYTES = 64 * 1024;
const DEEPEST_EXTENT_TREE = 5;

const INCOMPAT_64BIT = 0x80;
/** compression, journal device, meta_bg, dirdata, inline_data: laid out in ways not read here. */
const UNREADABLE_INCOMPAT = 0x1 | 0x8 | 0x10 | 0x1000 | 0x8000;

const FLAG_EXTENTS = 0x8_0000;
const FLAG_ENCRYPTED = 0x800;

const TYPE_MASK = 0xf000;
const TYPE_DIRECTORY = 0x4000;
const TYPE_FILE = 0x8000;
const TYPE_SYMLINK = 0xa000;

/** The file system is not laid out as it should be, or in a way that is not read here. */
export class ExtUnreadable extends Error {}

interface Inode {
  readonly type: number;
  readonly sizeBytes: number;
  readonly extents: boolean;
  /** The 60 bytes that hold the tree, the list, or a short symbolic link. */
  readonly block: Buffer;
}

export class ExtFileSystem {
  private constructor(
    private readonly reader: ByteReader,
    private readonly blockBytes: number,
    private readonly inodeBytes: number,
    private readonly inodesPerGroup: number,
    private readonly inodeCount: number,
    private readonly descriptorByte: number,
    private readonly descriptorBytes: number,
  ) {}

  /** @throws ExtUnreadable */
  static async open(region: ByteReader): Promise<ExtFileSystem> {
    const reader = new BlockCache(region);
    const superblock = await readExactly(reader, 1024, 1024);
    if (superblock === null || superblock.readUInt16LE(0x38) !== 0xef53)
      throw new ExtUnreadable('it has no superblock');
    const incompat = superblock.readUInt32LE(0x60);
    if ((incompat & UNREADABLE_INCOMPAT) !== 0) throw new ExtUnreadable('it has features that are not read here');
    const exponent = superblock.readUInt32LE(0x18);
    if (exponent > 6) throw new ExtUnreadable('its block size makes no sense');
    const blockBytes = 1024 << exponent;
    const inodeBytes = superblock.readUInt32LE(0x4c) === 0 ? 128 : superblock.readUInt16LE(0x58);
    const inodesPerGroup = superblock.readUInt32LE(0x28);
    const descriptorBytes = (incompat & INCOMPAT_64BIT) !== 0 ? superblock.readUInt16LE(0xfe) : 32;
    if (
      inodeBytes < 128 ||
      inodeBytes > blockBytes ||
      inodesPerGroup === 0 ||
      descriptorBytes < 32 ||
      descriptorBytes > 1024
    ) {
      throw new ExtUnreadable('its superblock makes no sense');
    }
    const descriptorByte = (superblock.readUInt32LE(0x14) + 1) * blockBytes;
    return new ExtFileSystem(
      reader,
      blockBytes,
      inodeBytes,
      inodesPerGroup,
      superblock.readUInt32LE(0),
      descriptorByte,
      descriptorBytes,
    );
  }

  /** The contents of a file (its first MiB at most), links followed; null where there is none. @throws ExtUnreadable */
  async readFile(path: string): Promise<Buffer | null> {
    const inode = await this.#resolve(path);
    if (inode === null || inode.type !== TYPE_FILE) return null;
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
      if (here.type !== TYPE_DIRECTORY) return null;
      bytesLeft -= Math.max(LEAST_DIRECTORY_BYTES, Math.min(here.sizeBytes, LARGEST_DIRECTORY_BYTES));
      if (bytesLeft < 0) throw new ExtUnreadable('its symbolic links lead too far');
      const number = await this.#lookUp(here, name);
      if (number === null) return null;
      const inode = await this.#inode(number);
      if (inode.type !== TYPE_SYMLINK) {
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
    let at = 0;
    while (at + 8 <= bytes.length) {
      const length = bytes.readUInt16LE(at + 4);
      if (length < 8 || at + length > bytes.length) {
        // Entries never cross a block: go on with the next one.
        at = (Math.floor(at / this.blockBytes) + 1) * this.blockBytes;
        continue;
      }
      const inode = bytes.readUInt32LE(at);
      const nameBytes = bytes.readUInt8(at + 6);
      if (inode !== 0 && nameBytes + 8 <= length && bytes.subarray(at + 8, at + 8 + nameBytes).equals(wanted))
        return inode;
      at += length;
    }
    return null;
  }

  async #inode(number: number): Promise<Inode> {
    if (number < 1 || number > this.inodeCount) throw new ExtUnreadable(`it has no inode ${number}`);
    const group = Math.floor((number - 1) / this.inodesPerGroup);
    const descriptor = await this.#read(this.descriptorByte + group * this.descriptorBytes, this.descriptorBytes);
    const high = this.descriptorBytes >= 64 ? descriptor.readUInt32LE(0x28) : 0;
    const table = descriptor.readUInt32LE(0x08) + high * 2 ** 32;
    const index = (number - 1) % this.inodesPerGroup;
    const bytes = await this.#read(table * this.blockBytes + index * this.inodeBytes, 128);
    const flags = bytes.readUInt32LE(0x20);
    if ((flags & FLAG_ENCRYPTED) !== 0) throw new ExtUnreadable(`inode ${number} is encrypted`);
    const sizeBytes = bytes.readUInt32LE(0x04) + bytes.readUInt32LE(0x6c) * 2 ** 32;
    return {
      type: bytes.readUInt16LE(0) & TYPE_MASK,
      sizeBytes,
      extents: (flags & FLAG_EXTENTS) !== 0,
      block: Buffer.from(bytes.subarray(0x28, 0x64)),
    };
  }

  async #contents(inode: Inode, limit: number): Promise<Buffer> {
    const length = Math.min(inode.sizeBytes, limit);
    const result = Buffer.alloc(length);
    const blocks = Math.ceil(length / this.blockBytes);
    const place = async (logical: number, physical: number): Promise<void> => {
      const bytes = await this.#read(physical * this.blockBytes, this.blockBytes);
      bytes.copy(result, logical * this.blockBytes);
    };
    // A damaged tree may lead to the same blocks over and over: no file needs more reads than this.
    const budget = { reads: 2 * blocks + 64 };
    if (inode.extents) await this.#walkExtents(inode.block, blocks, DEEPEST_EXTENT_TREE, budget, place);
    else await this.#walkList(inode.block, blocks, place);
    return result;
  }

  /** Calls `place` for each block of the file below `blocks` that is mapped; the others are holes. */
  async #walkExtents(
    node: Buffer,
    blocks: number,
    depthLeft: number,
    budget: { reads: number },
    place: Place,
  ): Promise<void> {
    if (node.readUInt16LE(0) !== 0xf30a || depthLeft === 0) throw new ExtUnreadable('a tree of extents is damaged');
    const spend = (): void => {
      budget.reads -= 1;
      if (budget.reads < 0) throw new ExtUnreadable('a tree of extents leads in circles');
    };
    const entries = node.readUInt16LE(2);
    const depth = node.readUInt16LE(6);
    if (12 + entries * 12 > node.length) throw new ExtUnreadable('a tree of extents is damaged');
    for (let at = 12; at < 12 + entries * 12; at += 12) {
      const logical = node.readUInt32LE(at);
      if (logical >= blocks) break;
      if (depth > 0) {
        const child = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
        spend();
        const below = await this.#read(child * this.blockBytes, this.blockBytes);
        await this.#walkExtents(below, blocks, depthLeft - 1, budget, place);
        continue;
      }
      const length = node.readUInt16LE(at + 4);
      // Above 32768 the extent is allocated but not written: zeros.
      if (length > 32_768) continue;
      const start = node.readUInt16LE(at + 6) * 2 ** 32 + node.readUInt32LE(at + 8);
      for (let block = 0; block < length && logical + block < blocks; block += 1) {
        spend();
        await place(logical + block, start + block);
      }
    }
  }

  /** Twelve blocks, then one block each of blocks, of blocks of blocks, and so on. */
  async #walkList(list: Buffer, blocks: number, place: Place): Promise<void> {
    for (let logical = 0; logical < Math.min(12, blocks); logical += 1) {
      const block = list.readUInt32LE(logical * 4);
      if (block !== 0) await place(logical, block);
    }
    let next = 12;
    for (let level = 1; level <= 3 && next < blocks; level += 1) {
      next = await this.#walkIndirect(list.readUInt32LE(44 + level * 4), level, next, blocks, place);
    }
  }

  /** Answers with the first logical block behind this tree. */
  async #walkIndirect(block: number, level: number, first: number, blocks: number, place: Place): Promise<number> {
    const perBlock = this.blockBytes / 4;
    const covered = perBlock ** level;
    if (block === 0) return first + covered;
    const node = await this.#read(block * this.blockBytes, this.blockBytes);
    for (let index = 0, logical = first; index < perBlock && logical < blocks; index += 1) {
      const child = node.readUInt32LE(index * 4);
      if (level > 1) {
        logical = await this.#walkIndirect(child, level - 1, logical, blocks, place);
      } else {
        if (child !== 0) await place(logical, child);
        logical += 1;
      }
    }
    return first + covered;
  }

  async #read(offset: number, length: number): Promise<Buffer> {
    const bytes = await readExactly(this.reader, offset, length);
    if (bytes === null) throw new ExtUnreadable(`it refers to byte ${offset}, which it does not have`);
    return bytes;
  }
}

type Place = (logical: number, physical: number) => Promise<void>;
