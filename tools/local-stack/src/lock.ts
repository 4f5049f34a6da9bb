import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from '@landfall/azure-emulator/process-identity';

/*
 * One supervisor a folder. `DIR/lock` says which process it is; the lock of a process that has ended is stale and is
 * taken over: the newcomer puts its own name over it and looks again a moment later, so that of two newcomers at once
 * the last one to write stays and the other gives way.
 */
const SETTLE_MS = 60;

function lockPath(folder: string): string {
  return join(folder, 'lock');
}

/** The living holder, or null. */
export function lockHolder(folder: string): ProcessIdentity | null {
  const holder = readLock(folder);
  return holder !== null && isAlive(holder) ? holder : null;
}

/** True when there is a lock whose process has ended. */
export function lockIsStale(folder: string): boolean {
  const holder = readLock(folder);
  return holder !== null && !isAlive(holder);
}

/** False when another living process holds it. */
export async function takeLock(folder: string, self: ProcessIdentity = ownIdentity()): Promise<boolean> {
  const path = lockPath(folder);
  const text = JSON.stringify(self);
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (lockHolder(folder) !== null) return isSame(lockHolder(folder), self);
  writeFileSync(`${path}.${self.pid}`, text, { mode: 0o600 });
  renameSync(`${path}.${self.pid}`, path);
  await sleep(SETTLE_MS);
  return isSame(readLock(folder), self);
}

export function releaseLock(folder: string): void {
  rmSync(lockPath(folder), { force: true });
}

function readLock(folder: string): ProcessIdentity | null {
  let text: string;
  try {
    text = readFileSync(lockPath(folder), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { pid, started } = JSON.parse(text) as Partial<ProcessIdentity>;
    if (typeof pid === 'number' && typeof started === 'string') return { pid, started };
  } catch {
    // An unreadable lock was cut off while it was written: nobody holds it.
  }
  return { pid: 0, started: 'unknown' };
}

function ownIdentity(): ProcessIdentity {
  return identify(process.pid) ?? { pid: process.pid, started: 'unknown' };
}

function isSame(a: ProcessIdentity | null, b: ProcessIdentity): boolean {
  return a !== null && a.pid === b.pid && a.started === b.started;
}
