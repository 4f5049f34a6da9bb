import { createHash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import type { FileStore } from '@landfall/domain';
import type { z } from 'zod';
import { SealBroken, unseal, type SealingKey } from './crypto.js';
import { repositoryDamaged, tooLarge } from './errors.js';

/*
 * The files around the packs. Keys, index files and snapshots are named by the SHA-256 of what is stored, so a file
 * that was changed or put in another's place shows at once. Index files and snapshots are sealed, and since format
 * version 2 may be compressed; a first byte says which.
 */
export type NamedDirectory = 'keys' | 'index' | 'snapshots';

const NAME = /^[0-9a-f]{64}$/;
const FORM_COMPRESSED = 2;

/** A file that is named by its contents. */
export interface NamedFile {
  /** 64 hexadecimal digits. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** Sorted by name; what is not named as restic names files (left-over temporary files) is passed over. */
export async function listNamedFiles(
  store: FileStore,
  directory: NamedDirectory,
  signal?: AbortSignal,
): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  for await (const file of store.list(directory, signal)) {
    const name = file.path.slice(directory.length + 1);
    if (NAME.test(name)) files.push({ name, sizeBytes: file.sizeBytes });
  }
  return files.sort((left, right) => (left.name < right.name ? -1 : 1));
}

/**
 * @throws PermanentError `REPOSITORY_DAMAGED` when the contents are not those that the name tells;
 *   `REPOSITORY_LIMIT` when the file is larger than any genuine one
 */
export async function readNamedFile(
  store: FileStore,
  directory: NamedDirectory,
  { name, sizeBytes }: NamedFile,
  limitBytes: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  const path = `${directory}/${name}`;
  if (sizeBytes > limitBytes) throw tooLarge(`The repository's file ${path}`, sizeBytes, limitBytes);
  const bytes = await store.read(path, undefined, signal);
  if (createHash('sha256').update(bytes).digest('hex') !== name) {
    throw repositoryDamaged(`file ${path}`, 'its contents do not have the SHA-256 that its name says');
  }
  return bytes;
}

/** A sealed file's plaintext. @throws PermanentError `REPOSITORY_DAMAGED` */
export async function readSealedFile(
  store: FileStore,
  key: SealingKey,
  directory: NamedDirectory,
  file: NamedFile,
  limitBytes: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  const sealed = await readNamedFile(store, directory, file, limitBytes, signal);
  const path = `${directory}/${file.name}`;
  return expand(openSeal(key, sealed, path), path, limitBytes);
}

/** @throws PermanentError `REPOSITORY_DAMAGED` naming `file` */
export function openSeal(key: SealingKey, sealed: Buffer, file: string): Buffer {
  try {
    return unseal(key, sealed);
  } catch (error) {
    if (error instanceof SealBroken) throw repositoryDamaged(`file ${file}`, error.message, error);
    throw error;
  }
}

/** Format version 1 writes bare JSON; version 2 may put a byte 2 and a zstd frame instead. */
function expand(plain: Buffer, file: string, limitBytes: number): Buffer {
  if (plain[0] !== FORM_COMPRESSED) return plain;
  try {
    return zstdDecompressSync(plain.subarray(1), { maxOutputLength: limitBytes });
  } catch (error) {
    throw repositoryDamaged(`file ${file}`, 'it does not decompress', error);
  }
}

/** JSON from a file or blob, checked against a schema. @throws PermanentError `REPOSITORY_DAMAGED` naming `what` */
export function parseJson<T extends z.ZodType>(schema: T, bytes: Buffer, what: string): z.infer<T> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (error) {
    throw repositoryDamaged(what, 'it is not JSON', error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`);
  throw repositoryDamaged(what, faults.slice(0, 3).join('; '));
}
