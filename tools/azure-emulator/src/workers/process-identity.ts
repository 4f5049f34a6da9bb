import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * One process for all time: a process number is given again to somebody else, but not with the same start time in the
 * same boot. Read from Linux' `/proc` (proc(5): field 22 of `stat`).
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot ID and clock ticks from boot to the process' start. */
  readonly started: string;
}

/** Null when there is no such process, or only its remains (a zombie). */
export function identify(pid: number): ProcessIdentity | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || ticks === undefined) return null;
  return { pid, started: `${bootId()}:${ticks}` };
}

export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.started === process.started;
}

export interface Ending {
  /** What asks it to end. */
  readonly signal: NodeJS.Signals;
  /** After so long it is killed. */
  readonly deadlineMs: number;
  /** Whether it leads a process group of its own, which gets the same signals; left out: no. */
  readonly withGroup?: boolean;
}

/**
 * Sends the signal, waits until the process has ended, and kills it after the deadline.
 * A process that has taken over the number meanwhile is left alone.
 */
export async function endProcess(target: ProcessIdentity, { signal, deadlineMs, withGroup }: Ending): Promise<void> {
  const ask = withGroup === true ? signalGroup : signalProcess;
  ask(target, signal);
  const deadline = performance.now() + deadlineMs;
  while (isAlive(target)) {
    if (performance.now() > deadline) ask(target, 'SIGKILL');
    await sleep(25);
  }
}

function signalGroup(target: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(target)) return;
  // As long as it has no group of its own yet, it gets the signal alone.
  if (!send(-target.pid, signal)) send(target.pid, signal);
}

function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): void {
  if (isAlive(target)) send(target.pid, signal);
}

/** False when there is no such process, or group. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

let boot: string | undefined;

function bootId(): string {
  return (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}
