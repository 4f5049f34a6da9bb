import { PermanentError, type FileStore } from '@landfall/domain';
import type { BlobIndex, BlobKind, BlobPlace } from './blob-index.js';
import type { SealingKey } from './crypto.js';
import { blobMissing } from './errors.js';
import { loadIndex } from './index-files.js';

/*
 * Every copy of a blob counts. The index may know several: a prune was interrupted, two hosts stored the same at once, a
 * damaged pack was stored anew. One that is missing or damaged is passed over, and counted; the next one is used.
 *
 * Another program may be pruning the repository meanwhile: it writes what it keeps into new packs and a new index, and takes
 * the old packs away. So a pack that is gone means first of all that the index is old: it is read anew, and
 * only what is not there either is gone for good.
 */
const GONE = 'PACK_MISSING';
const ARCHIVED = 'FILE_ARCHIVED';

export class BlobCopies {
  /** Copies that were passed over since the repository was opened, where another one had the same. */
  passedOver = 0;
  #fresh: BlobIndex;
  #reading: Promise<BlobIndex> | null = null;
  readonly #gone = new Set<string>();

  /** @param index as it was when the repository was opened: rows are its rows */
  constructor(
    readonly index: BlobIndex,
    private readonly readIndex: () => Promise<BlobIndex>,
  ) {
    this.#fresh = index;
  }

  static of(store: FileStore, key: SealingKey, index: BlobIndex): BlobCopies {
    return new BlobCopies(index, () => loadIndex(store, key));
  }

  /** Whether the pack was not there when it was last asked for. */
  isGone(pack: string): boolean {
    return this.#gone.has(pack);
  }

  /** The index as it is now. */
  newest(): Promise<BlobIndex> {
    return this.#readAnew();
  }

  /** Whether there is such a blob; looked for in the repository as it is now where it was not there before. */
  async has(kind: BlobKind, id: Uint8Array): Promise<boolean> {
    if (this.index.find(kind, id) >= 0 || this.#fresh.find(kind, id) >= 0) return true;
    return (await this.#readAnew()).find(kind, id) >= 0;
  }

  /**
   * Gives `use` one copy after the other, until one is good.
   * @throws PermanentError of the first copy when none is good, `REPOSITORY_DAMAGED` when there is none; what `use` throws
   *   that is not about one copy
   */
  async read<T>(kind: BlobKind, id: Uint8Array, neededBy: string, use: (place: BlobPlace) => Promise<T>): Promise<T> {
    const tried = new Set<string>();
    let first: PermanentError | undefined;
    for await (const { place, moved } of this.#places(kind, id, () => first)) {
      const name = `${place.pack} ${place.offset}`;
      if (tried.has(name)) continue;
      tried.add(name);
      try {
        const result = await use(place);
        this.#gone.delete(place.pack);
        // What a prune has moved elsewhere is nothing to worry about.
        const isOdd = first !== undefined && first.code !== ARCHIVED && !(moved && first.code === GONE);
        if (isOdd) this.passedOver += 1;
        return result;
      } catch (error) {
        if (!isOfOneCopy(error)) throw error;
        if (error.code === GONE) this.#gone.add(place.pack);
        first ??= error;
      }
    }
    throw first ?? blobMissing(Buffer.from(id).toString('hex'), neededBy);
  }

  async *#places(
    kind: BlobKind,
    id: Uint8Array,
    failure: () => PermanentError | undefined,
  ): AsyncGenerator<{ readonly place: BlobPlace; readonly moved: boolean }> {
    for (const [index, moved] of [
      [this.index, false],
      [this.#fresh, true],
    ] as const) {
      // Each that is known to be gone would cost a request.
      for (const place of placesIn(index, kind, id)) if (!this.#gone.has(place.pack)) yield { place, moved };
    }
    const failed = failure();
    if (failed !== undefined && failed.code !== GONE) return;
    for (const place of placesIn(await this.#readAnew(), kind, id)) yield { place, moved: true };
  }

  /** Those who ask while it is being read wait for the same reading. */
  async #readAnew(): Promise<BlobIndex> {
    this.#reading ??= this.readIndex().finally(() => (this.#reading = null));
    return (this.#fresh = await this.#reading);
  }
}

/** An honest repository has two or three; one made up could name the same blob a million times. */
const MOST_COPIES = 16;

function* placesIn(index: BlobIndex, kind: BlobKind, id: Uint8Array): Generator<BlobPlace> {
  const head = index.find(kind, id);
  if (head < 0) return;
  let count = 0;
  for (const row of index.copies(head)) {
    yield index.place(row);
    if ((count += 1) === MOST_COPIES) return;
  }
}

/** The error of a copy, and not of the store, the caller or the blob itself. */
export function isOfOneCopy(error: unknown): error is PermanentError {
  return error instanceof PermanentError && [GONE, ARCHIVED, 'BLOB_CORRUPT'].includes(error.code);
}
