import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/*
 * What a machine does to the processes on it: a clock that is wrong, a disk that fails or lies. The processes under trial
 * know nothing of it; they are started with a module (`preload.ts`) that stands between them and Node's own clock and
 * files, and does what a file says at the moment.
 */
export interface Afflictions {
  /** By how much a process' wall clock is ahead, in milliseconds, by its name or its kind; `*`: everybody else's. */
  readonly clockMs?: Readonly<Record<string, number>>;
  /** Of the disks that a worker has at hand. */
  readonly disk?: DiskFault;
}

export interface DiskFault {
  readonly kind: (typeof DISK_FAULTS)[number];
  /** How many calls of its kind go well before one is struck, in each process. */
  readonly after: number;
}

export const DISK_FAULTS = ['EIO', 'ENOSPC', 'short write', 'failed flush', 'lost write', 'lying read-back'] as const;

export function writePlan(file: string, plan: Afflictions): void {
  writeFileSync(`${file}.new`, JSON.stringify(plan));
  renameSync(`${file}.new`, file);
}

export function removePlan(file: string): void {
  rmSync(file, { force: true });
}

/** Nothing, while there is no such file. */
export function readPlan(file: string): Afflictions {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Afflictions;
  } catch {
    return {};
  }
}
