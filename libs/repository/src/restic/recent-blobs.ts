/** The blobs that were used last, within a bound of bytes. */
export class RecentBlobs {
  readonly #blobs = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(private readonly limitBytes = 24 * 1024 * 1024) {}

  get(row: number): Uint8Array | undefined {
    const found = this.#blobs.get(row);
    if (found !== undefined) {
      // A Map keeps the order of insertion: putting it in again makes it the youngest.
      this.#blobs.delete(row);
      this.#blobs.set(row, found);
    }
    return found;
  }

  add(row: number, bytes: Uint8Array): void {
    if (this.#blobs.has(row)) return;
    this.#blobs.set(row, bytes);
    this.#bytes += bytes.byteLength;
    for (const [oldest, old] of this.#blobs) {
      if (this.#bytes <= this.limitBytes || oldest === row) break;
      this.#blobs.delete(oldest);
      this.#bytes -= old.byteLength;
    }
  }

  clear(): void {
    this.#blobs.clear();
    this.#bytes = 0;
  }
}
