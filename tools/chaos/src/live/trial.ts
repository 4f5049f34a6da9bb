import type { Restore } from '@landfall/domain';
import type { Cell } from './cell.js';
import { examineEnd } from './examine.js';
import { atRest, order, takeAway, type OrderOptions } from './restores.js';

/** One run under one fault. */
export interface Trial {
  readonly fault: string;
  /** What is done where, such as `kill launch-worker.vm.create.afterCall`. */
  readonly name: string;
  /** Shakes what all cells stand on: nothing else may run beside it. */
  readonly alone?: boolean;
  run(cell: Cell): Promise<Outcome>;
}

export interface Outcome {
  /** False: what was to be disturbed did not come by. */
  readonly reached: boolean;
  /** From the fault to the restore's end. */
  readonly recoveryMs: number | null;
  /** Sentences, each with the invariant that is broken. */
  readonly violations: readonly string[];
}

/** Generous, because a machine that is busy with other things must not fail a run; what it took is printed. */
export const PATIENCE_MS = 240_000;

export interface Disturbed {
  /** When it happened, by `performance.now()`; null: what was to be disturbed did not come by. */
  readonly at: number | null;
}

export interface RestoreTrial extends OrderOptions {
  /** Begins before the restore is ordered. */
  prepare?(cell: Cell): Promise<void> | void;
  /** While it runs. */
  disturb(cell: Cell, restoreId: string): Promise<Disturbed>;
  /** While what it made is taken away again. */
  readonly duringClean?: boolean;
  /** The states in which it may end; `completed` when left out. */
  readonly ends?: readonly Restore['state'][];
  /** Of the error with which it must end. */
  readonly code?: string;
}

/** Runs one restore under a fault, examines how it ends, takes it away, and examines what is left. */
export async function restoreTrial(cell: Cell, trial: RestoreTrial): Promise<Outcome> {
  const ends = trial.ends ?? ['completed'];
  cell.disarm();
  if (trial.duringClean) return cleanTrial(cell, trial);
  await trial.prepare?.(cell);
  const id = await order(cell, trial);
  const { at } = await trial.disturb(cell, id);
  const restore = await atRest(cell, id, PATIENCE_MS);
  const recoveryMs = at === null ? null : performance.now() - at;
  cell.disarm();
  const violations = await examineEnd(cell, restore, ends);
  if (trial.code !== undefined && restore.error?.code !== trial.code) {
    violations.push(`restore ${restore.id} says ${restore.error?.code ?? 'nothing'}, not ${trial.code}`);
  }
  violations.push(...(await cleaned(cell, restore)));
  return { reached: at !== null, recoveryMs, violations };
}

async function cleanTrial(cell: Cell, trial: RestoreTrial): Promise<Outcome> {
  const id = await order(cell, trial);
  const restore = await atRest(cell, id, PATIENCE_MS);
  const violations = await examineEnd(cell, restore, ['completed']);
  await trial.prepare?.(cell);
  const [{ at }, left] = await Promise.all([trial.disturb(cell, id), cleaned(cell, restore)]);
  cell.disarm();
  violations.push(...left);
  return { reached: at !== null, recoveryMs: at === null ? null : performance.now() - at, violations };
}

/** Takes it away, and says what is wrong afterwards. */
export async function cleaned(cell: Cell, restore: Restore): Promise<string[]> {
  const before = restore.state;
  const gone = await takeAway(cell, restore, PATIENCE_MS);
  const wanted: Restore['state'][] = ['cancelled', 'rolled-back', 'refused'];
  const violations = await examineEnd(cell, gone, wanted);
  const left = await cell.azure.resourcesOf(restore.id);
  if (left.length > 0) {
    violations.push(`I4: ${left.map((each) => each.id).join(', ')} is left of a restore that was ${before}`);
  }
  return violations;
}

/** Resolves with the moment at which `happened` became true; null after the deadline, or when `over` says so. */
export async function when(
  happened: () => boolean,
  over: () => Promise<boolean>,
  withinMs = PATIENCE_MS,
): Promise<number | null> {
  const deadline = performance.now() + withinMs;
  for (let looks = 0; performance.now() < deadline; looks += 1) {
    if (happened()) return performance.now();
    if (looks % 20 === 19 && (await over())) return happened() ? performance.now() : null;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return null;
}
