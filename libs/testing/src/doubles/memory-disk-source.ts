import type { ByteRange, DiskSource, Piece } from '@landfall/domain';

export interface MemoryDiskSourceOptions {
  /** Contents are handed out in pieces that end at these offsets, at extents' ends, and nowhere else. */
  readonly cuts?: readonly number[];
  /** Where there may be data; everything else must be zero. The default is found by looking, in blocks of 4 KiB. */
  readonly extents?: readonly ByteRange[];
  /** Puts the pieces of a range into the order in which they come. The default leaves them ascending. */
  readonly order?: (pieces: Piece[]) => Piece[];
  /** Throws this after so many pieces. */
  readonly failure?: { readonly afterPieces: number; readonly error: Error };
  readonly beforePiece?: (piece: Piece) => Promise<void>;
}

const BLOCK = 4096;

/** A backed-up disk in memory: cut and ordered as a test wishes. */
export class MemoryDiskSource implements DiskSource {
  readonly sizeBytes: number;
  closed = false;
  readonly #extents: readonly ByteRange[];

  constructor(
    private readonly bytes: Buffer,
    private readonly options: MemoryDiskSourceOptions = {},
  ) {
    this.sizeBytes = bytes.length;
    this.#extents = options.extents ?? dataBlocks(bytes);
  }

  extents(): readonly ByteRange[] {
    return this.#extents;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    if (offset < 0 || offset + length > this.sizeBytes) throw new RangeError('The range does not lie in the disk.');
    return Buffer.from(this.bytes.subarray(offset, offset + length));
  }

  async *pieces(range: ByteRange, signal?: AbortSignal): AsyncIterable<Piece> {
    if (range.offset < 0 || range.offset + range.length > this.sizeBytes) {
      throw new RangeError('The range does not lie in the disk.');
    }
    const pieces = this.options.order?.(this.#cut(range)) ?? this.#cut(range);
    for (const [number, piece] of pieces.entries()) {
      signal?.throwIfAborted();
      if (this.options.failure?.afterPieces === number) throw this.options.failure.error;
      await this.options.beforePiece?.(piece);
      yield piece;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #cut(range: ByteRange): Piece[] {
    const cuts = [...(this.options.cuts ?? [])].sort((left, right) => left - right);
    const pieces: Piece[] = [];
    for (const extent of this.#extents) {
      let at = Math.max(extent.offset, range.offset);
      const end = Math.min(extent.offset + extent.length, range.offset + range.length);
      while (at < end) {
        const next = Math.min(cuts.find((cut) => cut > at) ?? end, end);
        const bytes = Buffer.from(this.bytes.subarray(at, next));
        // Whoever looks at a piece that it gave back sees nonsense.
        pieces.push({ offset: at, bytes, release: () => bytes.fill(0xee) });
        at = next;
      }
    }
    return pieces;
  }
}

function dataBlocks(bytes: Buffer): ByteRange[] {
  const extents: { offset: number; length: number }[] = [];
  for (let offset = 0; offset < bytes.length; offset += BLOCK) {
    const block = bytes.subarray(offset, offset + BLOCK);
    if (block.every((byte) => byte === 0)) continue;
    const last = extents.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += block.length;
    else extents.push({ offset, length: block.length });
  }
  return extents;
}
