import { PermanentError, type ByteRange, type FileStore, type StoredFile } from '@landfall/domain';

/**
 * A repository of which some files lie in the archive tier, read over the copies that were brought back of them. The file itself is
 * preferred where it can be read: then it need not be asked for twice. One that was archived a moment ago has no copy.
 */
export class RetrievedFileStore implements FileStore {
  readonly #archived = new Set<string>();

  constructor(
    private readonly repository: FileStore,
    private readonly copies: FileStore,
  ) {}

  get description(): string {
    return this.repository.description;
  }

  get hasArchive(): boolean {
    return this.repository.hasArchive;
  }

  list(directory: string, signal?: AbortSignal): AsyncIterable<StoredFile> {
    return this.repository.list(directory, signal);
  }

  async read(path: string, range?: ByteRange, signal?: AbortSignal): Promise<Buffer> {
    if (this.#archived.has(path)) return this.copies.read(path, range, signal);
    try {
      return await this.repository.read(path, range, signal);
    } catch (error) {
      if (!hasCode(error, 'FILE_ARCHIVED')) throw error;
      const bytes = await this.copies.read(path, range, signal).catch((failure: unknown) => {
        throw hasCode(failure, 'FILE_NOT_FOUND') || hasCode(failure, 'STORE_NOT_FOUND') ? error : failure;
      });
      this.#archived.add(path);
      return bytes;
    }
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof PermanentError && error.code === code;
}
