import { open, readdir, realpath, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { LandfallError, type ByteRange, type FileStore, type StoredFile } from '@landfall/domain';
import {
  fileNotFound,
  fileTruncated,
  linkLeadsOut,
  relativeParts,
  storeFailure,
  storeNotFound,
  systemCode,
} from './folder-errors.js';

/**
 * A repository in a folder: a local disk, a mounted share.
 *
 * Nothing outside of the folder is ever read: paths may not climb, and a symbolic link is followed only where it ends
 * inside the folder. Links are passed over in listings.
 */
export class FolderFileStore implements FileStore {
  readonly hasArchive = false;
  readonly description: string;
  readonly #root: string;
  /** The root with its own links resolved; those were the administrator's choice. */
  #realRoot: Promise<string> | undefined;

  constructor(folder: string) {
    this.#root = path.resolve(folder);
    this.description = this.#root;
  }

  async *list(directory: string, signal?: AbortSignal): AsyncIterable<StoredFile> {
    signal?.throwIfAborted();
    await this.#requireRoot();
    yield* this.#walk(relativeParts(directory), signal);
  }

  async *#walk(parts: readonly string[], signal: AbortSignal | undefined): AsyncIterable<StoredFile> {
    signal?.throwIfAborted();
    let entries;
    try {
      entries = await readdir(path.join(this.#root, ...parts), { withFileTypes: true });
    } catch (error) {
      if (isMissing(error)) return;
      throw storeFailure(this.description, parts.join('/') || '.', error);
    }
    for (const entry of entries) {
      const below = [...parts, entry.name];
      if (entry.isDirectory()) {
        yield* this.#walk(below, signal);
      } else if (entry.isFile()) {
        const sizeBytes = await this.#sizeOf(below);
        if (sizeBytes !== null) yield { path: below.join('/'), sizeBytes, archived: false };
      }
    }
  }

  /** Null for a file that has gone since its directory was read: another program may be at work in the repository. */
  async #sizeOf(parts: readonly string[]): Promise<number | null> {
    try {
      return (await stat(path.join(this.#root, ...parts))).size;
    } catch (error) {
      if (isMissing(error)) return null;
      throw storeFailure(this.description, parts.join('/'), error);
    }
  }

  async read(file: string, range?: ByteRange, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    const parts = relativeParts(file);
    try {
      const handle = await open(await this.#insideRoot(parts), 'r');
      try {
        return await readRange(handle, range, signal, (size) => fileTruncated(this.description, file, size, range));
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (error instanceof LandfallError || signal?.aborted === true) throw error;
      if (isMissing(error) || systemCode(error) === 'EISDIR') {
        await this.#requireRoot();
        throw fileNotFound(this.description, file);
      }
      throw storeFailure(this.description, file, error);
    }
  }

  /** The file's path with every link resolved, known to lie in the root. */
  async #insideRoot(parts: readonly string[]): Promise<string> {
    const root = await (this.#realRoot ??= realpath(this.#root).catch((error: unknown) => {
      this.#realRoot = undefined;
      throw error;
    }));
    const resolved = await realpath(path.join(root, ...parts));
    if (!resolved.startsWith(root.endsWith(path.sep) ? root : root + path.sep)) {
      throw linkLeadsOut(this.description, parts.join('/'));
    }
    return resolved;
  }

  async #requireRoot(): Promise<void> {
    try {
      if ((await stat(this.#root)).isDirectory()) return;
    } catch (error) {
      if (!isMissing(error)) throw storeFailure(this.description, '.', error);
    }
    throw storeNotFound(this.description);
  }
}

/** Reads into memory of its own, never from Buffer's shared pool: the bytes may be handed over to another thread. */
async function readRange(
  handle: FileHandle,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
  truncated: (sizeBytes: number) => Error,
): Promise<Buffer> {
  const { size } = await handle.stat();
  const offset = range?.offset ?? 0;
  const length = range?.length ?? size;
  if (offset + length > size) throw truncated(size);
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw truncated(offset + done);
    done += bytesRead;
  }
  return bytes;
}

function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR';
}
