import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { endProcess, identify, isAlive, type ProcessIdentity } from '@landfall/azure-emulator/process-identity';
import { writePrivately } from './stack-file.js';

/*
 * `DIR/processes.json` lists every process of the stack from the moment it is spawned, so that a later call can end
 * what a killed supervisor left behind. What runs on the emulator's VMs belongs to the emulator and is not in the list;
 * it is known by a folder in its environment, which lies in DIR.
 */
export interface RecordedProcess extends ProcessIdentity {
  readonly name: string;
  readonly stopSignal: NodeJS.Signals;
}

export class ProcessRecord {
  readonly #path: string;
  #processes: RecordedProcess[] = [];

  constructor(folder: string) {
    this.#path = recordPath(folder);
  }

  get processes(): readonly RecordedProcess[] {
    return this.#processes;
  }

  add(name: string, pid: number, stopSignal: NodeJS.Signals): void {
    const identity = identify(pid);
    if (identity === null) return;
    this.#processes = [
      ...this.#processes.filter((process) => process.name !== name),
      { name, stopSignal, ...identity },
    ];
    writePrivately(this.#path, this.#processes);
  }

  remove(pid: number): void {
    this.#processes = this.#processes.filter((process) => process.pid !== pid);
    writePrivately(this.#path, this.#processes);
  }
}

/** Processes of the folder's stack that are still alive, in the order in which they are to be ended. */
export function leftOverProcesses(folder: string): readonly RecordedProcess[] {
  let recorded: RecordedProcess[];
  try {
    recorded = JSON.parse(readFileSync(recordPath(folder), 'utf8')) as RecordedProcess[];
  } catch {
    recorded = [];
  }
  const alive = recorded.filter(isAlive).sort((a, b) => stopRank(a.name) - stopRank(b.name));
  return [...alive, ...vmProcesses(folder)];
}

/** Ends them one after the other, so that none loses what it needs for its own end. */
export async function endLeftOverProcesses(folder: string, deadlineMs = 5_000): Promise<number> {
  const processes = leftOverProcesses(folder);
  for (const process of processes) await endProcess(process, { signal: process.stopSignal, deadlineMs });
  rmSync(recordPath(folder), { force: true });
  return processes.length;
}

/** Services first, then the emulator with its workers, then what they all stand on; Redis last. */
function stopRank(name: string): number {
  const last = ['azure-emulator', 'rehydration-proxy', 'azurite', 'postgres', 'redis'];
  return last.indexOf(name) + 1;
}

function vmProcesses(folder: string): RecordedProcess[] {
  const azure = `${join(folder, 'azure')}/`;
  const marks = { worker: `LANDFALL_WORKER_STATE=${azure}`, guest: `LANDFALL_GUEST_FOLDER=${azure}` };
  const found: RecordedProcess[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    let environment: string;
    try {
      environment = readFileSync(`/proc/${entry}/environ`, 'latin1');
    } catch {
      continue; // another user's, or gone
    }
    const variables = environment.split('\0');
    for (const [name, mark] of Object.entries(marks)) {
      const identity = variables.some((line) => line.startsWith(mark)) ? identify(Number(entry)) : null;
      if (identity !== null) found.push({ name, stopSignal: 'SIGTERM', ...identity });
    }
  }
  return found;
}

function recordPath(folder: string): string {
  return join(folder, 'processes.json');
}
