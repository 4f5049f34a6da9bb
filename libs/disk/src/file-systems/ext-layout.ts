import type { ByteReader } from '@landfall/domain';
import { readExactly } from '../readers.js';

/*
 * Where an ext2, ext3 or ext4 file system keeps what: its superblock, its groups, and the inodes in them.
 *
 *   superblock at 1024 → group descriptors → inode table of the inode's group → inode
 *
 * Descriptors lie behind the superblock, all of them; with meta_bg, in the first group of those that one block of
 * descriptors is about (linux/Documentation/filesystems/ext4: super, group_descr, blockgroup, inodes).
 */
const COMPAT_SPARSE_SUPER2 = 0x200;
const RO_COMPAT_SPARSE_SUPER = 0x1;
const RO_COMPAT_GDT_CHECKSUMS = 0x10 | 0x400;
const RO_COMPAT_BIGALLOC = 0x200;
const INCOMPAT_META_BG = 0x10;
const INCOMPAT_64BIT = 0x80;
/** compression, journal device, dirdata, inline_data: laid out in ways not read here. */
const UNREADABLE_INCOMPAT = 0x1 | 0x8 | 0x1000 | 0x8000;

const FLAG_EXTENTS = 0x8_0000;
const FLAG_ENCRYPTED = 0x800;
const TYPE_MASK = 0xf000;

export const EXT_TYPES = { directory: 0x4000, file: 0x8000, symlink: 0xa000 } as const;
export const ROOT_INODE = 2;

/** The file system is not laid out as it should be, or in a way that is not read here. */
export class ExtUnreadable extends Error {}

/** It is whole as far as can be told, and has features that are not read here. */
export class ExtUnsupported extends ExtUnreadable {}

export interface Inode {
  readonly number: number;
  readonly type: number;
  readonly links: number;
  readonly sizeBytes: number;
  readonly extents: boolean;
  readonly encrypted: boolean;
  /** A block with attributes that do not fit into the inode; 0 where there is none. */
  readonly attributeBlock: number;
  /** The 60 bytes that hold the tree, the list, or a short symbolic link. */
  readonly block: Buffer;
}

/** Numbers of blocks, and what was never used of the group's inodes. */
export interface GroupDescriptor {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  /** The bitmap was never written: no block is used but by the group's own structures. */
  readonly blocksUnused: boolean;
  /** Inodes at the front of the table that may be in use. */
  readonly usedInodes: number;
}

export class ExtLayout {
  private constructor(
    private readonly reader: ByteReader,
    private readonly superblock: Buffer,
    readonly blockBytes: number,
    readonly inodeBytes: number,
    readonly inodesPerGroup: number,
    readonly inodeCount: number,
    private readonly descriptorBytes: number,
  ) {}

  /** @throws ExtUnreadable */
  static async read(reader: ByteReader): Promise<ExtLayout> {
    const superblock = await readExactly(reader, 1024, 1024);
    if (superblock === null || superblock.readUInt16LE(0x38) !== 0xef53)
      throw new ExtUnreadable('it has no superblock');
    const incompat = superblock.readUInt32LE(0x60);
    if ((incompat & UNREADABLE_INCOMPAT) !== 0) throw new ExtUnsupported('it has features that are not read here');
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
      descriptorBytes > 1024 ||
      (descriptorBytes & (descriptorBytes - 1)) !== 0
    ) {
      throw new ExtUnreadable('its superblock makes no sense');
    }
    const inodeCount = superblock.readUInt32LE(0);
    return new ExtLayout(reader, superblock, blockBytes, inodeBytes, inodesPerGroup, inodeCount, descriptorBytes);
  }

  /** @throws ExtUnreadable */
  async inode(number: number): Promise<Inode> {
    if (number < 1 || number > this.inodeCount) throw new ExtUnreadable(`it has no inode ${number}`);
    const { inodeTable } = await this.group(this.groupOfInode(number));
    const index = (number - 1) % this.inodesPerGroup;
    return parseInode(number, await this.bytes(inodeTable * this.blockBytes + index * this.inodeBytes, 128));
  }

  groupOfInode(number: number): number {
    return Math.floor((number - 1) / this.inodesPerGroup);
  }

  /** @throws ExtUnreadable */
  async group(group: number): Promise<GroupDescriptor> {
    const bytes = await this.bytes(this.#descriptorByte(group), this.descriptorBytes);
    const block = (low: number, high: number): number =>
      bytes.readUInt32LE(low) + (this.descriptorBytes >= 64 ? bytes.readUInt32LE(high) * 2 ** 32 : 0);
    const checked = (this.#roCompat & RO_COMPAT_GDT_CHECKSUMS) !== 0;
    const flags = checked ? bytes.readUInt16LE(0x12) : 0;
    const neverUsed = checked
      ? bytes.readUInt16LE(0x1c) + (this.descriptorBytes >= 64 ? bytes.readUInt16LE(0x32) * 2 ** 16 : 0)
      : 0;
    return {
      blockBitmap: block(0x00, 0x20),
      inodeBitmap: block(0x04, 0x24),
      inodeTable: block(0x08, 0x28),
      blocksUnused: (flags & 0x2) !== 0,
      usedInodes: (flags & 0x1) !== 0 ? 0 : Math.max(0, this.inodesPerGroup - neverUsed),
    };
  }

  /** @throws ExtUnreadable where the file system does not have all of them */
  async bytes(offset: number, length: number): Promise<Buffer> {
    const bytes = await readExactly(this.reader, offset, length);
    if (bytes === null) throw new ExtUnreadable(`it refers to byte ${offset}, which it does not have`);
    return bytes;
  }

  /** @throws ExtUnreadable */
  blockAt(number: number): Promise<Buffer> {
    return this.bytes(number * this.blockBytes, this.blockBytes);
  }

  get blockCount(): number {
    const high = this.descriptorBytes >= 64 ? this.superblock.readUInt32LE(0x150) : 0;
    return this.superblock.readUInt32LE(0x04) + high * 2 ** 32;
  }

  /** The block that the first group begins with: 1 where the superblock fills block 1, else 0. */
  get firstBlock(): number {
    return this.superblock.readUInt32LE(0x14);
  }

  get blocksPerGroup(): number {
    return this.superblock.readUInt32LE(0x20);
  }

  get groupCount(): number {
    return Math.ceil((this.blockCount - this.firstBlock) / this.blocksPerGroup);
  }

  /** Blocks that a bit of a block bitmap stands for. */
  get clusterBlocks(): number {
    if ((this.#roCompat & RO_COMPAT_BIGALLOC) === 0) return 1;
    return 2 ** Math.max(0, this.superblock.readUInt32LE(0x1c) - this.superblock.readUInt32LE(0x18));
  }

  get inodeTableBlocks(): number {
    return Math.ceil((this.inodesPerGroup * this.inodeBytes) / this.blockBytes);
  }

  /** Those below it are the file system's own. */
  get firstOwnInode(): number {
    return this.superblock.readUInt32LE(0x4c) === 0 ? 11 : this.superblock.readUInt32LE(0x54);
  }

  firstBlockOf(group: number): number {
    return this.firstBlock + group * this.blocksPerGroup;
  }

  /** How many blocks at the start of the group hold a copy of the superblock and descriptors, with room for more of them. */
  headBlocksOf(group: number): number {
    const head = this.#superblocksOf(group);
    const perBlock = this.#descriptorsPerBlock;
    const metaGroup = Math.floor(group / perBlock);
    if (this.#isMetaBg(metaGroup)) {
      const place = group % perBlock;
      return head + (place === 0 || place === 1 || place === perBlock - 1 ? 1 : 0);
    }
    if (head === 0) return 0;
    const last = (this.#incompat & INCOMPAT_META_BG) !== 0 ? this.#firstMetaBg : Infinity;
    return head + Math.min(last, Math.ceil(this.groupCount / perBlock)) + this.superblock.readUInt16LE(0xce);
  }

  #descriptorByte(group: number): number {
    const perBlock = this.#descriptorsPerBlock;
    const metaGroup = Math.floor(group / perBlock);
    const within = (group % perBlock) * this.descriptorBytes;
    if (!this.#isMetaBg(metaGroup))
      return (this.firstBlock + this.#superblocksOf(0) + metaGroup) * this.blockBytes + within;
    const first = metaGroup * perBlock;
    return (this.firstBlockOf(first) + this.#superblocksOf(first)) * this.blockBytes + within;
  }

  get #descriptorsPerBlock(): number {
    return this.blockBytes / this.descriptorBytes;
  }

  get #firstMetaBg(): number {
    return this.superblock.readUInt32LE(0x104);
  }

  #isMetaBg(metaGroup: number): boolean {
    return (this.#incompat & INCOMPAT_META_BG) !== 0 && metaGroup >= this.#firstMetaBg;
  }

  /** Blocks in front of a group's descriptors. */
  #superblocksOf(group: number): number {
    if (!this.#hasSuperblock(group)) return 0;
    // With large clusters the first group begins with block 0, and blocks of 1 KiB leave that to the boot sector.
    return group === 0 && this.blockBytes === 1024 && this.firstBlock === 0 ? 2 : 1;
  }

  /** In all groups; with sparse_super in 0, 1 and the powers of 3, 5 and 7; with sparse_super2 in 0 and two that are named. */
  #hasSuperblock(group: number): boolean {
    if (group === 0) return true;
    if ((this.superblock.readUInt32LE(0x5c) & COMPAT_SPARSE_SUPER2) !== 0)
      return group === this.superblock.readUInt32LE(0x24c) || group === this.superblock.readUInt32LE(0x250);
    if (group === 1 || (this.#roCompat & RO_COMPAT_SPARSE_SUPER) === 0) return true;
    return [3, 5, 7].some((base) => isPowerOf(base, group));
  }

  get #incompat(): number {
    return this.superblock.readUInt32LE(0x60);
  }

  get #roCompat(): number {
    return this.superblock.readUInt32LE(0x64);
  }
}

/** @param bytes its first 128 */
export function parseInode(number: number, bytes: Buffer): Inode {
  const flags = bytes.readUInt32LE(0x20);
  return {
    number,
    type: bytes.readUInt16LE(0) & TYPE_MASK,
    links: bytes.readUInt16LE(0x1a),
    sizeBytes: bytes.readUInt32LE(0x04) + bytes.readUInt32LE(0x6c) * 2 ** 32,
    extents: (flags & FLAG_EXTENTS) !== 0,
    encrypted: (flags & FLAG_ENCRYPTED) !== 0,
    attributeBlock: bytes.readUInt32LE(0x68) + bytes.readUInt16LE(0x76) * 2 ** 32,
    block: Buffer.from(bytes.subarray(0x28, 0x64)),
  };
}

export interface DirectoryEntry {
  readonly inode: number;
  readonly name: Buffer;
}

/** Of one block: entries never cross blocks. The nodes of a hashed directory look like unused entries. */
export function* entriesIn(block: Buffer): Generator<DirectoryEntry> {
  for (let at = 0; at + 8 <= block.length;) {
    const stored = block.readUInt16LE(at + 4);
    // 16 bits do not hold the 64 KiB of the largest block.
    const length = block.length === 65_536 && (stored === 0 || stored === 65_535) ? 65_536 - at : stored;
    if (length < 8 || at + length > block.length) return;
    const inode = block.readUInt32LE(at);
    const nameBytes = block.readUInt8(at + 6);
    if (inode !== 0 && nameBytes + 8 <= length) yield { inode, name: block.subarray(at + 8, at + 8 + nameBytes) };
    at += length;
  }
}

function isPowerOf(base: number, number: number): boolean {
  let power = base;
  while (power < number) power *= base;
  return power === number;
}
