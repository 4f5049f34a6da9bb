import { printable, type ByteRange, type ByteReader, type NotNamed } from '@landfall/domain';
import { AllowanceSpent, type Care } from '../occupants/careful-reader.js';
import { Claims, type Occupants } from '../occupants/claims.js';
import { BlockCache, readExactly } from '../readers.js';
import {
  entriesIn,
  EXT_TYPES,
  ExtLayout,
  ExtUnreadable,
  ExtUnsupported,
  parseInode,
  ROOT_INODE,
  type DirectoryEntry,
  type Inode,
} from './ext-layout.js';
import { runsOf } from './ext-runs.js';

/*
 * To which files some ranges of an ext file system belong. No list leads from a block to its file, nor from a file to its
 * folder, so both are looked for:
 *
 *   1. descriptors and bitmaps say which blocks are the file system's own, and which are free;
 *   2. inodes are asked for their blocks, until each block has its owner;
 *   3. folders are asked for their entries, until each owner has its name; from there `..` leads up to the root.
 *
 * A file lies near its inode and its folder wherever there was room, so groups are looked through from the ranges, or the
 * inodes, outwards. Mostly a few of them are enough, however large the disk.
 */
const MOST_GROUPS = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** A file's numbers of blocks have 32 bits. */
const ALL_BLOCKS = 2 ** 32;
const DEEPEST_FOLDER = 256;
/** Stands for what lies above a folder whose own place is not known. */
const SOMEWHERE = '…';

export async function extOccupants(
  region: ByteReader,
  ranges: readonly ByteRange[],
  care: Care,
): Promise<readonly Occupants[]> {
  try {
    const layout = await ExtLayout.read(new BlockCache(region));
    return await new ExtSearch(region, layout, ranges, care).run();
  } catch (error) {
    const none = new Claims(ranges, Math.max(1024, region.sizeBytes));
    if (error instanceof AllowanceSpent) return none.occupants(() => null, 'too-much');
    if (!(error instanceof ExtUnreadable)) throw error;
    return none.occupants(() => null, error instanceof ExtUnsupported ? 'not-read' : 'damaged');
  }
}

class ExtSearch {
  readonly #claims: Claims;
  readonly #names = new Map<number, string>();
  /** Of folders, from the root to where their own names end. */
  readonly #paths = new Map<number, string>([[ROOT_INODE, '']]);

  constructor(
    private readonly region: ByteReader,
    private readonly layout: ExtLayout,
    ranges: readonly ByteRange[],
    private readonly care: Care,
  ) {
    const { groupCount, blocksPerGroup } = layout;
    // A group has a block for the bitmap of its blocks.
    if (!(groupCount >= 1 && groupCount <= MOST_GROUPS) || blocksPerGroup < 8)
      throw new ExtUnreadable('its superblock makes no sense');
    // What is left of a cluster is whose its other blocks are.
    this.#claims = new Claims(ranges, layout.blockBytes * layout.clusterBlocks);
  }

  async run(): Promise<readonly Occupants[]> {
    let spent: NotNamed | null = null;
    try {
      await this.#claimStructures();
      await this.#claimFree();
      await this.#claimFiles();
      await this.#findNames();
    } catch (error) {
      if (!(error instanceof AllowanceSpent)) throw error;
      spent = 'too-much';
    }
    return this.#claims.occupants((owner) => this.#names.get(owner) ?? null, spent);
  }

  async #claimStructures(): Promise<void> {
    const { layout } = this;
    // In front of the first group: the boot sector.
    this.#structure(0, layout.firstBlock);
    for (let group = 0; group < layout.groupCount; group += 1) {
      await this.care.spend();
      this.#structure(layout.firstBlockOf(group), layout.headBlocksOf(group));
      await this.#unlessDamaged(async () => {
        const { blockBitmap, inodeBitmap, inodeTable } = await layout.group(group);
        // A descriptor that is all zeros is none.
        if (inodeTable === 0) return;
        this.#structure(blockBitmap, 1);
        this.#structure(inodeBitmap, 1);
        this.#structure(inodeTable, layout.inodeTableBlocks);
      });
    }
    const end = Math.ceil(layout.blockCount / layout.clusterBlocks);
    this.#claims.free(end, Math.ceil(this.region.sizeBytes / this.#claims.unitBytes));
  }

  async #claimFree(): Promise<void> {
    for (const group of this.#groupsOfRanges()) {
      await this.#unlessDamaged(async () => this.#claimFreeOf(group));
    }
  }

  async #claimFreeOf(group: number): Promise<void> {
    const { layout, care } = this;
    const start = Math.floor(layout.firstBlockOf(group) / layout.clusterBlocks);
    const stretches = this.#claims.reaching(start, Math.ceil(layout.blocksPerGroup / layout.clusterBlocks));
    const { blockBitmap, blocksUnused } = await layout.group(group);
    if (blocksUnused) {
      for (const { first, count } of stretches) this.#claims.free(first, count);
      return;
    }
    const damagedBefore = care.damaged;
    const bitmap = await readExactly(this.region, blockBitmap * layout.blockBytes, layout.blockBytes);
    // Zeros would say that all is free.
    if (bitmap === null || blockBitmap === 0 || care.damaged > damagedBefore) return;
    for (const { first, count } of stretches) {
      for (let unit = first; unit < first + count; unit += 1) {
        const bit = unit - start;
        if (((bitmap[bit >> 3] ?? 0xff) & (1 << (bit & 7))) === 0) this.#claims.free(unit, 1);
      }
    }
  }

  #structure(block: number, count: number): void {
    const { first, units } = this.#unitsOf(block, count);
    this.#claims.structure(first, units);
  }

  #unitsOf(block: number, count: number): { readonly first: number; readonly units: number } {
    const { clusterBlocks } = this.layout;
    const first = Math.floor(block / clusterBlocks);
    return { first, units: count === 0 ? 0 : Math.ceil((block + count) / clusterBlocks) - first };
  }

  async #claimFiles(): Promise<void> {
    for (const group of outwards(this.#groupsOfRanges(), this.layout.groupCount)) {
      for await (const inode of this.#inodesOf(group)) {
        if (this.#claims.open === 0) return;
        await this.#unlessDamaged(async () => this.#claimRuns(inode));
      }
      if (this.#claims.open === 0) return;
    }
  }

  async #claimRuns(inode: Inode): Promise<void> {
    const { layout } = this;
    const claim = (block: number, count: number): void => {
      const { first, units } = this.#unitsOf(block, count);
      if (inode.number < layout.firstOwnInode && inode.number !== ROOT_INODE) this.#claims.structure(first, units);
      else this.#claims.file(inode.number, first, units);
    };
    if (inode.attributeBlock !== 0) claim(inode.attributeBlock, 1);
    if (!hasBlocks(inode)) return;
    const blocks = inode.extents ? ALL_BLOCKS : Math.ceil(inode.sizeBytes / layout.blockBytes);
    for await (const { kind, physical, blocks: count } of runsOf(layout, inode, blocks)) {
      if (kind === 'map') await this.care.spend();
      claim(physical, count);
    }
  }

  async #findNames(): Promise<void> {
    const wanted = new Set(this.#claims.told());
    for (const number of [...wanted]) {
      await this.#unlessDamaged(async () => {
        if ((await this.layout.inode(number)).type !== EXT_TYPES.directory) return;
        this.#names.set(number, `${await this.#pathOf(number)}/`);
        wanted.delete(number);
      });
    }
    const near = [...wanted].map((number) => this.layout.groupOfInode(number));
    for (const group of outwards(near, this.layout.groupCount)) {
      if (wanted.size === 0) return;
      for await (const inode of this.#inodesOf(group)) {
        if (inode.type !== EXT_TYPES.directory) continue;
        await this.#unlessDamaged(async () => this.#findNamesIn(inode, wanted));
        if (wanted.size === 0) return;
      }
    }
    // Everybody was asked: no folder names them. What is lost is still told by its number.
    if (this.care.damaged === 0) for (const number of wanted) this.#names.set(number, `inode ${number}`);
  }

  async #findNamesIn(folder: Inode, wanted: Set<number>): Promise<void> {
    for await (const entry of this.#entriesOf(folder)) {
      if (!wanted.has(entry.inode) || isDots(entry)) continue;
      this.#names.set(entry.inode, `${await this.#pathOf(folder.number)}/${nameIn(folder, entry)}`);
      wanted.delete(entry.inode);
    }
  }

  /** Of a folder, without `/` at its end; what is not known of it is `…`. */
  async #pathOf(number: number): Promise<string> {
    const names: string[] = [];
    let here = number;
    let above = this.#paths.get(here);
    while (above === undefined && names.length < DEEPEST_FOLDER) {
      const step = await this.#stepUp(here);
      if (step === null) break;
      names.unshift(step.name);
      here = step.parent;
      above = this.#paths.get(here);
    }
    const path = [above ?? SOMEWHERE, ...names].join('/');
    this.#paths.set(number, path);
    return path;
  }

  async #stepUp(number: number): Promise<{ readonly parent: number; readonly name: string } | null> {
    let step: { parent: number; name: string } | null = null;
    await this.#unlessDamaged(async () => {
      const parent = await this.#entry(await this.layout.inode(number), (one) => one.name.equals(DOT_DOT));
      if (parent === null || parent.inode === number) return;
      const folder = await this.layout.inode(parent.inode);
      const own = await this.#entry(folder, (one) => one.inode === number && !isDots(one));
      if (own !== null) step = { parent: parent.inode, name: nameIn(folder, own) };
    });
    return step;
  }

  async #entry(folder: Inode, fits: (entry: DirectoryEntry) => boolean): Promise<DirectoryEntry | null> {
    if (folder.type !== EXT_TYPES.directory) return null;
    for await (const entry of this.#entriesOf(folder)) if (fits(entry)) return entry;
    return null;
  }

  async *#entriesOf(folder: Inode): AsyncGenerator<DirectoryEntry> {
    const { layout } = this;
    const blocks = Math.ceil(folder.sizeBytes / layout.blockBytes);
    for await (const { kind, logical, physical, blocks: count } of runsOf(layout, folder, blocks)) {
      if (kind === 'map') await this.care.spend();
      if (kind !== 'data') continue;
      for (let block = 0; block < count && logical + block < blocks; block += 1) {
        await this.care.spend();
        yield* entriesIn(await layout.blockAt(physical + block));
      }
    }
  }

  /** Those of the group that are in use, as far as its table can be read. */
  async *#inodesOf(group: number): AsyncGenerator<Inode> {
    const { layout } = this;
    await this.care.spend();
    const table = await this.#unlessDamaged(async () => layout.group(group));
    if (table === null || table.inodeTable === 0) return;
    const perChunk = Math.floor(CHUNK_BYTES / layout.inodeBytes);
    const inTable = Math.min(table.usedInodes, layout.inodeCount - group * layout.inodesPerGroup);
    for (let first = 0; first < inTable; first += perChunk) {
      const offset = table.inodeTable * layout.blockBytes + first * layout.inodeBytes;
      const count = Math.min(perChunk, inTable - first);
      const chunk = await readExactly(this.region, offset, count * layout.inodeBytes);
      if (chunk === null) return;
      for (let index = 0; index < count; index += 1) {
        const bytes = chunk.subarray(index * layout.inodeBytes, index * layout.inodeBytes + 128);
        const number = group * layout.inodesPerGroup + first + index + 1;
        const inode = parseInode(number, bytes);
        if (inode.links > 0 || number < layout.firstOwnInode) yield inode;
      }
    }
  }

  #groupsOfRanges(): readonly number[] {
    const { layout } = this;
    const all = this.#claims.reaching(0, Infinity);
    const groups = all.flatMap(({ first, count }) => {
      const groupOf = (unit: number): number =>
        Math.floor((unit * layout.clusterBlocks - layout.firstBlock) / layout.blocksPerGroup);
      const from = Math.max(0, groupOf(first));
      const to = Math.min(groupOf(first + count - 1), layout.groupCount - 1);
      return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
    });
    return [...new Set(groups)];
  }

  /** What is damaged there ends no search: the others go on. */
  async #unlessDamaged<T>(look: () => Promise<T>): Promise<T | null> {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof ExtUnreadable)) throw error;
      return null;
    }
  }
}

const DOT_DOT = Buffer.from('..');

function isDots({ name }: DirectoryEntry): boolean {
  return name.equals(DOT_DOT) || (name.length === 1 && name[0] === 0x2e);
}

function nameIn(folder: Inode, { name }: DirectoryEntry): string {
  return folder.encrypted ? '(encrypted)' : printable(name.toString('utf8'));
}

/** Short symbolic links lie in the inode, and of devices nothing lies anywhere. */
function hasBlocks({ type, sizeBytes, extents, number }: Inode): boolean {
  if (type === EXT_TYPES.symlink) return extents || sizeBytes >= 60;
  return type === EXT_TYPES.file || type === EXT_TYPES.directory || number < ROOT_INODE;
}

/** All numbers below `count`, those next to one of `from` first. */
function outwards(from: readonly number[], count: number): readonly number[] {
  const near = [...from].sort((a, b) => a - b);
  const all = Float64Array.from({ length: count }, (_, index) => index);
  if (near.length === 0) return [...all];
  let next = 0;
  const distances = Float64Array.from({ length: count }, (_, group) => {
    while (next + 1 < near.length && Math.abs(near[next + 1]! - group) <= Math.abs(near[next]! - group)) next += 1;
    return Math.abs(near[next]! - group);
  });
  return [...all.sort((a, b) => distances[a]! - distances[b]! || a - b)];
}
