import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * A pid alone may belong to somebody else by now; pid and start time together name one process for good.
 */

/** Clock ticks since boot at which the process started; null when there is none, or only its remains (zombie). */
export function startTicksOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

export function isAlive(pid: number, startTicks: string): boolean {
  return startTicksOf(pid) === startTicks;
}

/** Asks the process and its children to end, and ends them after `graceMs`. Returns when the process is gone. */
export async function endProcess(pid: number, startTicks: string, graceMs: number): Promise<void> {
  if (!isAlive(pid, startTicks)) return;
  signal(pid, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  while (isAlive(pid, startTicks) && Date.now() < deadline) await sleep(20);
  if (!isAlive(pid, startTicks)) return;
  signal(pid, 'SIGKILL');
  while (isAlive(pid, startTicks)) await sleep(20);
}

/** Workers lead a process group of their own. */
function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, name);
  } catch {
    try {
      process.kill(pid, name);
    } catch {
      return;
    }
  }
}
