/**
 * Where a repository's files lie: a folder, a blob container. Small on purpose; retrying, counting and throttling are
 * wrappers around it.
 *
 * Paths are relative, with `/`, made by Landfall from known patterns and never taken from a request.
 */
export interface FileStore {
  /** For messages; never holds a credential. */
  readonly description: string;
  /** Whether it has an archive tier. */
  readonly hasArchive: boolean;

  /**
   * The files directly or deeper below `directory`, in no order. A directory that does not exist is empty.
   * @throws RetryableError `STORE_UNREACHABLE` when the store can't be asked
   * @throws PermanentError `STORE_DENIED` when it refuses, `STORE_NOT_FOUND` when the folder or container is missing
   */
  list(directory: string, signal?: AbortSignal): AsyncIterable<StoredFile>;

  /**
   * Exactly `range.length` bytes from `range.offset`, or the whole file.
   * @throws PermanentError `FILE_NOT_FOUND`, `FILE_TRUNCATED` (shorter than the range), `FILE_ARCHIVED`, `STORE_DENIED`
   * @throws RetryableError `STORE_UNREACHABLE`
   */
  read(path: string, range?: ByteRange, signal?: AbortSignal): Promise<Buffer>;
}

export interface StoredFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** In the archive tier: has to be brought back before it can be read. */
  readonly archived: boolean;
}

export interface ByteRange {
  /** In bytes, ≥ 0. */
  readonly offset: number;
  /** In bytes, ≥ 0. */
  readonly length: number;
}
