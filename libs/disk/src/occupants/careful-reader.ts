import { setImmediate as turn } from 'node:timers/promises';
import { isDamageError, type ByteReader } from '@landfall/domain';

/*
 * Reading around damage. What can't be had reads as zeros, which no table, tree or list takes for one of its own, and is
 * counted; and all that is read for one answer comes out of one allowance.
 */

/** What an answer may cost. */
export interface Allowance {
  readonly bytes: number;
  /** Reads, and steps that cost about as much. */
  readonly steps: number;
  readonly milliseconds: number;
}

/** The allowance is used up: what was found so far is the answer. */
export class AllowanceSpent extends Error {}

const STEPS_BETWEEN_TURNS = 256;
/** A damaged stretch is told to this size. */
const PIECE_BYTES = 4096;

export class Care {
  /** Reads that gave zeros for what is damaged. */
  damaged = 0;
  #steps = 0;
  #bytes = 0;
  readonly #until: number;

  /** @param now milliseconds of a monotonic clock */
  constructor(
    private readonly allowance: Allowance,
    private readonly signal?: AbortSignal,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#until = now() + allowance.milliseconds;
  }

  /** @throws AllowanceSpent; what the signal was aborted with */
  async spend(bytes = 0): Promise<void> {
    this.#steps += 1;
    this.#bytes += bytes;
    if (this.#steps % STEPS_BETWEEN_TURNS === 0) await turn();
    this.signal?.throwIfAborted();
    if (this.#steps > this.allowance.steps || this.#bytes > this.allowance.bytes || this.now() > this.#until)
      throw new AllowanceSpent('the allowance is spent');
  }
}

export class CarefulReader implements ByteReader {
  readonly sizeBytes: number;

  constructor(
    private readonly inner: ByteReader,
    private readonly care: Care,
  ) {
    this.sizeBytes = inner.sizeBytes;
  }

  /** @throws AllowanceSpent; what is wrong with the reader itself */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    await this.care.spend(length);
    try {
      return await this.inner.read(offset, length, signal);
    } catch (error) {
      if (!isDamageError(error)) throw error;
    }
    if (length > PIECE_BYTES) return this.#inPieces(offset, length, signal);
    this.care.damaged += 1;
    return Buffer.alloc(length);
  }

  /** What lies beside the damage is good. */
  async #inPieces(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let at = offset; at < offset + length;) {
      const end = Math.min(offset + length, (Math.floor(at / PIECE_BYTES) + 1) * PIECE_BYTES);
      pieces.push(await this.read(at, end - at, signal));
      at = end;
    }
    return Buffer.concat(pieces);
  }
}
