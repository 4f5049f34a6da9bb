import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError, RetryableError } from '@landfall/domain';

/*
 * Proof that a data-mover of this worker is gone.
 *
 * Each holds a lock on a file of its name for as long as it lives; the kernel gives it back when the last thread of the
 * process has ended, one that hangs in a write to a disk included. A process that was stopped keeps it. So whoever gets
 * the lock knows that the one before writes nothing any more; and who does not get it kills the holder, which works on a
 * stopped process, too, and waits for the lock.
 *
 * Node can't lock files: the program `flock` (util-linux) does it on a descriptor that it inherits, and the lock then
 * belongs to the open file, which stays open here. It is kept in `held` for that: Node closes the descriptor of a file
 * handle that nobody can reach any more, and the lock would go with it while the process writes on.
 */
const WAIT_SECONDS = 10;

const held = new Set<FileHandle>();

interface Owner {
  readonly mover: string;
  readonly pid: number;
  /** With the pid it names one process for good. */
  readonly startTicks: string;
}

/** Kept until the process ends, whether or not its taker keeps this. */
export interface ProcessLock {
  close(): Promise<void>;
}

/**
 * Takes the lock of this process' name; a process that still has it is ended.
 * @param mover `name/instance`
 * @throws RetryableError `WRITER_NOT_GONE`, PermanentError `FLOCK_MISSING`
 */
export async function takeProcessLock(folder: string, mover: string): Promise<ProcessLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await open(pathOf(folder, mover), 'a+', 0o600);
  try {
    if (!(await lock(file, 0))) {
      const owner = await ownerIn(file);
      if (owner !== null) kill(owner);
      if (!(await lock(file, WAIT_SECONDS))) throw notGone(owner?.mover ?? mover);
    }
    const owner: Owner = { mover, pid: process.pid, startTicks: startTicksOf(process.pid) ?? '' };
    await file.truncate(0);
    await file.write(JSON.stringify(owner));
    held.add(file);
    return {
      close: async () => {
        held.delete(file);
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Returns when that data-mover of this worker is gone, and ends it if it is not.
 * @throws RetryableError `WRITER_NOT_GONE`, PermanentError `FLOCK_MISSING`
 */
export async function seeGone(folder: string, mover: string): Promise<void> {
  const file = await open(pathOf(folder, mover), 'r+').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  // Whoever writes on this worker has taken its lock first.
  if (file === null) return;
  try {
    if (await lock(file, 0)) return;
    const owner = await ownerIn(file);
    // Another process has the name by now, which it could take from a dead one only.
    if (owner !== null && owner.mover !== mover) return;
    if (owner !== null) kill(owner);
    if (!(await lock(file, WAIT_SECONDS))) throw notGone(mover);
  } finally {
    await file.close();
  }
}

function pathOf(folder: string, mover: string): string {
  return join(folder, `${mover.slice(0, mover.lastIndexOf('/'))}.lock`);
}

/** @returns false when somebody else has it and keeps it for so long */
async function lock(file: FileHandle, seconds: number): Promise<boolean> {
  const wait = seconds === 0 ? ['-n'] : ['-w', String(seconds)];
  const child = spawn('flock', ['-x', ...wait, '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0;
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'FLOCK_MISSING',
        message: 'The program flock could not be run, by which data-movers see that another one is gone.',
        fix: 'Install util-linux in the image of the workers.',
      },
      { cause },
    );
  }
}

async function ownerIn(file: FileHandle): Promise<Owner | null> {
  const bytes = Buffer.alloc(1024);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  try {
    const parsed = JSON.parse(bytes.toString('utf8', 0, bytesRead)) as Partial<Owner>;
    const { mover, pid, startTicks } = parsed;
    return typeof mover === 'string' && typeof pid === 'number' && typeof startTicks === 'string'
      ? { mover, pid, startTicks }
      : null;
  } catch {
    return null;
  }
}

function kill({ pid, startTicks }: Owner): void {
  if (startTicksOf(pid) !== startTicks) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended, or belongs to somebody else: the wait for the lock tells.
  }
}

/** Clock ticks since boot at which the process was started; null when there is none. */
function startTicksOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function notGone(mover: string): RetryableError {
  return new RetryableError({
    code: 'WRITER_NOT_GONE',
    message: `The data-mover ${mover} could not be ended, so nobody may go on with what it was writing.`,
    fix: 'Look on the worker whether its disk hangs, and whether all data-movers run as one user; restart the worker if so.',
  });
}
