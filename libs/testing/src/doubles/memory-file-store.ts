import { PermanentError, type ByteRange, type FileStore, type LandfallError, type StoredFile } from '@landfall/domain';

/**
 * A FileStore in memory whose files can be changed while it is in use, and whose reads can be counted and made to fail.
 */
export class MemoryFileStore implements FileStore {
  readonly description = 'memory';
  readonly hasArchive = true;
  readonly files: Map<string, Buffer>;
  /** Paths in the archive tier: listed, not readable. */
  readonly archived = new Set<string>();
  /** Every read that was asked for, in order. */
  readonly reads: { path: string; range: ByteRange | undefined }[] = [];
  readonly #failures: { matches: (path: string) => boolean; error: LandfallError; left: number }[] = [];

  constructor(files: Readonly<Record<string, Uint8Array>> = {}) {
    this.files = new Map(Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes)]));
  }

  /** The next `times` reads of a path that contains `fragment` fail with `error`. */
  failReads(fragment: string, error: LandfallError, times = Infinity): void {
    this.#failures.push({ matches: (path) => path.includes(fragment), error, left: times });
  }

  async *list(directory: string, signal?: AbortSignal): AsyncIterable<StoredFile> {
    signal?.throwIfAborted();
    const prefix = directory === '' ? '' : `${directory}/`;
    for (const [path, bytes] of this.files) {
      if (path.startsWith(prefix)) yield { path, sizeBytes: bytes.length, archived: this.archived.has(path) };
    }
  }

  async read(path: string, range?: ByteRange, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    this.reads.push({ path, range });
    const failure = this.#failures.find((candidate) => candidate.left > 0 && candidate.matches(path));
    if (failure !== undefined) {
      failure.left -= 1;
      throw failure.error;
    }
    const bytes = this.files.get(path);
    if (bytes === undefined) {
      throw new PermanentError({
        code: 'FILE_NOT_FOUND',
        message: `${path} is not in ${this.description}.`,
        fix: 'Put the file there first.',
      });
    }
    if (this.archived.has(path)) {
      throw new PermanentError({
        code: 'FILE_ARCHIVED',
        message: `${path} is in the archive tier.`,
        fix: 'Bring it back first.',
      });
    }
    if (range === undefined) return Buffer.from(bytes);
    if (range.offset + range.length > bytes.length) {
      throw new PermanentError({
        code: 'FILE_TRUNCATED',
        message: `${path} has ${bytes.length} bytes, fewer than were asked for.`,
        fix: 'Put the whole file there first.',
      });
    }
    return Buffer.from(bytes.subarray(range.offset, range.offset + range.length));
  }
}

/** A store whose container does not exist. */
export class MissingFileStore implements FileStore {
  readonly description = 'nowhere';
  readonly hasArchive = false;

  list(): AsyncIterable<StoredFile> {
    return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(missing()) }) };
  }

  async read(): Promise<Buffer> {
    throw missing();
  }
}

function missing(): PermanentError {
  return new PermanentError({
    code: 'STORE_NOT_FOUND',
    message: 'There is no store here.',
    fix: 'Make the container first.',
  });
}
