import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cell } from '../live/cell.js';
import { examineMany } from '../live/examine.js';
import { order } from '../live/restores.js';
import type { Outcome, Trial } from '../live/trial.js';
import { percentile } from '../matrix/table.js';

/*
 * F12: a thousand restores at once, of a machine with one disk. All end; no service grows beyond its bound; the API answers
 * within 200 ms for 95 of 100 questions while they run. How long it takes is decided by how often Azure may be asked: about
 * 20 reads for each restore, of which 16 a second are allowed to all of them together.
 */
const MOST_RESIDENT_MIB = 700;
const API_P95_MS = 200;
const ORDER_AT_ONCE = 16;
const ASK_EVERY_MS = 100;
const WITHIN_MS = 2 * 3_600_000;
const TELL_EVERY_MS = 60_000;
/** So many restores have their disks compared byte by byte. */
const COMPARED = 50;

export function crowdTrials(count: number): readonly Trial[] {
  return [{ fault: 'F12', name: `${count} restores at once`, alone: true, run: (cell) => crowd(cell, count) }];
}

async function crowd(cell: Cell, count: number): Promise<Outcome> {
  await cell.azure.call('PATCH', '/_emulator/settings', { coreLimits: { cores: 1_000_000 } });
  const begun = performance.now();
  const ids: string[] = [];
  const lane = async (): Promise<void> => {
    while (ids.length < count) {
      const index = ids.push('') - 1;
      ids[index] = await order(cell, { transfer: 'direct', disksOnly: true, name: `crowd-${index}` });
    }
  };
  const watching = watch(cell, ids);
  await Promise.all(Array.from({ length: ORDER_AT_ONCE }, lane));
  const ended = await allEnded(cell, count, begun + WITHIN_MS);
  const { resident, answers } = await watching.stop();
  const recoveryMs = performance.now() - begun;
  const restores = await cell.books.books.restores({ limit: count + 100 });
  const violations = await examineMany(cell, restores, Math.ceil(count / COMPARED));
  if (ended.completed < count)
    violations.push(`I6: ${ended.completed} of ${count} are completed: ${JSON.stringify(ended)}`);
  for (const [name, mib] of Object.entries(resident)) {
    tell(`${name}: at most ${mib} MiB resident`);
    if (mib > MOST_RESIDENT_MIB) violations.push(`memory: ${name} took ${mib} MiB`);
  }
  const p95 = percentile(answers, 0.95) ?? 0;
  tell(`API: p95 ${p95.toFixed(0)} ms of ${answers.length} answers`);
  if (p95 >= API_P95_MS) violations.push(`API: p95 is ${p95.toFixed(0)} ms of ${answers.length} answers`);
  return { reached: true, recoveryMs, violations };
}

/** A run takes long enough for somebody to wonder, and its figures are worth more than that it passed. */
function tell(line: string): void {
  process.stderr.write(`         ${line}\n`);
}

type States = { completed: number } & Record<string, number>;

async function allEnded(cell: Cell, count: number, deadline: number): Promise<States> {
  for (let told = performance.now(); ;) {
    const states: States = { completed: 0 };
    const restores = await cell.books.books.restores({ limit: count + 100 });
    for (const { state } of restores) states[state] = (states[state] ?? 0) + 1;
    const running = (states['planning'] ?? 0) + (states['running'] ?? 0);
    if ((restores.length >= count && running === 0) || performance.now() > deadline) return states;
    if (performance.now() - told >= TELL_EVERY_MS) {
      told = performance.now();
      tell(`${states.completed} of ${count} are completed`);
    }
    await pause(2_000);
  }
}

/** Asks the API as somebody who looks at single restores and at the list, and looks at the processes' memory. */
function watch(cell: Cell, ids: readonly string[]) {
  const resident: Record<string, number> = {};
  const answers: number[] = [];
  let over = false;
  const { ports, apiToken } = cell.installation;
  const ask = async (path: string): Promise<void> => {
    const begun = performance.now();
    const answer = await fetch(`http://127.0.0.1:${ports.api}${path}`, {
      headers: { authorization: `Bearer ${apiToken}` },
    });
    await answer.arrayBuffer();
    answers.push(performance.now() - begun);
  };
  const run = async (): Promise<void> => {
    for (let asked = 0; !over; asked += 1) {
      const id = ids[Math.floor(Math.random() * ids.length)];
      await ask(asked % 10 === 9 || !id ? '/v1/restores?limit=50' : `/v1/restores/${id}`).catch(() => undefined);
      for (const name of cell.services) resident[name] = Math.max(resident[name] ?? 0, residentMib(cell.pid(name)));
      await pause(ASK_EVERY_MS);
    }
  };
  const running = run();
  return {
    async stop() {
      over = true;
      await running;
      return { resident, answers };
    },
  };
}

function residentMib(pid: number | null): number {
  if (pid === null) return 0;
  try {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  } catch {
    return 0; // it is just being started again
  }
}
