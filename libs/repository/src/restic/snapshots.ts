import type { FileStore } from '@landfall/domain';
import { z } from 'zod';
import type { SealingKey } from './crypto.js';
import { parseJson, readSealedFile, type NamedFile } from './stored-files.js';

/** What a snapshot file says; sealed, and yet made by whoever could write to the repository. */
export interface Snapshot {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly takenAt: Date;
  /** Of the root tree; 32 bytes. */
  readonly tree: Buffer;
  /** As they were given to restic; for standard input `/` and the file's name. */
  readonly paths: readonly string[];
  readonly hostname: string;
  readonly tags: readonly string[];
}

/** JSON of odd shapes takes twenty times its length in memory. */
const FILE_LIMIT_BYTES = 8 * 1024 * 1024;
const ID = /^[0-9a-f]{64}$/;

/** One fault however many elements are none: a file of nothing but such elements must not become as many messages. */
const TEXTS = z.custom<string[]>(
  (value) => Array.isArray(value) && value.every((element) => typeof element === 'string'),
  'is no list of texts',
);

const SNAPSHOT = z.object({
  time: z.string().refine((text) => !Number.isNaN(Date.parse(text)), 'is not a time'),
  tree: z.string().regex(ID, 'is not an id'),
  paths: TEXTS.nullish(),
  hostname: z.string().nullish(),
  tags: TEXTS.nullish(),
});

/** @throws PermanentError `REPOSITORY_DAMAGED` naming the snapshot */
export async function readSnapshot(
  store: FileStore,
  key: SealingKey,
  file: NamedFile,
  signal?: AbortSignal,
): Promise<Snapshot> {
  const plain = await readSealedFile(store, key, 'snapshots', file, FILE_LIMIT_BYTES, signal);
  const { time, tree, paths, hostname, tags } = parseJson(SNAPSHOT, plain, `file snapshots/${file.name}`);
  return {
    id: file.name,
    takenAt: new Date(time),
    tree: Buffer.from(tree, 'hex'),
    paths: paths ?? [],
    hostname: hostname ?? '',
    tags: tags ?? [],
  };
}
