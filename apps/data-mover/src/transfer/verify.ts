import { type ByteRange, type DiskSource, type DiskTarget, PermanentError } from '@landfall/domain';
import { within } from './move.js';
import { sampleBlocks } from './sample.js';

/*
 * Reads a range of the disk back and compares it with the backup.
 *
 * `full` compares every byte: each piece of the source with what the disk holds there, and everything between the pieces with
 * zero. `sampled` does the same for a few blocks (see sample.ts). What the backup does not reach (the rest of a disk that
 * is larger than its image) must be zero, too.
 */
const COMPARE_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(COMPARE_BYTES);

export interface Verified {
  readonly bytesCompared: number;
  /** Of them, those that had to be zero. */
  readonly bytesZero: number;
}

/** @throws PermanentError `VERIFY_MISMATCH` naming the first offset in the range that differs */
export async function verifyRange(
  source: DiskSource,
  target: DiskTarget,
  range: ByteRange,
  mode: 'sampled' | 'full',
  seed: string,
  signal: AbortSignal,
): Promise<Verified> {
  const comparison = new Comparison(target, signal);
  try {
    await compareRange(source, comparison, range, mode, seed, signal);
  } catch (error) {
    // What was seen to differ does so whatever has ended the reading.
    if (comparison.firstDifference === null) throw error;
  }
  if (comparison.firstDifference !== null) throw mismatch(target, comparison.firstDifference);
  return { bytesCompared: comparison.bytes, bytesZero: comparison.zeroBytes };
}

async function compareRange(
  source: DiskSource,
  comparison: Comparison,
  range: ByteRange,
  mode: 'sampled' | 'full',
  seed: string,
  signal: AbortSignal,
): Promise<void> {
  if (mode === 'full') return compareAll(source, comparison, range, signal);
  for (const block of sampleBlocks(range, source.extents(), seed)) {
    const known = within(source, block);
    if (known.length > 0) {
      await comparison.compare(known.offset, await source.read(known.offset, known.length, signal));
    }
    await comparison.compareZero(block.offset + known.length, block.length - known.length);
  }
}

function mismatch(target: DiskTarget, offset: number): PermanentError {
  return new PermanentError(
    {
      code: 'VERIFY_MISMATCH',
      message: `What was read back from ${target.description} differs from the backup at byte ${offset}.`,
      fix: 'Do not use this disk: it does not hold what was written. Start the restore anew, on another worker.',
    },
    { facts: { offset } },
  );
}

async function compareAll(
  source: DiskSource,
  comparison: Comparison,
  range: ByteRange,
  signal: AbortSignal,
): Promise<void> {
  const covered: ByteRange[] = [];
  for await (const piece of source.pieces(within(source, range), signal)) {
    const { offset, bytes, release } = piece;
    covered.push({ offset, length: bytes.length });
    await comparison.compare(offset, bytes);
    release?.();
  }
  covered.sort((left, right) => left.offset - right.offset);
  let at = range.offset;
  for (const { offset, length } of covered) {
    await comparison.compareZero(at, offset - at);
    at = offset + length;
  }
  await comparison.compareZero(at, range.offset + range.length - at);
}

class Comparison {
  bytes = 0;
  zeroBytes = 0;
  firstDifference: number | null = null;

  constructor(
    private readonly target: DiskTarget,
    private readonly signal: AbortSignal,
  ) {}

  async compare(offset: number, expected: Uint8Array): Promise<void> {
    for (let done = 0; done < expected.length; done += COMPARE_BYTES) {
      const part = expected.subarray(done, done + COMPARE_BYTES);
      const actual = await this.target.read(offset + done, part.length, this.signal);
      this.bytes += part.length;
      const equal = actual.equals(part);
      if (!equal) this.#differs(offset + done + actual.findIndex((byte, index) => byte !== part[index]));
      free(actual);
      if (!equal) return;
    }
  }

  async compareZero(offset: number, length: number): Promise<void> {
    for (let done = 0; done < length; done += COMPARE_BYTES) {
      const part = Math.min(COMPARE_BYTES, length - done);
      await this.compare(offset + done, ZEROS.subarray(0, part));
      this.zeroBytes += part;
    }
  }

  #differs(offset: number): void {
    this.firstDifference = Math.min(offset, this.firstDifference ?? Infinity);
  }
}

/** At once: left to the garbage collector, what is read back of a large disk piles up to hundreds of MiB. */
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
