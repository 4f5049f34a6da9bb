import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Restore } from '@landfall/domain';
import type { Cell } from '../live/cell.js';
import { examineEnd } from '../live/examine.js';
import { atRest, order, takeAway } from '../live/restores.js';
import { PATIENCE_MS, type Outcome, type Trial } from '../live/trial.js';

/*
 * A new version is rolled out while restores run, and another one right after it: one service after the other is asked to
 * end and comes back, the next one only then. No restore fails, and none falls back: what was done stays done.
 */
const AT_ONCE = 6;
const ROUNDS = 2;
const LOOK_EVERY_MS = 100;

export function rollingTrials(): readonly Trial[] {
  return [{ fault: 'rolling', name: `services replaced one by one under ${AT_ONCE} restores`, run: roll }];
}

async function roll(cell: Cell): Promise<Outcome> {
  const ids = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) => order(cell, { transfer: index % 2 === 0 ? 'worker' : 'direct' })),
  );
  const violations: string[] = [];
  const begun = performance.now();
  let over = false;
  let replaced = 0;
  const rolling = async (): Promise<void> => {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const name of cell.services) if (!over && (await replace(cell, name))) replaced += 1;
    }
  };
  const watching = Promise.all(ids.map((id) => watchProgress(cell, id, () => over, violations)));
  const service = rolling();
  const restores = await Promise.all(ids.map((id) => atRest(cell, id, PATIENCE_MS)));
  const recoveryMs = performance.now() - begun;
  over = true;
  await Promise.all([service, watching]);
  cell.note(`${replaced} processes were replaced`);
  for (const restore of restores) violations.push(...(await examineEnd(cell, restore, ['completed'])));
  for (const restore of restores) {
    const gone = await takeAway(cell, restore, PATIENCE_MS);
    violations.push(...(await examineEnd(cell, gone, ['cancelled', 'rolled-back'])));
  }
  return { reached: replaced >= cell.services.length, recoveryMs, violations };
}

/** Asks one process to end, and waits until there is another in its place that answers. */
async function replace(cell: Cell, name: string): Promise<boolean> {
  const old = cell.pid(name);
  if (old === null) return false;
  process.kill(old, 'SIGTERM');
  while (existsSync(`/proc/${old}`)) await pause(20);
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    if (cell.pid(name) !== null && (await cell.isReady(name))) return true;
    await pause(50);
  }
  throw new Error(`${name} has not come back.`);
}

async function watchProgress(cell: Cell, id: string, over: () => boolean, violations: string[]): Promise<void> {
  let steps = 0;
  let segments = 0;
  while (!over()) {
    const restore = await cell.books.books.restore(id);
    const done = (await cell.books.books.segments(id, { states: ['done'] })).length;
    const stepsDone = restore === null ? 0 : doneSteps(restore);
    if (stepsDone < steps || done < segments) {
      violations.push(
        `restore ${id} fell back from ${steps} steps and ${segments} segments to ${stepsDone} and ${done}`,
      );
    }
    [steps, segments] = [stepsDone, done];
    await pause(LOOK_EVERY_MS);
  }
}

function doneSteps(restore: Restore): number {
  return restore.works.filter(({ state }) => state === 'done').length;
}
