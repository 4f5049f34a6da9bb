import { parseArgs } from 'node:util';
import { Campaign, type CampaignOptions, type Report, type Result } from '../live/campaign.js';
import { layGround } from '../live/ground.js';
import { makeSample } from '../live/sample.js';
import { FAULTS, trialsOf, type Fault } from './faults.js';
import { keepRows } from './kept.js';
import { seedFromEnvironment, shuffled } from './seeded.js';
import { printed, rowOf, type Row } from './table.js';

/*
 * The fault matrix with real processes:
 *
 *   matrix [--fault F1]… [--step TEXT] [--sample N] [--seed N] [--cells N] [--minutes N] [--restores N] [--keep] [--logs FOLDER]
 *
 * All of it without a `--fault`. `--step` keeps the trials whose name holds the text; `--sample` takes that many of what
 * is left, chosen by the seed;
 * `--minutes` begins none after that time; `--restores` is how many F12 asks for; `--keep` writes the rows into
 * docs/reliability.md; `--logs` keeps the logs of cells in which something went wrong. Ends with 1 when something is
 * broken, or was not reached.
 */
const USAGE = `Usage: node tools/chaos/dist/main.js matrix [--fault F1]… [--step TEXT] [--sample N] [--seed N] [--cells N] [--minutes N] [--restores N] [--keep] [--logs FOLDER]

Faults: ${FAULTS.map((fault) => `${fault.id} ${fault.title}`).join('; ')}`;

export async function matrix(parameters: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      fault: { type: 'string', multiple: true },
      step: { type: 'string' },
      sample: { type: 'string' },
      seed: { type: 'string' },
      cells: { type: 'string' },
      minutes: { type: 'string' },
      restores: { type: 'string', default: '1000' },
      logs: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = (values.fault ?? []).filter((id) => !FAULTS.some((fault) => fault.id === id));
  if (values.help || unknown.length > 0) {
    process.stderr.write(`${unknown.length > 0 ? `There is no fault ${unknown.join(', ')}.\n` : ''}${USAGE}\n`);
    return values.help ? 0 : 2;
  }
  // A few trials of everything are not meant to be hours of it.
  const isPart = values.step !== undefined || values.sample !== undefined;
  const faults = FAULTS.filter((fault) => values.fault?.includes(fault.id) ?? (fault.machine === undefined || !isPart));
  const seed = values.seed === undefined ? seedFromEnvironment() : Number(values.seed);
  // As somebody else would give it: where logs went is of no use to him.
  const command = `node tools/chaos/dist/main.js matrix ${parameters.join(' ').replace(/ ?--logs \S+| ?--keep/g, '')}`;
  const begun = performance.now();
  const say = (line: string): void => {
    process.stderr.write(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`);
  };

  say(`seed ${seed}`);
  const wanted: Wanted = {
    seed,
    restores: Number(values.restores),
    ...(values.step === undefined ? {} : { step: values.step }),
    ...(values.sample === undefined ? {} : { sample: Number(values.sample) }),
  };
  const options: CampaignOptions = {
    cells: Number(values.cells ?? 3),
    note: say,
    onResult: (result) => say(lineOf(result)),
    ...(values.logs === undefined ? {} : { logs: values.logs }),
    ...(values.minutes === undefined ? {} : { until: begun + Number(values.minutes) * 60_000 }),
  };
  const parts: Part[] = [];
  for (const [machine, ofMachine] of byMachine(faults)) {
    const part = await runOn(machine, ofMachine, wanted, options);
    // Kept at once: a later machine may take hours.
    if (values.keep) await keepRows(part.rows, { seed, command });
    parts.push(part);
  }
  process.stdout.write(`${printed(parts.flatMap(({ rows }) => rows))}\n\n`);
  process.stdout.write(`seed ${seed}, ${((performance.now() - begun) / 60_000) | 0} minutes\n`);
  const ofCells = parts.flatMap((part) => part.ofCells);
  for (const sentence of ofCells) process.stdout.write(`after all runs of a cell: ${sentence}\n`);
  const notRun = parts.flatMap((part) => part.notRun);
  if (notRun.length > 0) process.stdout.write(`${notRun.length} trials were left out: the time was up\n`);
  const results = parts.flatMap((part) => part.results);
  const bad = results.filter((result) => !result.survived || !result.reached);
  for (const result of bad) process.stdout.write(`${lineOf(result)}\n`);
  return bad.length === 0 && ofCells.length === 0 && results.length > 0 ? 0 : 1;
}

/** Faults that restore the same machine share their ground and their cells. */
function byMachine(faults: readonly Fault[]): ReadonlyMap<Fault['machine'], readonly Fault[]> {
  return Map.groupBy(faults, (fault) => fault.machine);
}

interface Wanted {
  readonly seed: number;
  readonly restores: number;
  readonly step?: string;
  readonly sample?: number;
}

interface Part extends Report {
  readonly rows: readonly Row[];
}

async function runOn(
  machine: Fault['machine'],
  faults: readonly Fault[],
  wanted: Wanted,
  options: CampaignOptions,
): Promise<Part> {
  const ground = await layGround((folder) => makeSample(folder, machine));
  const campaign = new Campaign(ground, options);
  // A second signal, as a terminal and `timeout` send it, must not cut the clearing away short.
  const broken: { off?: Promise<void> } = {};
  const end = (): void => {
    broken.off ??= campaign.abandon().finally(() => ground.close().finally(() => process.exit(130)));
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, end);
  try {
    const { points, pointsInPlace, trials } = await trialsOf(faults, wanted, () => campaign.borrow());
    const crashPoints = points.length + pointsInPlace.length;
    if (crashPoints > 0) options.note?.(`${crashPoints} crash points were come by`);
    const meant = trials.filter((trial) => wanted.step === undefined || trial.name.includes(wanted.step));
    const report = await campaign.run(shuffled(meant, wanted.seed).slice(0, wanted.sample));
    const rows = faults.map((fault) =>
      rowOf(fault, trials.filter((trial) => trial.fault === fault.id).length, report.results),
    );
    return { ...report, rows, ofCells: await campaign.close() };
  } finally {
    // Ends the process: nothing of what was broken off is kept, and no other machine is begun.
    await broken.off;
    await campaign.close();
    await campaign.abandon();
    await ground.close();
    for (const signal of signals) process.off(signal, end);
  }
}

function lineOf({ trial, survived, reached, recoveryMs, tookMs, violations }: Result): string {
  const how = !survived ? 'BROKEN     ' : reached ? 'survived   ' : 'NOT REACHED';
  const recovery = recoveryMs === null ? '' : `, recovered in ${(recoveryMs / 1_000).toFixed(1)} s`;
  const took = `${(tookMs / 1_000).toFixed(1)} s${recovery}`;
  return [`${how} ${trial.fault} ${trial.name} (${took})`, ...violations.map((each) => `        ${each}`)].join('\n');
}
