import { randomBytes } from 'node:crypto';

/*
 * Which blob lies where, for the whole repository, in flat memory: about 64 bytes a blob, so that the index of a
 * repository with a million blobs (1 TiB of unlike data) takes 64 MB.
 *
 * Entries are rows in typed arrays, in the order in which they were added. A blob is found by a hash table of row
 * numbers with open addressing. Its hash mixes the whole id with a random seed, because ids in an index are not to be
 * trusted: made-up ones with equal beginnings must not turn look-ups into walks.
 */
export const ID_BYTES = 32;

export type BlobKind = 'data' | 'tree';
const KINDS: readonly BlobKind[] = ['data', 'tree'];

/** Where a blob lies, and what it becomes. */
export interface BlobPlace {
  /** Hexadecimal id of the pack. */
  readonly pack: string;
  /** In the pack file, in bytes. */
  readonly offset: number;
  /** Sealed, in bytes. */
  readonly length: number;
  readonly compressed: boolean;
  /** Of the plaintext, in bytes. */
  readonly plainLength: number;
}

export interface NewBlob {
  /** Row of the pack, as `addPack` gave it. */
  readonly pack: number;
  readonly kind: BlobKind;
  readonly offset: number;
  readonly length: number;
  /** Null where the blob is not compressed. */
  readonly plainLength: number | null;
}

const SEAL_BYTES = 32;
const FIRST_CAPACITY = 1024;

export class BlobIndex {
  #count = 0;
  #ids = Buffer.alloc(FIRST_CAPACITY * ID_BYTES);
  #kinds = new Uint8Array(FIRST_CAPACITY);
  #packs = new Uint32Array(FIRST_CAPACITY);
  #offsets = new Uint32Array(FIRST_CAPACITY);
  #lengths = new Uint32Array(FIRST_CAPACITY);
  /** Plain length plus one; 0 where the blob is not compressed. */
  #plain = new Uint32Array(FIRST_CAPACITY);
  /** Row plus one of the next copy of the same blob; 0 where there is none. */
  #next = new Uint32Array(0);
  readonly #packIds: string[] = [];
  readonly #packRows = new Map<string, number>();
  #slots = new Uint32Array(0);
  readonly #seed = randomBytes(4).readUInt32LE();

  get size(): number {
    return this.#count;
  }

  addPack(id: string): number {
    const known = this.#packRows.get(id);
    if (known !== undefined) return known;
    this.#packIds.push(id);
    this.#packRows.set(id, this.#packIds.length - 1);
    return this.#packIds.length - 1;
  }

  /** Adds a row; `id` holds the blob's id in its first 32 bytes. */
  add(id: Uint8Array, blob: NewBlob): void {
    const row = this.#count;
    if (row === this.#kinds.length) this.#grow();
    this.#ids.set(id.subarray(0, ID_BYTES), row * ID_BYTES);
    this.#kinds[row] = KINDS.indexOf(blob.kind);
    this.#packs[row] = blob.pack;
    this.#offsets[row] = blob.offset;
    this.#lengths[row] = blob.length;
    this.#plain[row] = blob.plainLength === null ? 0 : blob.plainLength + 1;
    this.#count += 1;
  }

  /**
   * Makes the rows findable; to be called once, after the last `add`. Of several rows for one blob the first is the one that is
   * found, the others are its copies; those that `isSecondChoice` names come after all others.
   */
  seal(isSecondChoice: (row: number) => boolean): void {
    let capacity = 16;
    while (capacity < this.#count * 1.5) capacity *= 2;
    this.#slots = new Uint32Array(capacity);
    this.#next = new Uint32Array(this.#count);
    const ends = new Map<number, number>();
    for (const pass of [false, true]) {
      for (let row = 0; row < this.#count; row += 1) {
        if (isSecondChoice(row) === pass) this.#insert(row, ends);
      }
    }
  }

  /** The blob's row, or -1. `ids` holds its id at `at`. */
  find(kind: BlobKind, ids: Uint8Array, at = 0): number {
    const mask = this.#slots.length - 1;
    if (mask < 0) return -1;
    const kindNumber = KINDS.indexOf(kind);
    for (let slot = this.#hash(ids, at) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!;
      if (entry === 0) return -1;
      if (this.#same(entry - 1, kindNumber, ids, at)) return entry - 1;
    }
  }

  /** The rows of all copies of the blob that was found at this row, which is the first of them. */
  *copies(found: number): Generator<number> {
    for (let row = found; row >= 0; row = this.#next[row]! - 1) yield row;
  }

  place(row: number): BlobPlace {
    const plain = this.#plain[row]!;
    const length = this.#lengths[row]!;
    return {
      pack: this.#packIds[this.#packs[row]!]!,
      offset: this.#offsets[row]!,
      length,
      compressed: plain !== 0,
      plainLength: plain === 0 ? length - SEAL_BYTES : plain - 1,
    };
  }

  plainLength(row: number): number {
    const plain = this.#plain[row]!;
    return plain === 0 ? this.#lengths[row]! - SEAL_BYTES : plain - 1;
  }

  /** Number of the row's pack, for sorting: places in one pack have the same. */
  packRow(row: number): number {
    return this.#packs[row]!;
  }

  offset(row: number): number {
    return this.#offsets[row]!;
  }

  /** A view; not to be changed. */
  id(row: number): Buffer {
    return this.#ids.subarray(row * ID_BYTES, (row + 1) * ID_BYTES);
  }

  /** @param ends the last copy of each blob that has several, by its first */
  #insert(row: number, ends: Map<number, number>): void {
    const mask = this.#slots.length - 1;
    const at = row * ID_BYTES;
    let slot = this.#hash(this.#ids, at) & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]! - 1;
      if (!this.#same(found, this.#kinds[row]!, this.#ids, at)) continue;
      this.#next[ends.get(found) ?? found] = row + 1;
      ends.set(found, row);
      return;
    }
    this.#slots[slot] = row + 1;
  }

  #same(row: number, kindNumber: number, ids: Uint8Array, at: number): boolean {
    if (this.#kinds[row] !== kindNumber) return false;
    const start = row * ID_BYTES;
    for (let index = 0; index < ID_BYTES; index += 1) {
      if (this.#ids[start + index] !== ids[at + index]) return false;
    }
    return true;
  }

  #hash(ids: Uint8Array, at: number): number {
    let hash = this.#seed;
    for (let index = at; index < at + ID_BYTES; index += 4) {
      const word = ids[index]! | (ids[index + 1]! << 8) | (ids[index + 2]! << 16) | (ids[index + 3]! << 24);
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  }

  #grow(): void {
    const capacity = this.#kinds.length * 2;
    const ids = Buffer.alloc(capacity * ID_BYTES);
    ids.set(this.#ids);
    this.#ids = ids;
    const wider = <T extends Uint8Array | Uint32Array>(next: T, previous: T): T => {
      next.set(previous);
      return next;
    };
    this.#kinds = wider(new Uint8Array(capacity), this.#kinds);
    this.#packs = wider(new Uint32Array(capacity), this.#packs);
    this.#offsets = wider(new Uint32Array(capacity), this.#offsets);
    this.#lengths = wider(new Uint32Array(capacity), this.#lengths);
    this.#plain = wider(new Uint32Array(capacity), this.#plain);
  }
}
