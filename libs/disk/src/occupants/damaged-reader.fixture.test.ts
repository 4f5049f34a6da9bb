import { PermanentError, type ByteRange, type ByteReader } from '@landfall/domain';

/** A disk of whose backup these ranges can't be read, as a repository says it. */
export class DamagedReader implements ByteReader {
  readonly sizeBytes: number;

  constructor(
    private readonly inner: ByteReader,
    private readonly damaged: readonly ByteRange[],
  ) {
    this.sizeBytes = inner.sizeBytes;
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    const hit = this.damaged.some((one) => one.offset < offset + length && offset < one.offset + one.length);
    if (!hit) return this.inner.read(offset, length, signal);
    const details = { code: 'BLOB_CORRUPT', message: 'A blob is damaged.', fix: 'Use another copy.' };
    return Promise.reject(new PermanentError(details));
  }
}
