import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { leftOverProcesses, lockHolder, lockIsStale } from '@landfall/local-stack';
import { formatBytes } from '../output/units.js';
import type { Check } from './check.js';

const GIB = 1024 ** 3;
/** A stack without any restore takes about 100 MB; disks are sparse files of what was restored. */
const LITTLE_SPACE = 5 * GIB;
const NO_SPACE = GIB;
/** Hold credentials or a key: nobody else may read them. */
const PRIVATE_FILES = ['stack.json', 'installation.json', 'secret.key'];

/** The data folder; what is said of one that does not exist yet is said of the one that it will be made in. */
export async function folderChecks(folder: string): Promise<Check[]> {
  return [spaceCheck(folder), permissionCheck(folder), lockCheck(folder), leftOverCheck(folder)];
}

function spaceCheck(folder: string): Check {
  const { bavail, bsize } = statfsSync(existing(folder));
  const free = bavail * bsize;
  const detail = `${formatBytes(free)} free for ${folder}`;
  if (free >= LITTLE_SPACE) return { name: 'disk space', state: 'ok', detail };
  return {
    name: 'disk space',
    state: free < NO_SPACE ? 'fail' : 'warn',
    detail,
    fix: 'Make room, or put the folder elsewhere with --data: restored disks are kept in it.',
  };
}

function permissionCheck(folder: string): Check {
  const name = 'permissions';
  const place = existing(folder);
  try {
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return { name, state: 'fail', detail: `${place} can't be written to`, fix: 'Choose another folder with --data.' };
  }
  const open = PRIVATE_FILES.map((file) => join(folder, file)).filter(
    (file) => existsSync(file) && (statSync(file).mode & 0o077) !== 0,
  );
  if (open.length === 0) return { name, state: 'ok', detail: `${place} can be written to` };
  return {
    name,
    state: 'fail',
    detail: `others can read ${open.join(', ')}`,
    fix: `Take the right away: chmod 600 ${open.join(' ')}`,
  };
}

function lockCheck(folder: string): Check {
  const name = 'lock';
  if (!lockIsStale(folder)) {
    const holder = lockHolder(folder);
    return { name, state: 'ok', detail: holder === null ? 'not held' : `held by process ${holder.pid}` };
  }
  return {
    name,
    state: 'warn',
    detail: 'held by a process that has ended',
    fix: 'The next "./landfall up" takes it over; "./landfall down" removes it.',
  };
}

function leftOverCheck(folder: string): Check {
  const name = 'left-over processes';
  const processes = lockHolder(folder) === null ? leftOverProcesses(folder) : [];
  if (processes.length === 0) return { name, state: 'ok', detail: 'none' };
  return {
    name,
    state: 'warn',
    detail: processes.map((process) => `${process.name} (${process.pid})`).join(', '),
    fix: 'Their supervisor was killed; "./landfall down" ends them.',
  };
}

function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}
