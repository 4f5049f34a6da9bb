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

/** With which code a restore fails whose disk was struck so; null: it gets over it. */
export const VERDICTS: Readonly<Record<DiskFault['kind'], string | null>> = {
  EIO: 'TARGET_FAILED',
  ENOSPC: 'TARGET_FULL',
  'short write': null,
  'failed flush': 'TARGET_FLUSH_FAILED',
  'lost write': 'VERIFY_MISMATCH',
  'lying read-back': 'VERIFY_MISMATCH',
};

/** A disk of a worker that was struck. */
export interface StruckDisk {
  readonly kind: DiskFault['kind'];
  readonly workerId: string;
  readonly lun: number;
}

/** As it is written down, in one line. */
export function describeStruck({ kind, workerId, lun }: StruckDisk): string {
  return `${kind} of LUN ${lun} of ${workerId}`;
}

/** Null: the line is about something else. */
export function parseStruck(line: string): StruckDisk | null {
  const [, kind, lun, workerId] = /(?:^|: )([^:]+) of LUN (\d+) of (\S+)$/.exec(line) ?? [];
  const known = DISK_FAULTS.find((each) => each === kind);
  if (known === undefined || workerId === undefined) return null;
  return { kind: known, workerId, lun: Number(lun) };
}

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
