import type { ByteRange, FileStore } from '@landfall/domain';
import { PermanentError } from '@landfall/domain';
import type { BlobIndex } from './blob-index.js';
import type { SealedBlob } from './decode.js';
import { blobCorrupt, packMissing } from './errors.js';
import type { BlobAt, ImageLayout } from './image-layout.js';

/*
 * Turns a range of an image into as few reads of packs as make sense.
 *
 * The image is walked in windows. A window's blobs are put in order of pack and offset, each of them once however often
 * the window has it, and neighbours in a pack become one read, small gaps read over. So a read never holds more than the
 * limits below, and the walk needs memory for one window, whatever the range.
 */
const WINDOW_BYTES = 64 * 1024 * 1024;
const WINDOW_PLACES = 8192;
const READ_LIMIT_BYTES = 4 * 1024 * 1024;
const PLAIN_LIMIT_BYTES = 8 * 1024 * 1024;
/** Reading over this much costs less than asking once more. */
const GAP_BYTES = 128 * 1024;

/** One ranged read of a pack. */
export interface PackRead {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  /** Sum of the blobs' plaintexts. */
  readonly plainBytes: number;
  readonly blobs: readonly PackedBlob[];
}

export interface PackedBlob {
  readonly row: number;
  /** Its place relative to the read's first byte, and how to decode it. */
  readonly sealed: SealedBlob;
  /** Where it belongs in the image; often one place only. */
  readonly places: readonly number[];
}

export function* packReads(index: BlobIndex, layout: ImageLayout, range: ByteRange): Generator<PackRead> {
  let window = new Map<number, number[]>();
  let bytes = 0;
  let places = 0;
  for (const blob of layout.blobsIn(range)) {
    const known = window.get(blob.row);
    if (known === undefined) {
      window.set(blob.row, [blob.offset]);
      bytes += blob.length;
    } else known.push(blob.offset);
    places += 1;
    if (bytes < WINDOW_BYTES && places < WINDOW_PLACES) continue;
    yield* readsOfWindow(index, window);
    window = new Map();
    bytes = places = 0;
  }
  yield* readsOfWindow(index, window);
}

/** The read for one blob alone. */
export function singleRead(index: BlobIndex, blob: Pick<BlobAt, 'row' | 'offset'>): PackRead {
  return readOf(index, [[blob.row, [blob.offset]]]);
}

function* readsOfWindow(index: BlobIndex, window: ReadonlyMap<number, number[]>): Generator<PackRead> {
  const blobs = [...window].sort(
    ([left], [right]) => index.packRow(left) - index.packRow(right) || index.offset(left) - index.offset(right),
  );
  for (let from = 0; from < blobs.length;) {
    const first = index.place(blobs[from]![0]);
    let end = first.offset + first.length;
    let plain = first.plainLength;
    let to = from + 1;
    for (; to < blobs.length; to += 1) {
      const next = index.place(blobs[to]![0]);
      const nextEnd = next.offset + next.length;
      if (next.pack !== first.pack || next.offset - end > GAP_BYTES) break;
      if (nextEnd - first.offset > READ_LIMIT_BYTES || plain + next.plainLength > PLAIN_LIMIT_BYTES) break;
      end = nextEnd;
      plain += next.plainLength;
    }
    yield readOf(index, blobs.slice(from, to));
    from = to;
  }
}

function readOf(index: BlobIndex, blobs: readonly (readonly [number, readonly number[]])[]): PackRead {
  const found = blobs.map(([row, places]) => ({ row, places, place: index.place(row) }));
  const offset = found[0]!.place.offset;
  const last = found.at(-1)!.place;
  return {
    pack: found[0]!.place.pack,
    offset,
    length: last.offset + last.length - offset,
    plainBytes: found.reduce((sum, { place }) => sum + place.plainLength, 0),
    blobs: found.map(({ row, places, place }) => ({
      row,
      places,
      sealed: {
        // Copied: a view would take the whole index along to another thread.
        id: Uint8Array.from(index.id(row)),
        offset: place.offset - offset,
        length: place.length,
        compressed: place.compressed,
        plainLength: place.plainLength,
      },
    })),
  };
}

/** Of its file, in the repository. */
export function packPath(pack: string): string {
  return `data/${pack.slice(0, 2)}/${pack}`;
}

/**
 * @throws PermanentError `PACK_MISSING`, `BLOB_CORRUPT` when the pack ends too early
 */
export async function readPack(
  store: FileStore,
  read: Pick<PackRead, 'pack' | 'offset' | 'length'>,
  lastBlob: Uint8Array,
  signal?: AbortSignal,
): Promise<Buffer> {
  const path = packPath(read.pack);
  try {
    return await store.read(path, { offset: read.offset, length: read.length }, signal);
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    if (error.code === 'FILE_NOT_FOUND') throw packMissing(read.pack, error);
    // The read ends where its last blob ends, so that one is cut off, whatever others are too.
    if (error.code === 'FILE_TRUNCATED') {
      throw blobCorrupt(read.pack, Buffer.from(lastBlob).toString('hex'), 'the pack ends before it does', error);
    }
    throw error;
  }
}
