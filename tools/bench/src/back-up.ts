import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Backup } from './built-checkout.js';

const PASSWORD = 'benchmark';
const run = promisify(execFile);

/** Backs a disk image up with restic, into a new repository in `folder`. */
export async function backUp(folder: string, disk: string): Promise<Backup> {
  const repository = path.join(folder, 'repository');
  const passwordFile = path.join(folder, 'password');
  await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const env = { ...process.env, RESTIC_PASSWORD: PASSWORD, RESTIC_CACHE_DIR: path.join(folder, 'cache') };
  for (const parameters of [['init'], ['backup', path.basename(disk)]]) {
    await run('restic', ['-q', '-r', repository, ...parameters], { env, cwd: path.dirname(disk) });
  }
  return { disk, repository, passwordFile };
}
