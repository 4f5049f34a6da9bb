import { execFile } from 'node:child_process';
import { cp, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { AZURITE_ACCOUNT } from '@landfall/local-stack/servers';
import { initRepository } from '@landfall/repository/quick-repository';
import type { Ground } from './ground.js';

/*
 * The sample machine backed up once more in each format, for trials that damage a copy of their own. Small packs, so that
 * there are several with data; trees lie in a pack apart.
 */
export type Format = 'restic v1' | 'restic v2';

const run = promisify(execFile);
const PACK_MIB = 4;
const CONTAINER = 'backups';
/** The trees of three disks are far smaller, and a pack with data is not. */
const LARGEST_TREE_PACK_BYTES = 512 * 1024;

const made = new WeakMap<Ground, Map<Format, Promise<string>>>();

/** A copy in this folder. */
export async function copyRepository(ground: Ground, format: Format, folder: string): Promise<ResticFolder> {
  const known = made.get(ground) ?? new Map<Format, Promise<string>>();
  made.set(ground, known);
  const original = known.get(format) ?? backUp(ground, format);
  known.set(format, original);
  await cp(await original, folder, { recursive: true });
  return new ResticFolder(folder);
}

async function backUp({ folder, sample }: Ground, format: Format): Promise<string> {
  const repository = join(folder, 'repositories', format.replace(' ', '-'));
  const passwordFile = join(folder, 'sample', 'password');
  const env = { ...process.env, RESTIC_REPOSITORY: repository, RESTIC_PASSWORD_FILE: passwordFile };
  await initRepository(repository, sample.password, format === 'restic v1' ? 1 : 2);
  const names = sample.disks.map(({ path }) => relative(dirname(path), path));
  const compression = format === 'restic v1' ? 'auto' : 'max';
  const options = ['--quiet', '--compression', compression, '--pack-size', String(PACK_MIB)];
  await run('restic', ['backup', ...options, ...names], { env, cwd: dirname(sample.disks[0]!.path) });
  return repository;
}

export class ResticFolder {
  constructor(readonly folder: string) {}

  get config(): string {
    return join(this.folder, 'config');
  }

  /** Of `index` or `snapshots`. */
  async files(directory: string): Promise<readonly string[]> {
    return (await readdir(join(this.folder, directory))).map((name) => join(this.folder, directory, name));
  }

  async dataPacks(): Promise<readonly string[]> {
    return (await this.#packs()).filter(({ bytes }) => bytes > LARGEST_TREE_PACK_BYTES).map(({ path }) => path);
  }

  async treePacks(): Promise<readonly string[]> {
    return (await this.#packs()).filter(({ bytes }) => bytes <= LARGEST_TREE_PACK_BYTES).map(({ path }) => path);
  }

  async #packs(): Promise<readonly { path: string; bytes: number }[]> {
    const entries = await readdir(join(this.folder, 'data'), { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const packs = await Promise.all(paths.map(async (path) => ({ path, bytes: (await readFile(path)).length })));
    return packs.sort((left, right) => right.bytes - left.bytes);
  }
}

/** Puts a repository into a container. Returns its address. */
export async function upload(ground: Ground, repository: ResticFolder, prefix: string): Promise<string> {
  const { name, key } = AZURITE_ACCOUNT;
  const azurite = await ground.azurite();
  const service = new BlobServiceClient(`${azurite}/${name}`, new StorageSharedKeyCredential(name, key));
  const container = service.getContainerClient(CONTAINER);
  await container.createIfNotExists();
  for (const entry of await readdir(repository.folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const blob = `${prefix}/${relative(repository.folder, path)}`;
    await container.getBlockBlobClient(blob).uploadData(await readFile(path));
  }
  return `azure://${name}/${CONTAINER}/${prefix}`;
}
