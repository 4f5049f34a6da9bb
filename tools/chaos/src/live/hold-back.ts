import type { Cell } from './cell.js';

const LOOK_EVERY_MS = 20;

/**
 * Whatever is started in the place of these processes stands still before it answers anybody: the processes stay away
 * without anybody's care of them being switched off.
 * @param names of services of the cell
 * @param old the processes themselves, which are left alone
 * @returns what lets them go on
 */
export function holdBack(cell: Cell, names: readonly string[], old: readonly number[]): () => void {
  const held = new Set<number>();
  const timer = setInterval(() => {
    for (const pid of names.map((name) => cell.pid(name))) {
      if (pid === null || old.includes(pid) || held.has(pid)) continue;
      held.add(pid);
      signal(pid, 'SIGSTOP');
    }
  }, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
    for (const pid of held) signal(pid, 'SIGCONT');
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}
