import type { FileStore } from '@landfall/domain';
import type { SealingKey } from './crypto.js';
import { repositoryDamaged } from './errors.js';
import { JsonFault, JsonScanner } from './json-scanner.js';
import { readSealedFile, type NamedFile } from './stored-files.js';

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

/** The paths of some hundred thousand files that were named one by one; it is read within a second whatever it holds. */
const FILE_LIMIT_BYTES = 8 * 1024 * 1024;
const ID_TEXT = /^[0-9a-f]{64}$/;

/** @throws PermanentError `REPOSITORY_DAMAGED` naming the snapshot */
export async function readSnapshot(
  store: FileStore,
  key: SealingKey,
  file: NamedFile,
  signal?: AbortSignal,
): Promise<Snapshot> {
  const plain = await readSealedFile(store, key, 'snapshots', file, FILE_LIMIT_BYTES, signal);
  try {
    return { id: file.name, ...parseSnapshot(plain) };
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw repositoryDamaged(`file snapshots/${file.name}`, error.message, error);
  }
}

/** What else a snapshot says is passed over: as values, JSON of odd shapes takes thirty times its length in memory. */
function parseSnapshot(plain: Buffer): Omit<Snapshot, 'id'> {
  let [time, tree, hostname] = ['', '', ''];
  let paths: string[] = [];
  let tags: string[] = [];
  const scanner = new JsonScanner(plain);
  scanner.object((key) => {
    if (key === 'time') time = scanner.string();
    else if (key === 'tree') tree = scanner.string();
    else if (key === 'hostname') hostname = scanner.takeNull() ? '' : scanner.string();
    else if (key === 'paths') paths = texts(scanner);
    else if (key === 'tags') tags = texts(scanner);
    else scanner.skip();
  });
  scanner.end();
  if (Number.isNaN(Date.parse(time))) throw new JsonFault('its time is none');
  if (!ID_TEXT.test(tree)) throw new JsonFault('the id of its tree is none');
  return { takenAt: new Date(time), tree: Buffer.from(tree, 'hex'), paths, hostname, tags };
}

function texts(scanner: JsonScanner): string[] {
  const all: string[] = [];
  scanner.array(() => all.push(scanner.string()));
  return all;
}
