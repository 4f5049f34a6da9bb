import type { DiskTarget } from '@landfall/domain';

/*
 * Brings pieces that begin and end anywhere onto a target that takes whole blocks only (512-byte pages).
 *
 * The repository cuts its contents at arbitrary bytes, and what no piece covers is zero. So the incomplete block at
 * each end of a piece is kept aside, on zeros, until its neighbours have added theirs; a block that its last
 * neighbour completes goes out together with that piece, so that pieces in ascending order cause no small writes.
 * `finish` writes the blocks that nothing else came for.
 */
export class AlignedWriter {
  readonly #block: number;
  readonly #open = new Map<number, { readonly bytes: Buffer; filled: number }>();

  /** @param mayWrite as `DiskTarget.write` */
  constructor(
    private readonly target: DiskTarget,
    private readonly mayWrite?: () => void,
  ) {
    this.#block = target.alignmentBytes;
  }

  /** Pieces may be written side by side; they must not overlap. */
  async write(offset: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (bytes.length === 0) return;
    if (this.#block === 1) return this.#put(offset, bytes, signal);

    const end = offset + bytes.length;
    let from = Math.ceil(offset / this.#block) * this.#block;
    let to = Math.floor(end / this.#block) * this.#block;
    if (from > to) {
      // Within one block.
      const whole = this.#add(offset, bytes);
      if (whole !== null) await this.#put(to, whole, signal);
      return;
    }
    const head = from > offset ? this.#add(offset, bytes.subarray(0, from - offset)) : null;
    const tail = end > to ? this.#add(to, bytes.subarray(to - offset)) : null;
    const parts: Uint8Array[] = [bytes.subarray(from - offset, to - offset)];
    if (head !== null) {
      parts.unshift(head);
      from -= this.#block;
    }
    if (tail !== null) {
      parts.push(tail);
      to += this.#block;
    }
    if (from === to) return;
    await this.#put(from, parts.length === 1 ? parts[0]! : Buffer.concat(parts), signal);
  }

  /** To be called once, when all pieces have been written. */
  async finish(signal?: AbortSignal): Promise<void> {
    const blocks = [...this.#open].sort(([left], [right]) => left - right);
    this.#open.clear();
    for (const [offset, { bytes }] of blocks) await this.#put(offset, bytes, signal);
  }

  #put(offset: number, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    return this.target.write(offset, bytes, signal, this.mayWrite);
  }

  /** Puts a part of one block aside; gives the block back once it is whole. */
  #add(offset: number, part: Uint8Array): Buffer | null {
    const start = Math.floor(offset / this.#block) * this.#block;
    const entry = this.#open.get(start) ?? { bytes: Buffer.alloc(this.#block), filled: 0 };
    entry.bytes.set(part, offset - start);
    entry.filled += part.length;
    if (entry.filled === this.#block) {
      this.#open.delete(start);
      return entry.bytes;
    }
    this.#open.set(start, entry);
    return null;
  }
}
