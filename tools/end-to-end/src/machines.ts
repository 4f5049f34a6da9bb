import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { initRepository } from '@landfall/repository/quick-repository';

const run = promisify(execFile);
export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;
export const PASSWORD = 'correct horse';

/** A sparse disk image with dense, random stretches: `stretches` of [offset, length] in MiB. */
export async function diskImage(
  path: string,
  sizeBytes: number,
  stretches: readonly (readonly [number, number])[],
): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.truncate(sizeBytes);
    for (const [offset, length] of stretches) {
      for (let mib = 0; mib < length; mib += 1) await file.write(randomBytes(MIB), 0, MIB, (offset + mib) * MIB);
    }
  } finally {
    await file.close();
  }
}

/** Makes stretches of an image zeros. */
export async function zero(path: string, stretches: readonly (readonly [number, number])[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    for (const [offset, length] of stretches)
      await file.write(Buffer.alloc(length * MIB), 0, length * MIB, offset * MIB);
  } finally {
    await file.close();
  }
}

interface ResticIndex {
  readonly packs: readonly { readonly id: string; readonly blobs: readonly { readonly id: string }[] }[];
}

/** restic cuts zeros into blobs of half a MiB. */
const ZERO_BLOB = createHash('sha256')
  .update(Buffer.alloc(MIB / 2))
  .digest('hex');

export interface ResticOptions {
  readonly version?: 1 | 2;
  readonly compression?: 'off' | 'auto' | 'max';
}

/** A repository written by the real restic. */
export class ResticRepository {
  constructor(
    readonly folder: string,
    readonly passwordFile: string,
    private readonly compression: 'off' | 'auto' | 'max',
  ) {}

  static async init(folder: string, options: ResticOptions = {}): Promise<ResticRepository> {
    const passwordFile = `${folder}.password`;
    await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    const repository = new ResticRepository(
      folder,
      passwordFile,
      options.version === 1 ? 'auto' : (options.compression ?? 'auto'),
    );
    await initRepository(folder, PASSWORD, options.version);
    return repository;
  }

  /** Backs up paths relative to `cwd` and gives the snapshot's full id. */
  async backup(cwd: string, paths: readonly string[]): Promise<string> {
    const output = await this.restic(['backup', '--json', '--compression', this.compression, ...paths], cwd);
    const summary = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { message_type: string; snapshot_id?: string })
      .find((message) => message.message_type === 'summary');
    const short = summary!.snapshot_id!;
    const files = await readdir(join(this.folder, 'snapshots'));
    return files.find((file) => file.startsWith(short))!;
  }

  /** Forgets a snapshot, and prunes what only that has used. */
  async forget(snapshot: string): Promise<void> {
    await this.restic(['forget', '--prune', '--max-unused', '0', snapshot]);
  }

  async packs(): Promise<string[]> {
    const found: string[] = [];
    for (const entry of await readdir(join(this.folder, 'data'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) found.push(join(entry.parentPath, entry.name));
    }
    return found;
  }

  /** The ids of the packs in which something other than zeros lies, as restic's own program tells it. */
  async packsWithData(): Promise<string[]> {
    const ids = (await this.restic(['list', 'index', '-q'])).trim().split('\n');
    const packs = new Set<string>();
    for (const id of ids) {
      const index = JSON.parse(await this.restic(['cat', 'index', id, '-q'])) as ResticIndex;
      for (const pack of index.packs) if (pack.blobs.some((blob) => blob.id !== ZERO_BLOB)) packs.add(pack.id);
    }
    return [...packs];
  }

  private async restic(args: readonly string[], cwd?: string): Promise<string> {
    const environment = { ...process.env, RESTIC_REPOSITORY: this.folder, RESTIC_PASSWORD_FILE: this.passwordFile };
    const { stdout } = await run('restic', args, { env: environment, cwd, maxBuffer: 64 << 20 });
    return stdout;
  }
}

export async function folder(...parts: string[]): Promise<string> {
  const path = join(...parts);
  await mkdir(path, { recursive: true });
  return path;
}
