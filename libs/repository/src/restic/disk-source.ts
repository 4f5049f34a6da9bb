import { BadInputError, type ByteRange, type DiskSource, type FileStore, type Piece } from '@landfall/domain';
import type { BlobIndex } from './blob-index.js';
import { isOfOneCopy, type BlobCopies } from './blob-copies.js';
import { BlobFault, type DecodedBlob, type SealedBlob } from './decode.js';
import { freeMemory } from './memory.js';
import type { DecodePool } from './decode-pool.js';
import { blobCorrupt, missingBytes } from './errors.js';
import type { BlobAt, ImageLayout } from './image-layout.js';
import { packReads, readPack, singleRead, type PackRead } from './pack-reads.js';
import { RecentBlobs } from './recent-blobs.js';

/*
 * One disk image in a restic repository.
 *
 * pieces(): the range becomes reads of packs. Several reads are under way at once, each going through read → decode;
 * whichever is ready first is handed out first. What is under way, from the read's start until the consumer asks for
 * the piece after its last, counts against a budget of bytes; the next read starts only when there is room. The
 * store and the threads are busy while the consumer writes.
 *
 * read(): blob by blob, through a small memory of the last ones, for those who look into a disk here and there.
 */
const IN_FLIGHT_BYTES = 48 * 1024 * 1024;

/** What the disks of one repository share. */
export interface ResticContents {
  readonly store: FileStore;
  readonly copies: BlobCopies;
  /** Whose rows the layout has. */
  readonly index: BlobIndex;
  readonly pool: DecodePool;
}

export class ResticDiskSource implements DiskSource {
  readonly sizeBytes: number;
  readonly #recent = new RecentBlobs();
  #extents: readonly ByteRange[] | undefined;

  constructor(
    private readonly contents: ResticContents,
    private readonly layout: ImageLayout,
    /** For messages. */
    private readonly description: string,
  ) {
    this.sizeBytes = layout.sizeBytes;
  }

  extents(): readonly ByteRange[] {
    return (this.#extents ??= this.layout.extents());
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    this.#requireInside({ offset, length });
    const result = Buffer.alloc(length);
    for (const blob of this.layout.blobsIn({ offset, length })) {
      const bytes = await this.#blob(blob, signal);
      const from = Math.max(0, offset - blob.offset);
      result.set(bytes.subarray(from, offset + length - blob.offset), Math.max(0, blob.offset - offset));
    }
    return result;
  }

  async *pieces(range: ByteRange, signal?: AbortSignal): AsyncIterable<Piece> {
    this.#requireInside(range);
    const stop = new AbortController();
    const anySignal = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const reads = packReads(this.contents.index, this.layout, range);
    const underWay = new Set<Promise<Fetched>>();
    let budget = IN_FLIGHT_BYTES;
    let next = reads.next();
    try {
      while (next.done !== true || underWay.size > 0) {
        signal?.throwIfAborted();
        while (next.done !== true && (underWay.size === 0 || costOf(next.value) <= budget)) {
          const read = next.value;
          budget -= costOf(read);
          const fetch: Promise<Fetched> = this.#fetch(read, anySignal).then((decoded) => ({ fetch, read, decoded }));
          // Whoever awaits it gets the error; until then it must not count as one that nobody handles.
          fetch.catch(() => undefined);
          underWay.add(fetch);
          next = reads.next();
        }
        const { fetch, read, decoded } = await orAbort(Promise.race(underWay), signal);
        underWay.delete(fetch);
        for (const piece of piecesOf(read, decoded, range)) {
          yield piece;
          signal?.throwIfAborted();
        }
        budget += costOf(read);
      }
    } finally {
      stop.abort();
      await Promise.allSettled(underWay);
    }
  }

  async close(): Promise<void> {
    this.#recent.clear();
  }

  async #blob(blob: BlobAt, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const known = this.#recent.get(blob.row);
    if (known !== undefined) return known;
    const [decoded] = await this.#fetch(singleRead(this.contents.index, blob), signal);
    this.#recent.add(blob.row, decoded!.bytes);
    return decoded!.bytes;
  }

  async #fetch(read: PackRead, signal: AbortSignal | undefined): Promise<readonly DecodedBlob[]> {
    if (!this.contents.copies.isGone(read.pack)) {
      try {
        return await this.#decoded(
          read,
          read.blobs.map((blob) => blob.sealed),
          signal,
        );
      } catch (error) {
        if (!isOfOneCopy(error)) throw error;
      }
    }
    return this.#oneByOne(read, signal);
  }

  /** Each blob by itself, from the first of its copies that is good. */
  async #oneByOne({ blobs }: PackRead, signal: AbortSignal | undefined): Promise<readonly DecodedBlob[]> {
    const { copies } = this.contents;
    const all: DecodedBlob[] = [];
    for (const { sealed, places } of blobs) {
      try {
        const decoded = await copies.read('data', sealed.id, this.description, async (place) => {
          const alone = { ...sealed, ...place, offset: 0 };
          return (await this.#decoded(place, [alone], signal))[0]!;
        });
        all.push(decoded);
      } catch (error) {
        throw isOfOneCopy(error) && error.code !== 'FILE_ARCHIVED'
          ? missingBytes(error, this.description, places[0]!, sealed.plainLength)
          : error;
      }
    }
    return all;
  }

  async #decoded(
    read: Pick<PackRead, 'pack' | 'offset' | 'length'>,
    sealed: readonly SealedBlob[],
    signal: AbortSignal | undefined,
  ): Promise<readonly DecodedBlob[]> {
    const { store, pool } = this.contents;
    const bytes = await readPack(store, read, sealed.at(-1)!.id, signal);
    signal?.throwIfAborted();
    try {
      return await pool.decode(bytes, sealed);
    } catch (error) {
      if (!(error instanceof BlobFault)) throw error;
      throw blobCorrupt(read.pack, Buffer.from(error.blob.id).toString('hex'), error.why, error);
    }
  }

  #requireInside({ offset, length }: ByteRange): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.sizeBytes) return;
    throw new BadInputError({
      code: 'RANGE_INVALID',
      message: `Bytes ${offset} to ${offset + length} of ${this.description} were asked for, which has ${this.sizeBytes}.`,
      fix: 'Ask for a range that lies within the disk.',
    });
  }
}

interface Fetched {
  readonly fetch: Promise<Fetched>;
  readonly read: PackRead;
  readonly decoded: readonly DecodedBlob[];
}

/** Sealed and plain bytes are in memory together for a moment. */
function costOf(read: PackRead): number {
  return read.length + read.plainBytes;
}

/** Each blob's stretches that are not zero, at each of its places, cut to the range. */
function* piecesOf(read: PackRead, decoded: readonly DecodedBlob[], range: ByteRange): Generator<Piece> {
  for (const [number, { bytes, stretches }] of decoded.entries()) {
    const cuts = read.blobs[number]!.places.flatMap((place) => cutsOf(place, stretches, range));
    let inUse = cuts.length;
    for (const { place, from, to } of cuts) {
      let released = false;
      const release = () => {
        if (released) return;
        released = true;
        inUse -= 1;
        if (inUse === 0) freeMemory(bytes);
      };
      yield { offset: from, bytes: bytes.subarray(from - place, to - place), release };
    }
  }
}

function cutsOf(place: number, stretches: readonly number[], range: ByteRange) {
  const end = range.offset + range.length;
  const cuts: { place: number; from: number; to: number }[] = [];
  for (let at = 0; at < stretches.length; at += 2) {
    const from = Math.max(place + stretches[at]!, range.offset);
    const to = Math.min(place + stretches[at + 1]!, end);
    if (from < to) cuts.push({ place, from, to });
  }
  return cuts;
}

/** Settles as `work` does, or rejects as soon as the signal is aborted. */
async function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
