import { PermanentError, printable, type FileStore } from '@landfall/domain';
import { BlobIndex, ID_BYTES, type BlobKind, type NewBlob } from './blob-index.js';
import { SEAL_BYTES, type SealingKey } from './crypto.js';
import { repositoryDamaged } from './errors.js';
import { JsonFault, JsonScanner } from './json-scanner.js';
import { listNamedFiles, readSealedFile } from './stored-files.js';

/*
 * The repository's index lies in any number of files; together they say for each pack which blobs it holds.
 *
 *   { "supersedes": [index ids],
 *     "packs": [{ "id", "blobs": [{ "id", "type", "offset", "length", "uncompressed_length"? }] }] }
 *
 * A file that another one supersedes is left over from an interrupted prune. Its entries may name packs that have gone, so
 * they count only for blobs that no other file knows.
 */
const FILE_LIMIT_BYTES = 128 * 1024 * 1024;
const READ_AT_ONCE = 4;
/** restic writes packs of up to 128 MiB; far more than that is nonsense. */
const PACK_LIMIT_BYTES = 0x7fff_ffff;

/** A prune takes index files away one by one, within seconds, and not again soon. */
const MOST_READINGS = 10;

/**
 * The index as it is at one time: when a file of it goes away between being listed and being read, another program is
 * writing the index anew, and all of it is read once more.
 * @throws PermanentError `REPOSITORY_DAMAGED` naming the index file that can't be read
 */
export async function loadIndex(store: FileStore, key: SealingKey, signal?: AbortSignal): Promise<BlobIndex> {
  for (let reading = 1; ; reading += 1) {
    try {
      return await readIndexFiles(store, key, signal);
    } catch (error) {
      if (!isFileGone(error) || reading === MOST_READINGS) throw error;
    }
  }
}

async function readIndexFiles(store: FileStore, key: SealingKey, signal: AbortSignal | undefined): Promise<BlobIndex> {
  const index = new BlobIndex();
  const listed = await listNamedFiles(store, 'index', signal);
  const firstRows: { name: string; from: number }[] = [];
  const superseded = new Set<string>();
  for (let at = 0; at < listed.length; at += READ_AT_ONCE) {
    const files = await Promise.all(
      listed.slice(at, at + READ_AT_ONCE).map(async (file) => ({
        name: file.name,
        plain: await readSealedFile(store, key, 'index', file, FILE_LIMIT_BYTES, signal),
      })),
    );
    for (const { name, plain } of files) {
      firstRows.push({ name, from: index.size });
      for (const older of addIndexFile(index, plain, `file index/${name}`)) superseded.add(older);
    }
  }
  index.seal(rowsOf(firstRows, index.size, superseded));
  return index;
}

/** Of a file that was listed: somebody has removed it since. */
export function isFileGone(error: unknown): boolean {
  return error instanceof PermanentError && error.code === 'FILE_NOT_FOUND';
}

function rowsOf(files: { name: string; from: number }[], end: number, names: ReadonlySet<string>) {
  const ranges = files
    .map(({ name, from }, at) => ({ name, from, to: files[at + 1]?.from ?? end }))
    .filter(({ name }) => names.has(name));
  return (row: number) => ranges.some(({ from, to }) => row >= from && row < to);
}

/**
 * Adds one index file's entries.
 * @returns the ids of the index files that it supersedes
 * @throws PermanentError `REPOSITORY_DAMAGED` naming `file`
 */
export function addIndexFile(index: BlobIndex, plain: Buffer, file: string): string[] {
  const supersedes: string[] = [];
  try {
    const scanner = new JsonScanner(plain);
    scanner.object((key) => {
      if (key === 'supersedes') scanner.array(() => supersedes.push(scanner.string()));
      else if (key === 'packs') scanner.array(() => addPack(index, scanner));
      else scanner.skip();
    });
    scanner.end();
  } catch (error) {
    if (error instanceof JsonFault) throw repositoryDamaged(file, error.message, error);
    throw error;
  }
  return supersedes;
}

function addPack(index: BlobIndex, scanner: JsonScanner): void {
  const id = Buffer.alloc(ID_BYTES);
  // The pack's id may come after its blobs: they are kept until both are known.
  const blobs: { id: Buffer; blob: Omit<NewBlob, 'pack'> }[] = [];
  let named = false;
  scanner.object((key) => {
    if (key === 'id') {
      scanner.id(id, 0);
      named = true;
    } else if (key === 'blobs') scanner.array(() => blobs.push(readBlob(scanner)));
    else scanner.skip();
  });
  if (!named) throw new JsonFault('a pack has no id');
  const packName = id.toString('hex');
  refuseOverlaps(
    packName,
    blobs.map(({ blob }) => blob),
  );
  const pack = index.addPack(packName);
  for (const entry of blobs) index.add(entry.id, { ...entry.blob, pack });
}

function readBlob(scanner: JsonScanner): { id: Buffer; blob: Omit<NewBlob, 'pack'> } {
  const id = Buffer.alloc(ID_BYTES);
  let named = false;
  let kind: BlobKind | undefined;
  let offset = -1;
  let length = -1;
  let plainLength: number | null = null;
  scanner.object((key) => {
    if (key === 'id') {
      scanner.id(id, 0);
      named = true;
    } else if (key === 'type') kind = blobKind(scanner.string());
    else if (key === 'offset') offset = scanner.count();
    else if (key === 'length') length = scanner.count();
    else if (key === 'uncompressed_length') plainLength = scanner.count() || null;
    else scanner.skip();
  });
  if (!named || kind === undefined || offset < 0 || length < 0)
    throw new JsonFault('a blob lacks id, type, offset or length');
  const name = id.toString('hex');
  if (length < SEAL_BYTES) throw new JsonFault(`blob ${name} is shorter than its seal`);
  if (offset + length > PACK_LIMIT_BYTES) throw new JsonFault(`blob ${name} lies beyond the end of any pack`);
  if (plainLength !== null && plainLength >= 0xffff_ffff) throw new JsonFault(`blob ${name} is impossibly large`);
  return { id, blob: { kind, offset, length, plainLength } };
}

function blobKind(type: string): BlobKind {
  if (type === 'data' || type === 'tree') return type;
  throw new JsonFault(`a blob has the unknown type ${JSON.stringify(printable(type.slice(0, 40)))}`);
}

function refuseOverlaps(pack: string, blobs: readonly { offset: number; length: number }[]): void {
  const ordered = blobs.toSorted((left, right) => left.offset - right.offset);
  for (let at = 1; at < ordered.length; at += 1) {
    const before = ordered[at - 1]!;
    if (before.offset + before.length > ordered[at]!.offset) throw new JsonFault(`blobs of pack ${pack} overlap`);
  }
}
