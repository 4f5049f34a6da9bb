import { PermanentError, type DiskTarget } from '@landfall/domain';

export interface MemoryDiskFaults {
  /** The write that would go beyond this many bytes in all fails with `TARGET_FULL`. */
  readonly capacityBytes?: number;
  /** Every flush fails with `TARGET_FLUSH_FAILED`. */
  readonly flushFails?: boolean;
  /** Reading gives this byte flipped, whatever was written: a device that lies. */
  readonly flippedByteAt?: number;
  /** Runs before each write, and may throw or wait. */
  readonly beforeWrite?: (offset: number, length: number) => Promise<void> | void;
}

/**
 * A disk in memory that keeps apart what was written and what was flushed, and misbehaves on request.
 * Like a disk that Azure has just created, it is all zeros at first.
 */
export class MemoryDiskTarget implements DiskTarget {
  readonly description = 'a disk in memory';
  readonly writes: { readonly offset: number; readonly length: number }[] = [];
  flushes = 0;
  closed = false;
  /** Of writes in flight at one time. */
  mostAtOnce = 0;

  readonly #bytes: Buffer;
  #durable: Buffer;
  #written = 0;
  #inFlight = 0;
  #broken = false;

  constructor(
    readonly sizeBytes: number,
    readonly alignmentBytes = 1,
    readonly faults: MemoryDiskFaults = {},
  ) {
    this.#bytes = Buffer.alloc(sizeBytes);
    this.#durable = Buffer.alloc(sizeBytes);
  }

  /** What would be there after a power cut: the contents at the last good flush. */
  get durable(): Buffer {
    return this.#durable;
  }

  /** Changes the contents behind everybody's back. */
  tamper(offset: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, offset);
  }

  async write(offset: number, bytes: Uint8Array, signal?: AbortSignal, mayWrite?: () => void): Promise<void> {
    signal?.throwIfAborted();
    this.#inFlight += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#inFlight);
    try {
      await this.faults.beforeWrite?.(offset, bytes.length);
      mayWrite?.();
      this.#check(offset, bytes.length);
      if (this.#written + bytes.length > (this.faults.capacityBytes ?? Infinity)) {
        throw new PermanentError({
          code: 'TARGET_FULL',
          message: 'There is no space left on the disk in memory.',
          fix: 'Give the double a higher capacity.',
        });
      }
      this.#written += bytes.length;
      this.#bytes.set(bytes, offset);
      this.writes.push({ offset, length: bytes.length });
    } finally {
      this.#inFlight -= 1;
    }
  }

  async flush(): Promise<void> {
    if (this.faults.flushFails === true || this.#broken) {
      this.#broken = true;
      throw new PermanentError({
        code: 'TARGET_FLUSH_FAILED',
        message: 'The disk in memory could not be flushed.',
        fix: 'Ask the double for no such fault.',
      });
    }
    this.flushes += 1;
    this.#durable = Buffer.from(this.#bytes);
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    if (offset < 0 || offset + length > this.sizeBytes) throw this.#tooSmall(offset, length);
    const bytes = Buffer.from(this.#bytes.subarray(offset, offset + length));
    const flipped = (this.faults.flippedByteAt ?? -1) - offset;
    if (flipped >= 0 && flipped < length) bytes[flipped] = bytes[flipped]! ^ 0xff;
    return bytes;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #check(offset: number, length: number): void {
    if (offset % this.alignmentBytes !== 0 || length % this.alignmentBytes !== 0) {
      throw new RangeError(`A write of ${length} bytes at ${offset} is not aligned to ${this.alignmentBytes}.`);
    }
    if (offset < 0 || offset + length > this.sizeBytes) throw this.#tooSmall(offset, length);
  }

  #tooSmall(offset: number, length: number): PermanentError {
    return new PermanentError({
      code: 'TARGET_TOO_SMALL',
      message: `The disk in memory has ${this.sizeBytes} bytes; ${length} at ${offset} do not lie in it.`,
      fix: 'Give the double a bigger size.',
    });
  }
}
