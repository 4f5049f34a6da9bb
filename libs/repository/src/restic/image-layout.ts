import { createHash } from 'node:crypto';
import type { ByteRange } from '@landfall/domain';
import type { BlobIndex } from './blob-index.js';
import { blobMissing, repositoryDamaged } from './errors.js';

/*
 * Which blob holds which bytes of one disk image.
 *
 * restic cuts all-zero data into blobs of 512 KiB, so a sparse 1 TiB image is a list of 2 million ids, nearly all alike.
 * Neighbours that are the same blob are kept as one run: its first byte, its blob's row in the index, and the blob's
 * length. A run of a blob that is known to be all zeros is a hole and will never be read.
 */
const HOLE = -1;
/** The sizes of zero blobs inside a file: restic's least chunk, at which it cuts zeros, and its largest. */
const USUAL_ZERO_BLOBS = [512 * 1024, 8 * 1024 * 1024];
/** Their ids, hashed when the first image is opened: for small files that takes longer than everything else. */
let usualZeroIds: readonly (readonly [number, Buffer])[] | undefined;
/** How many other lengths of repeated blobs are checked for being zeros; hashing zeros costs time too. */
const MOST_ZERO_LENGTHS = 64;
const LONGEST_ZERO_BLOB = 8 * 1024 * 1024;

/** One place of one blob in the image. */
export interface BlobAt {
  readonly row: number;
  /** Of the blob's first byte in the image. */
  readonly offset: number;
  readonly length: number;
}

export class ImageLayout {
  readonly #starts: Float64Array;
  readonly #rows: Int32Array;
  readonly #lengths: Uint32Array;

  private constructor(
    readonly sizeBytes: number,
    runs: { starts: Float64Array; rows: Int32Array; lengths: Uint32Array },
  ) {
    this.#starts = runs.starts;
    this.#rows = runs.rows;
    this.#lengths = runs.lengths;
  }

  /**
   * @param sizeBytes of the file, as its tree says
   * @param eachId calls back for each blob id in the file's order
   * @throws PermanentError `REPOSITORY_DAMAGED` when a blob is not in the index, or the sizes do not add up
   */
  static build(
    index: BlobIndex,
    file: string,
    sizeBytes: number,
    eachId: (onId: (id: Buffer) => void) => void,
  ): ImageLayout {
    const runs = new RunList();
    let row = -1;
    eachId((id) => {
      if (row < 0 || index.id(row).compare(id) !== 0) {
        row = index.find('data', id);
        if (row < 0) throw blobMissing(id.toString('hex'), file);
      }
      runs.append(row, index.plainLength(row));
    });
    if (runs.end !== sizeBytes) {
      throw repositoryDamaged(
        `entry for ${file}`,
        `its blobs have ${runs.end} bytes together and it says ${sizeBytes}`,
      );
    }
    return new ImageLayout(sizeBytes, runs.finish(new ZeroBlobs(index)));
  }

  /** Ranges that are not known to be zero: ascending, neither overlapping nor touching. */
  extents(): ByteRange[] {
    const extents: { offset: number; length: number }[] = [];
    let last: { offset: number; length: number } | undefined;
    for (let run = 0; run < this.#rows.length; run += 1) {
      if (this.#rows[run] === HOLE) continue;
      const offset = this.#starts[run]!;
      const length = this.#starts[run + 1]! - offset;
      if (last !== undefined && last.offset + last.length === offset) last.length += length;
      else extents.push((last = { offset, length }));
    }
    return extents;
  }

  /** The blobs that hold any byte of the range, in the image's order; holes left out. */
  *blobsIn({ offset, length }: ByteRange): Generator<BlobAt> {
    const end = Math.min(offset + length, this.sizeBytes);
    for (let run = this.#runAt(offset); run < this.#rows.length && this.#starts[run]! < end; run += 1) {
      const row = this.#rows[run]!;
      if (row === HOLE) continue;
      const blobLength = this.#lengths[run]!;
      const start = this.#starts[run]!;
      const runEnd = Math.min(this.#starts[run + 1]!, end);
      const skipped = Math.max(0, Math.floor((offset - start) / blobLength));
      for (let at = start + skipped * blobLength; at < runEnd; at += blobLength) {
        yield { row, offset: at, length: blobLength };
      }
    }
  }

  /** The last run that begins at or before `offset`. */
  #runAt(offset: number): number {
    let low = 0;
    let high = this.#rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

class RunList {
  #count = 0;
  #starts = new Float64Array(1024);
  #rows = new Int32Array(1024);
  #lengths = new Uint32Array(1024);
  end = 0;

  append(row: number, length: number): void {
    // A blob of no bytes covers nothing; restic writes none.
    if (length === 0) return;
    if (this.#count === 0 || this.#rows[this.#count - 1] !== row) {
      if (this.#count === this.#rows.length) this.#resize(this.#count * 2);
      this.#starts[this.#count] = this.end;
      this.#rows[this.#count] = row;
      this.#lengths[this.#count] = length;
      this.#count += 1;
    }
    this.end += length;
  }

  /** Turns the runs of zero blobs into holes. */
  finish(zeros: ZeroBlobs): { starts: Float64Array; rows: Int32Array; lengths: Uint32Array } {
    this.#resize(this.#count);
    const starts = new Float64Array(this.#count + 1);
    starts.set(this.#starts);
    starts[this.#count] = this.end;
    for (let run = 0; run < this.#count; run += 1) {
      const length = this.#lengths[run]!;
      const repeated = starts[run + 1]! - starts[run]! > length;
      const suspect = repeated || run === this.#count - 1;
      if (zeros.has(this.#rows[run]!, length, suspect)) this.#rows[run] = HOLE;
    }
    return { starts, rows: this.#rows, lengths: this.#lengths };
  }

  #resize(capacity: number): void {
    const starts = new Float64Array(capacity);
    const rows = new Int32Array(capacity);
    const lengths = new Uint32Array(capacity);
    starts.set(this.#starts.subarray(0, capacity));
    rows.set(this.#rows.subarray(0, capacity));
    lengths.set(this.#lengths.subarray(0, capacity));
    [this.#starts, this.#rows, this.#lengths] = [starts, rows, lengths];
  }
}

/** Knows blobs that are all zeros by their id: the SHA-256 of as many zero bytes. */
class ZeroBlobs {
  readonly #ids: Map<number, Buffer>;

  constructor(private readonly index: BlobIndex) {
    usualZeroIds ??= USUAL_ZERO_BLOBS.map((length) => [length, idOfZeros(length)]);
    this.#ids = new Map(usualZeroIds);
  }

  /** `suspect` says that a blob of an unusual length is worth the hash: it is repeated, or the file's last. */
  has(row: number, length: number, suspect: boolean): boolean {
    let id = this.#ids.get(length);
    if (id === undefined && suspect && length <= LONGEST_ZERO_BLOB && this.#ids.size < MOST_ZERO_LENGTHS) {
      id = idOfZeros(length);
      this.#ids.set(length, id);
    }
    return id !== undefined && this.index.id(row).equals(id);
  }
}

function idOfZeros(length: number): Buffer {
  return createHash('sha256').update(Buffer.alloc(length)).digest();
}
