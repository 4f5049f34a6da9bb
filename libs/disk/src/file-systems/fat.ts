import type { ByteReader } from '@landfall/domain';
import { BlockCache, readExactly } from '../readers.js';
import { cleanText } from '../text.js';

/*
 * A FAT file system, read only: enough to find boot loaders on an ESP.
 *
 *   reserved sectors | FAT × n | root directory (FAT12, FAT16) | clusters from number 2 on
 *
 * The FAT says for each cluster which one comes next. Chains and directories are bounded, so that a loop or a
 * directory without an end costs no more than a long one.
 */
export type FatKind = 'FAT12' | 'FAT16' | 'FAT32';

export interface FatGeometry {
  readonly kind: FatKind;
  readonly clusterBytes: number;
  readonly clusters: number;
  readonly fatByte: number;
  /** FAT12 and FAT16: the root directory; else empty. */
  readonly rootByte: number;
  readonly rootBytes: number;
  /** FAT32: the root directory's first cluster. */
  readonly rootCluster: number;
  /** Where cluster 2 begins. */
  readonly dataByte: number;
}

export interface FatEntry {
  readonly name: string;
  readonly directory: boolean;
  readonly sizeBytes: number;
  readonly firstCluster: number;
}

/** 8,192 entries; directories of an ESP have a handful. */
const LONGEST_DIRECTORY_BYTES = 256 * 1024;
const ENTRY_BYTES = 32;
/** 0 and 1 stand for no cluster, and 0 in the FAT for a free one. */
const NO_CLUSTER = 1;
const ATTRIBUTE_VOLUME = 0x08;
const ATTRIBUTE_DIRECTORY = 0x10;
const ATTRIBUTE_LONG_NAME = 0x0f;

/** Null where the sector is not the boot sector of a FAT file system that fits into `sizeBytes`. */
export function readFatGeometry(head: Buffer, sizeBytes: number): FatGeometry | null {
  if (head.length < 512 || head[510] !== 0x55 || head[511] !== 0xaa) return null;
  if (head[0] !== 0xeb && head[0] !== 0xe9) return null;
  const sectorBytes = head.readUInt16LE(11);
  const sectorsPerCluster = head.readUInt8(13);
  const reserved = head.readUInt16LE(14);
  const fats = head.readUInt8(16);
  const rootEntries = head.readUInt16LE(17);
  const sectors = head.readUInt16LE(19) || head.readUInt32LE(32);
  const shortFat = head.readUInt16LE(22);
  const fatSectors = shortFat || head.readUInt32LE(36);
  const media = head.readUInt8(21);
  if (![512, 1024, 2048, 4096].includes(sectorBytes)) return null;
  if (sectorsPerCluster === 0 || (sectorsPerCluster & (sectorsPerCluster - 1)) !== 0) return null;
  if (reserved === 0 || fats === 0 || fats > 4 || fatSectors === 0 || (media < 0xf8 && media !== 0xf0)) return null;

  const rootBytes = Math.ceil((rootEntries * ENTRY_BYTES) / sectorBytes) * sectorBytes;
  const rootByte = (reserved + fats * fatSectors) * sectorBytes;
  const dataByte = rootByte + rootBytes;
  const clusterBytes = sectorsPerCluster * sectorBytes;
  const clusters = Math.floor((sectors * sectorBytes - dataByte) / clusterBytes);
  if (clusters < 1 || sectors * sectorBytes > sizeBytes) return null;
  const kind = shortFat === 0 ? 'FAT32' : clusters < 4085 ? 'FAT12' : 'FAT16';
  return {
    kind,
    clusterBytes,
    clusters,
    fatByte: reserved * sectorBytes,
    rootByte,
    rootBytes,
    rootCluster: kind === 'FAT32' ? head.readUInt32LE(44) : 0,
    dataByte,
  };
}

export class FatFileSystem {
  readonly #cache: BlockCache;

  constructor(
    reader: ByteReader,
    private readonly geometry: FatGeometry,
    private readonly longestDirectoryBytes = LONGEST_DIRECTORY_BYTES,
  ) {
    this.#cache = new BlockCache(reader);
  }

  root(): Promise<readonly FatEntry[]> {
    return this.#rootBytes().then(parseDirectory);
  }

  /** The entries of the directory at this path (names of any case); null where there is none. */
  async directory(...path: readonly string[]): Promise<readonly FatEntry[] | null> {
    let entries = await this.root();
    for (const name of path) {
      const entry = entries.find((candidate) => candidate.directory && sameName(candidate.name, name));
      if (entry === undefined) return null;
      entries = await this.below(entry);
    }
    return entries;
  }

  /** The entries of a directory that another one lists. */
  async below(directory: FatEntry): Promise<readonly FatEntry[]> {
    return parseDirectory(await this.#chainBytes(directory.firstCluster));
  }

  async volumeLabel(): Promise<string | null> {
    const bytes = await this.#rootBytes();
    for (const entry of slots(bytes)) {
      const attributes = entry.readUInt8(11);
      if (entry[0] === 0xe5 || attributes === ATTRIBUTE_LONG_NAME) continue;
      if ((attributes & (ATTRIBUTE_VOLUME | ATTRIBUTE_DIRECTORY)) === ATTRIBUTE_VOLUME) {
        return cleanText(entry.subarray(0, 11), 'latin1');
      }
    }
    return null;
  }

  async #rootBytes(): Promise<Buffer> {
    const { kind, rootByte, rootBytes, rootCluster } = this.geometry;
    if (kind === 'FAT32') return this.#chainBytes(rootCluster);
    return (
      (await readExactly(this.#cache, rootByte, Math.min(rootBytes, this.longestDirectoryBytes))) ?? Buffer.alloc(0)
    );
  }

  /** The clusters of a chain, at most so many: one that leads back to itself gives them again and again. */
  async *chain(firstCluster: number, most: number): AsyncGenerator<number> {
    let cluster = firstCluster;
    for (let count = 0; count < most && this.#isCluster(cluster); count += 1) {
      yield cluster;
      cluster = await this.#next(cluster);
    }
  }

  /** False where the FAT does not tell. */
  async isFree(cluster: number): Promise<boolean> {
    return this.#isCluster(cluster) && (await this.#next(cluster)) === 0;
  }

  async #chainBytes(firstCluster: number): Promise<Buffer> {
    const { clusterBytes, dataByte } = this.geometry;
    const parts: Buffer[] = [];
    const seen = new Set<number>();
    for await (const cluster of this.chain(firstCluster, Math.floor(this.longestDirectoryBytes / clusterBytes))) {
      if (seen.has(cluster)) break;
      const bytes = await readExactly(this.#cache, dataByte + (cluster - 2) * clusterBytes, clusterBytes);
      if (bytes === null) break;
      seen.add(cluster);
      parts.push(bytes);
    }
    return Buffer.concat(parts);
  }

  /** What the FAT says of a cluster: the next one in its chain, 0 for a free one, else that it is none. */
  async #next(cluster: number): Promise<number> {
    const { kind, fatByte } = this.geometry;
    const bits = kind === 'FAT32' ? 32 : kind === 'FAT16' ? 16 : 12;
    const bytes = await readExactly(this.#cache, fatByte + Math.floor((cluster * bits) / 8), bits === 32 ? 4 : 2);
    if (bytes === null) return NO_CLUSTER;
    if (bits === 32) return bytes.readUInt32LE(0) & 0x0fff_ffff;
    const pair = bytes.readUInt16LE(0);
    if (bits === 16) return pair;
    return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
  }

  #isCluster(cluster: number): boolean {
    return cluster >= 2 && cluster < this.geometry.clusters + 2;
  }
}

function* slots(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    if (bytes[at] === 0) return;
    yield bytes.subarray(at, at + ENTRY_BYTES);
  }
}

/** Long names come in pieces of 13 characters, the last piece first, in front of the entry that they belong to. */
function parseDirectory(bytes: Buffer): readonly FatEntry[] {
  const entries: FatEntry[] = [];
  let longName = '';
  for (const slot of slots(bytes)) {
    const attributes = slot.readUInt8(11);
    if (slot[0] === 0xe5) {
      longName = '';
    } else if (attributes === ATTRIBUTE_LONG_NAME) {
      const piece = Buffer.concat([slot.subarray(1, 11), slot.subarray(14, 26), slot.subarray(28, 32)]).toString(
        'utf16le',
      );
      longName = piece.replace(/[\0\uffff].*$/s, '') + longName;
    } else {
      const name = longName === '' ? shortName(slot) : longName;
      longName = '';
      if ((attributes & ATTRIBUTE_VOLUME) !== 0 || name === '.' || name === '..') continue;
      entries.push({
        name,
        directory: (attributes & ATTRIBUTE_DIRECTORY) !== 0,
        sizeBytes: slot.readUInt32LE(28),
        firstCluster: slot.readUInt16LE(20) * 65_536 + slot.readUInt16LE(26),
      });
    }
  }
  return entries;
}

/** Base and ending in capitals; two flags in byte 12 say where small letters are meant. */
function shortName(slot: Buffer): string {
  const flags = slot.readUInt8(12);
  const part = (from: number, to: number, smallFlag: number): string => {
    const text = slot.toString('latin1', from, to).trimEnd();
    return (flags & smallFlag) === 0 ? text : text.toLowerCase();
  };
  const ending = part(8, 11, 0x10);
  return ending === '' ? part(0, 8, 0x08) : `${part(0, 8, 0x08)}.${ending}`;
}

function sameName(a: string, b: string): boolean {
  return a.toUpperCase() === b.toUpperCase();
}
