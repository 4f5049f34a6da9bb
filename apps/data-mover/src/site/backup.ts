import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Secret } from '@landfall/domain';
import type { RepositoryAccess } from '@landfall/transfer';
import { FolderFileStore, openRepository } from '@landfall/repository';
import { initRepository } from '@landfall/repository/quick-repository';

const run = promisify(execFile);
const PASSWORD = 'a password for a test';
const MIB = 1024 * 1024;

export interface Backup {
  readonly access: RepositoryAccess;
  readonly location: string;
  readonly sizeBytes: number;
  /** Of the whole disk, in hexadecimal. */
  readonly sha256: string;
}

/**
 * A disk of `mebibytes` backed up by the real restic into `folder`, on standard input as `capture` does it. The first and
 * the last MiB of every eight hold data that does not compress; the rest is empty when `sparse`.
 */
export async function backUp(folder: string, mebibytes: number, sparse: boolean): Promise<Backup> {
  await mkdir(folder, { recursive: true });
  const image = join(folder, 'disk.raw');
  const file = await open(image, 'w');
  await file.truncate(mebibytes * MIB);
  for (let at = 0; at < mebibytes; at += 1) {
    if (sparse && at % 8 !== 0 && at % 8 !== 7) continue;
    await file.write(randomBytes(MIB), 0, MIB, at * MIB);
  }
  await file.close();

  const repository = join(folder, 'repository');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, PASSWORD);
  const restic = ['--repo', repository, '--password-file', passwordFile, '--no-cache', '--quiet'];
  await initRepository(repository, PASSWORD);
  await pipeIn(image, [...restic, 'backup', '--stdin', '--stdin-filename', 'disk.raw', '--host', 'web']);

  const opened = await openRepository({
    kind: 'restic',
    store: new FolderFileStore(repository),
    password: new Secret(PASSWORD),
    threads: 0,
  });
  const { points } = await opened.discover();
  await opened.close();
  return {
    access: { kind: 'restic', store: { kind: 'folder', path: repository }, password: PASSWORD },
    location: points[0]!.disks[0]!.location,
    sizeBytes: mebibytes * MIB,
    sha256: await fileHash(image),
  };
}

/** In hexadecimal. */
export async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Flips a bit in the middle of the largest pack file. */
export async function damagePack(repository: string): Promise<void> {
  const folder = join(repository, 'data');
  const packs: { path: string; size: number }[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const file = await open(path, 'r');
    packs.push({ path, size: (await file.stat()).size });
    await file.close();
  }
  packs.sort((left, right) => right.size - left.size);
  const { path, size } = packs[0]!;
  await run('chmod', ['u+w', path]);
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, Math.floor(size / 2));
  await file.write(Buffer.from([byte[0]! ^ 1]), 0, 1, Math.floor(size / 2));
  await file.close();
}

async function pipeIn(image: string, args: readonly string[]): Promise<void> {
  const file = await open(image, 'r');
  const child = spawn('restic', args, { stdio: [file.fd, 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  await file.close();
  if (code !== 0) throw new Error(`restic ended with ${code}.`);
}
