import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const GRACE_MS = 20_000;

/**
 * Ends what a run that is called off has started: the descendants of this process, and whoever has the run's folder among
 * its arguments, such as a stack that went into the background, with their descendants. They are asked first, and killed
 * after twenty seconds. Does nothing where there is no /proc.
 */
export async function endWhatIsLeft(folder: string | null, graceMs = GRACE_MS): Promise<void> {
  // Held still while it is looked whom they have started: they would go on starting others.
  const children = processes().filter(({ parent }) => parent === process.pid);
  kill(
    children.map(({ pid }) => pid),
    'SIGSTOP',
  );
  const pids = startedBy(process.pid, folder);
  kill(pids, 'SIGTERM');
  kill(pids, 'SIGCONT');
  const deadline = performance.now() + graceMs;
  while (pids.some(isAlive) && performance.now() < deadline) await pause(50);
  kill(pids, 'SIGKILL');
}

function startedBy(root: number, folder: string | null): number[] {
  const all = processes();
  const found = new Set([root]);
  if (folder !== null) {
    const names = [folder, encodeURIComponent(folder)];
    for (const { pid, commandLine } of all) if (names.some((name) => commandLine.includes(name))) found.add(pid);
  }
  // A process may stand before its parent in the list.
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  found.delete(root);
  return [...found];
}

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly commandLine: string;
}

function processes(): ProcessEntry[] {
  return entries('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The name in brackets may hold anything; the state and the parent follow it.
      const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
      return [
        { pid: Number(name), parent: Number(parent), commandLine: readFileSync(`/proc/${name}/cmdline`, 'utf8') },
      ];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

function kill(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      if (isAlive(pid)) process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}
