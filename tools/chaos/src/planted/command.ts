import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NOT_BEGUN } from '@landfall/jest';
import { PLANTED_BUGS, type PlantedBug, type Suite } from './bugs.js';
import { Scratch } from './scratch.js';

const USAGE = `Usage: node tools/chaos/dist/main.js planted [--only TEXT] [--list]

Plants one bug after the other in a copy of the build, and runs the suite that has to notice. Build first.`;

const WITHIN_MS = 15 * 60_000;

interface Verdict {
  readonly bug: PlantedBug;
  readonly caught: boolean;
  readonly note: string;
}

/** 0: every bug was caught; 1: one was not, or could not be planted; 2: wrong usage. */
export async function plantedCommand(parameters: readonly string[]): Promise<number> {
  const options = { only: { type: 'string' }, list: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ args: [...parameters], options });
  const bugs = PLANTED_BUGS.filter(({ name, file }) => `${file} ${name}`.includes(values.only ?? ''));
  if (values.help || values.list) {
    const list = bugs.map(({ name, file, suite }) => `${name}: ${file}, ${suiteName(suite)}`);
    process.stdout.write(`${values.help ? USAGE : list.join('\n')}\n`);
    return 0;
  }
  const scratch = await Scratch.make(fileURLToPath(new URL('../../../..', import.meta.url)));
  const verdicts: Verdict[] = [];
  const known = new Map<string, boolean>();
  try {
    for (const bug of bugs) {
      const verdict = await tryBug(scratch, bug, known);
      verdicts.push(verdict);
      process.stdout.write(`${verdict.caught ? 'caught    ' : 'NOT CAUGHT'}  ${bug.name} (${verdict.note})\n`);
    }
  } finally {
    await scratch.remove();
  }
  const caught = verdicts.filter((verdict) => verdict.caught).length;
  process.stdout.write(`${caught} of ${verdicts.length} planted bugs were caught\n`);
  return caught === verdicts.length && verdicts.length > 0 ? 0 : 1;
}

/** Tests that fail by themselves would notice every bug. */
async function passesWithoutBugs(scratch: Scratch, suite: Suite, known: Map<string, boolean>): Promise<boolean> {
  if (suite.kind !== 'tests') return true;
  const passes = known.get(suite.file) ?? (await scratch.run(commandOf(suite), WITHIN_MS)).code === 0;
  known.set(suite.file, passes);
  return passes;
}

async function tryBug(scratch: Scratch, bug: PlantedBug, known: Map<string, boolean>): Promise<Verdict> {
  const startedAt = performance.now();
  try {
    if (!(await passesWithoutBugs(scratch, bug.suite, known))) {
      return { bug, caught: false, note: `${suiteName(bug.suite)} fails without a bug` };
    }
    const unplant = await scratch.plant([bug, ...(bug.also ?? [])]);
    try {
      const { code, output } = await scratch.run(commandOf(bug.suite), WITHIN_MS);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      // Only a suite that has run and says no counts: one that could not even start has noticed nothing.
      const caught = code === 1 && hasSpoken(bug.suite, output);
      const seeds = /^(\d+) seeds from/m.exec(output)?.[1];
      const needed = caught && seeds !== undefined ? ` after ${seeds} seeds` : '';
      return {
        bug,
        caught,
        note: `${suiteName(bug.suite)}${needed}, ${seconds} s${caught ? '' : `; exit ${String(code)}`}`,
      };
    } finally {
      await unplant();
    }
  } catch (error) {
    return { bug, caught: false, note: error instanceof Error ? error.message : String(error) };
  }
}

function commandOf(suite: Suite): readonly string[] {
  if (suite.kind === 'simulation') {
    const { mix, seeds } = suite;
    return ['tools/chaos/dist/main.js', 'simulate', '--mix', mix, '--seeds', String(seeds), '--until-first'];
  }
  return ['tools/jest/dist/main.js', '--only', suite.file];
}

function hasSpoken(suite: Suite, output: string): boolean {
  if (suite.kind === 'simulation')
    return /seeds with violations/.test(output) && !/could not be simulated/.test(output);
  const failed = Number(/^\d+ passed, (\d+) failed$/m.exec(output)?.[1] ?? 0);
  return failed > 0 && !output.includes(NOT_BEGUN);
}

function suiteName(suite: Suite): string {
  if (suite.kind === 'simulation') return `simulation of ${suite.mix}`;
  return suite.file.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
}
