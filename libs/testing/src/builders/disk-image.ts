import { crc32 } from 'node:zlib';
import type { ByteReader } from '@landfall/domain';

const SECTOR = 512;

/** A disk in memory of any size, all zeros but for what was written; counts what is asked of it. */
export class SparseImage implements ByteReader {
  readonly #sectors = new Map<number, Buffer>();
  bytesRead = 0;
  /** Every read answers with this instead. */
  failure: Error | null = null;

  constructor(readonly sizeBytes: number) {}

  write(offset: number, bytes: Uint8Array): this {
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((offset + done) / SECTOR);
      const at = (offset + done) % SECTOR;
      const sector = this.#sectors.get(index) ?? Buffer.alloc(SECTOR);
      const part = bytes.subarray(done, done + SECTOR - at);
      sector.set(part, at);
      this.#sectors.set(index, sector);
      done += part.length;
    }
    return this;
  }

  /** The same contents, to be changed apart from this one. */
  copy(sizeBytes = this.sizeBytes): SparseImage {
    const twin = new SparseImage(sizeBytes);
    for (const [index, sector] of this.#sectors) twin.write(index * SECTOR, sector);
    return twin;
  }

  /** Numbers of the sectors that something was written to, ascending. */
  get written(): readonly number[] {
    return [...this.#sectors.keys()].sort((a, b) => a - b);
  }

  peek(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = offset; at < offset + length;) {
      const index = Math.floor(at / SECTOR);
      const until = Math.min((index + 1) * SECTOR, offset + length);
      this.#sectors.get(index)?.copy(bytes, at - offset, at - index * SECTOR, until - index * SECTOR);
      at = until;
    }
    return bytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    if (this.failure !== null) throw this.failure;
    if (offset < 0 || length < 0 || offset + length > this.sizeBytes) {
      throw new RangeError(`${length} bytes at ${offset} of an image of ${this.sizeBytes} bytes`);
    }
    this.bytesRead += length;
    return this.peek(offset, length);
  }
}

export interface MbrPartition {
  readonly type: number;
  readonly firstSector: number;
  readonly sectors: number;
  readonly active?: boolean;
}

/** An MBR with up to four entries; `bootCode` lies at its start. */
export function writeMbr(image: SparseImage, partitions: readonly MbrPartition[], bootCode = ''): SparseImage {
  const sector = Buffer.alloc(SECTOR);
  sector.write(bootCode, 'latin1');
  partitions.forEach((partition, index) => {
    const at = 446 + index * 16;
    sector.writeUInt8(partition.active === true ? 0x80 : 0, at);
    sector.writeUInt8(partition.type, at + 4);
    sector.writeUInt32LE(partition.firstSector, at + 8);
    sector.writeUInt32LE(partition.sectors, at + 12);
  });
  sector.writeUInt16BE(0x55aa, 510);
  return image.write(0, sector);
}

export interface GptPartition {
  /** As in the specification's text, such as `C12A7328-F81F-11D2-BA4B-00A0C93EC93B`. */
  readonly type: string;
  readonly firstSector: number;
  readonly lastSector: number;
  readonly name?: string;
  readonly attributes?: number;
}

/** A protective MBR and both copies of a GPT with 128 entries. */
export function writeGpt(
  image: SparseImage,
  partitions: readonly GptPartition[],
  { sectorBytes = 512, bootCode = '' }: { sectorBytes?: number; bootCode?: string } = {},
): SparseImage {
  const sectors = image.sizeBytes / sectorBytes;
  const arraySectors = (128 * 128) / sectorBytes;
  writeMbr(image, [{ type: 0xee, firstSector: 1, sectors: Math.min(sectors - 1, 0xffff_ffff) }], bootCode);
  const array = Buffer.alloc(128 * 128);
  partitions.forEach((partition, index) => {
    const entry = array.subarray(index * 128, (index + 1) * 128);
    guidBytes(partition.type).copy(entry, 0);
    entry.fill(index + 1, 16, 32);
    entry.writeBigUInt64LE(BigInt(partition.firstSector), 32);
    entry.writeBigUInt64LE(BigInt(partition.lastSector), 40);
    entry.writeUInt8(partition.attributes ?? 0, 48);
    entry.write(partition.name ?? '', 56, 'utf16le');
  });
  const header = (own: number, other: number, arrayAt: number): Buffer => {
    const bytes = Buffer.alloc(sectorBytes);
    bytes.write('EFI PART', 'latin1');
    bytes.writeUInt32LE(0x1_0000, 8);
    bytes.writeUInt32LE(92, 12);
    bytes.writeBigUInt64LE(BigInt(own), 24);
    bytes.writeBigUInt64LE(BigInt(other), 32);
    bytes.writeBigUInt64LE(BigInt(arrayAt), 72);
    bytes.writeUInt32LE(128, 80);
    bytes.writeUInt32LE(128, 84);
    bytes.writeUInt32LE(crc32(array), 88);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 16);
    return bytes;
  };
  const last = sectors - 1;
  image.write(sectorBytes, header(1, last, 2)).write(2 * sectorBytes, array);
  return image
    .write((last - arraySectors) * sectorBytes, array)
    .write(last * sectorBytes, header(last, 1, last - arraySectors));
}

/** The first three groups are little-endian on disk. */
function guidBytes(text: string): Buffer {
  const [a = '', b = '', c = '', ...rest] = text.split('-');
  const reversed = [a, b, c].map((group) => Buffer.from(group, 'hex').reverse());
  return Buffer.concat([...reversed, Buffer.from(rest.join(''), 'hex')]);
}
