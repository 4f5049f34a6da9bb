import type { ByteReader } from '@landfall/domain';

/*
 * Every offset and size that comes from an image is untrusted. All reading goes through the functions here, which
 * answer null for a range that the image does not have, and never allocate more than the caller's own limit.
 */

/** A part of another reader, clipped to its end. */
export class WindowReader implements ByteReader {
  readonly sizeBytes: number;

  constructor(
    private readonly inner: ByteReader,
    private readonly start: number,
    sizeBytes: number,
  ) {
    this.sizeBytes = Math.max(0, Math.min(sizeBytes, inner.sizeBytes - start));
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    if (offset < 0 || length < 0 || offset + length > this.sizeBytes) {
      return Promise.reject(new RangeError(`${length} bytes at ${offset} are outside of ${this.sizeBytes} bytes`));
    }
    return this.inner.read(this.start + offset, length, signal);
  }
}

/** Exactly `length` bytes, or null where the reader does not have all of them. */
export async function readExactly(reader: ByteReader, offset: number, length: number): Promise<Buffer | null> {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return null;
  if (offset < 0 || length < 0 || offset + length > reader.sizeBytes) return null;
  return reader.read(offset, length);
}

/** The first `length` bytes, or as many as there are. */
export async function readHead(reader: ByteReader, length: number): Promise<Buffer> {
  const available = Math.min(length, reader.sizeBytes);
  return available === 0 ? Buffer.alloc(0) : reader.read(0, available);
}

/**
 * Keeps the last few blocks that were read, so that walks over tables and directories do not ask for the same
 * bytes again and again. Holds at most `blocks` × `blockBytes`.
 */
export class BlockCache implements ByteReader {
  readonly sizeBytes: number;
  readonly #kept = new Map<number, Promise<Buffer>>();

  constructor(
    private readonly inner: ByteReader,
    private readonly blockBytes = 4096,
    private readonly blocks = 64,
  ) {
    this.sizeBytes = inner.sizeBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const first = Math.floor(offset / this.blockBytes);
    const last = Math.floor((offset + Math.max(1, length) - 1) / this.blockBytes);
    // A long read would only push out what the cache is for.
    if (last - first >= this.blocks / 2) return this.inner.read(offset, length);
    const parts: Buffer[] = [];
    for (let block = first; block <= last; block += 1) parts.push(await this.#block(block));
    const start = offset - first * this.blockBytes;
    return Buffer.concat(parts).subarray(start, start + length);
  }

  #block(index: number): Promise<Buffer> {
    const kept = this.#kept.get(index);
    if (kept !== undefined) {
      this.#kept.delete(index);
      this.#kept.set(index, kept);
      return kept;
    }
    const start = index * this.blockBytes;
    const read = this.inner.read(start, Math.min(this.blockBytes, this.sizeBytes - start));
    this.#kept.set(index, read);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > this.blocks && oldest.done !== true) this.#kept.delete(oldest.value);
    return read;
  }
}

/** Unsigned 64 bits, or null above 2^53 − 1: no disk is that large. */
export function safeUint64(bytes: Buffer, offset: number): number | null {
  const value = bytes.readBigUInt64LE(offset);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
}
