import { chmod, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { ResticFolder } from '../live/repositories.js';

/*
 * How a repository is damaged, and by which codes a restore from it may end. Only where the damage is none of the
 * restore's business may it be completed.
 */
export interface Damage {
  readonly title: string;
  /** Whether it shows when the repository is added: then it is also tried on one that was added before. */
  readonly showsAtOnce: boolean;
  readonly codes: readonly string[];
  readonly mayComplete?: boolean;
  act(repository: ResticFolder): Promise<void>;
}

export const DAMAGES: readonly Damage[] = [
  {
    title: 'bit flip in a blob',
    showsAtOnce: false,
    codes: ['BLOB_CORRUPT'],
    act: async (repository) => flip(first(await repository.dataPacks()), (bytes) => Math.floor(bytes / 3)),
  },
  {
    // What it says stands in the index as well, and that is what is read.
    title: "bit flip in a pack's header",
    showsAtOnce: false,
    codes: ['BLOB_CORRUPT'],
    mayComplete: true,
    act: async (repository) => flip(first(await repository.dataPacks()), (bytes) => bytes - 12),
  },
  {
    title: 'truncated pack',
    showsAtOnce: false,
    codes: ['FILE_TRUNCATED', 'BLOB_CORRUPT'],
    act: async (repository) => cut(first(await repository.dataPacks())),
  },
  {
    title: 'missing pack',
    showsAtOnce: false,
    codes: ['PACK_MISSING'],
    act: async (repository) => rm(first(await repository.dataPacks())),
  },
  {
    title: 'two packs swapped',
    showsAtOnce: false,
    codes: ['BLOB_CORRUPT', 'FILE_TRUNCATED'],
    async act(repository) {
      const [one, other] = await repository.dataPacks();
      await rename(one!, `${one}.kept`);
      await rename(other!, one!);
      await rename(`${one}.kept`, other!);
    },
  },
  {
    title: 'truncated tree pack',
    showsAtOnce: true,
    codes: ['FILE_TRUNCATED', 'BLOB_CORRUPT'],
    act: async (repository) => cut(first(await repository.treePacks())),
  },
  {
    title: 'bit flip in an index file',
    showsAtOnce: true,
    codes: ['REPOSITORY_DAMAGED'],
    act: async (repository) => flip(first(await repository.files('index')), (bytes) => bytes >> 1),
  },
  {
    title: 'missing index',
    showsAtOnce: true,
    codes: ['REPOSITORY_DAMAGED'],
    async act(repository) {
      for (const file of await repository.files('index')) await rm(file);
    },
  },
  {
    title: 'bit flip in a snapshot file',
    showsAtOnce: true,
    codes: ['REPOSITORY_DAMAGED'],
    act: async (repository) => flip(first(await repository.files('snapshots')), (bytes) => bytes >> 1),
  },
  {
    title: 'overwritten config',
    showsAtOnce: true,
    codes: ['REPOSITORY_DAMAGED'],
    async act(repository) {
      const config = await readFile(repository.config);
      await chmod(repository.config, 0o600);
      await writeFile(repository.config, config.reverse());
    },
  },
];

function first(files: readonly string[]): string {
  if (files[0] === undefined) throw new Error('There is no file of that kind to be damaged.');
  return files[0];
}

async function flip(path: string, at: (bytes: number) => number): Promise<void> {
  await chmod(path, 0o600); // restic writes them for reading only
  const offset = at((await stat(path)).size);
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, offset);
    await file.write(Buffer.from([byte[0]! ^ 0x10]), 0, 1, offset);
  } finally {
    await file.close();
  }
}

async function cut(path: string): Promise<void> {
  await chmod(path, 0o600);
  await truncate(path, (await stat(path)).size >> 1);
}
