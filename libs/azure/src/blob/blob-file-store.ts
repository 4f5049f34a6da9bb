import type { Readable } from 'node:stream';
import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { PermanentError, RetryableError, type ByteRange, type FileStore, type StoredFile } from '@landfall/domain';
import { asStoreError } from './storage-errors.js';

/**
 * A repository's files in a blob container, below a prefix.
 *
 * A store that refuses its first file refuses them all: something has to be put right. One that has given files before
 * may only be changing its firewall or its roles, or a SAS has run out and a new one is on its way: that is tried again.
 */
export class BlobFileStore implements FileStore {
  readonly description: string;
  readonly hasArchive = true;
  readonly #container: ContainerClient;
  /** Empty, or ending in `/`. */
  readonly #root: string;
  #hasGiven = false;

  constructor(container: ContainerClient, prefix: string, description: string) {
    this.#container = container;
    this.#root = prefix === '' ? '' : `${prefix}/`;
    this.description = description;
  }

  async *list(directory: string, signal?: AbortSignal): AsyncIterable<StoredFile> {
    signal?.throwIfAborted();
    const prefix = directory === '' ? this.#root : `${this.#root}${directory}/`;
    try {
      const blobs = this.#container.listBlobsFlat({ prefix, ...withSignal(signal) });
      for await (const blob of blobs) {
        if (isFolderMark(blob)) continue;
        yield {
          path: blob.name.slice(this.#root.length),
          sizeBytes: blob.properties.contentLength ?? 0,
          archived: blob.properties.accessTier === 'Archive',
        };
      }
      this.#hasGiven = true;
    } catch (error) {
      throw this.#inWords(error, null);
    }
  }

  async read(path: string, range?: ByteRange, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    if (range?.length === 0) return Buffer.alloc(0);
    try {
      const blob = this.#container.getBlobClient(`${this.#root}${path}`);
      const answer = await blob.download(range?.offset ?? 0, range?.length, withSignal(signal));
      const length = answer.contentLength ?? 0;
      if (range !== undefined && length !== range.length) throw this.#truncated(path, range, length);
      const bytes = await collect(answer.readableStreamBody as Readable | undefined, length);
      if (bytes.length !== length) throw new Error('The connection ended before the file did.');
      this.#hasGiven = true;
      return bytes;
    } catch (error) {
      throw this.#inWords(error, path);
    }
  }

  #inWords(error: unknown, path: string | null): Error {
    const said = asStoreError(error, this.description, path);
    if (!this.#hasGiven || !(said instanceof PermanentError) || said.code !== 'STORE_DENIED') return said;
    const { code, message, fix, facts } = said;
    return new RetryableError({ code, message, fix }, { facts });
  }

  #truncated(path: string, range: ByteRange, length: number): PermanentError {
    return new PermanentError({
      code: 'FILE_TRUNCATED',
      message: `The file ${path} of ${this.description} has ${length} of the ${range.length} bytes from ${range.offset}.`,
      fix: 'Check the repository (restic check).',
    });
  }
}

/** Accounts with a hierarchical namespace list their folders as empty blobs. */
function isFolderMark(blob: BlobItem): boolean {
  return blob.metadata?.['hdi_isfolder'] === 'true' || blob.name.endsWith('/');
}

async function collect(stream: Readable | undefined, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  for await (const chunk of stream ?? []) {
    const part = chunk as Buffer;
    if (filled + part.length > length) throw new Error('More came than was announced.');
    part.copy(bytes, filled);
    filled += part.length;
  }
  return bytes.subarray(0, filled);
}

function withSignal(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
