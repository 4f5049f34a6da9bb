import { join } from 'node:path';
import { callOf } from './calls.js';
import { runCall } from './run-call.js';
import { makeScene } from './scene.js';

export interface CallsReport {
  readonly runs: number;
  /** Runs by what was called. */
  readonly calls: ReadonlyMap<string, number>;
  /** With what it takes to see each again. */
  readonly violations: readonly string[];
}

/** More is an avalanche of the same. */
const MOST_VIOLATIONS = 25;

/** Makes calls from `from` on, one after the other, in one scene. */
export async function fuzzCalls(seed: number, runs: number, from = 0): Promise<CallsReport> {
  const scene = await makeScene();
  const before = { path: process.env['PATH'], folder: process.cwd() };
  process.env['PATH'] = `${join(scene.folder, 'bin')}:${before.path}`;
  // Relative paths lead to nothing of anybody's.
  process.chdir(scene.folder);
  const calls = new Map<string, number>();
  const violations: string[] = [];
  let run = from;
  try {
    for (; run < from + runs && violations.length < MOST_VIOLATIONS; run += 1) {
      const call = callOf(scene, seed, run);
      calls.set(call.taker, (calls.get(call.taker) ?? 0) + 1);
      for (const fault of await runCall(scene, call)) {
        violations.push(`run ${run} of seed ${seed}, ${JSON.stringify(call.words).slice(0, 400)}: ${fault}`);
      }
    }
  } finally {
    process.chdir(before.folder);
    process.env['PATH'] = before.path;
    await scene.close();
  }
  return { runs: run - from, calls, violations };
}
