import { parseArgs } from 'node:util';
import { Campaign, type Result } from '../live/campaign.js';
import { layGround } from '../live/ground.js';
import { makeSample } from '../live/sample.js';
import { FAULTS, trialsOf } from './faults.js';
import { keepRows } from './kept.js';
import { seedFromEnvironment, shuffled } from './seeded.js';
import { printed, rowOf } from './table.js';

/*
 * The fault matrix with real processes:
 *
 *   matrix [--fault F1]… [--step TEXT] [--sample N] [--seed N] [--cells N] [--minutes N] [--restores N] [--keep] [--logs FOLDER]
 *
 * `--step` keeps the trials whose name holds the text; `--sample` takes that many of what is left, chosen by the seed;
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
  const faults = FAULTS.filter((fault) => values.fault?.includes(fault.id) ?? fault.machine === undefined);
  const own = faults.find((fault) => fault.machine !== undefined);
  if (own !== undefined && faults.length > 1) {
    process.stderr.write(`${own.id} restores a machine of its own: run it by itself.\n`);
    return 2;
  }
  const seed = values.seed === undefined ? seedFromEnvironment() : Number(values.seed);
  // As somebody else would give it: where logs went is of no use to him.
  const command = `node tools/chaos/dist/main.js matrix ${parameters.join(' ').replace(/ ?--logs \S+| ?--keep/g, '')}`;
  const begun = performance.now();
  const say = (line: string): void => {
    process.stderr.write(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`);
  };

  say(`seed ${seed}`);
  const ground = await layGround((folder) => makeSample(folder, own?.machine));
  const campaign = new Campaign(ground, {
    cells: Number(values.cells ?? 3),
    note: say,
    onResult: (result) => say(lineOf(result)),
    ...(values.logs === undefined ? {} : { logs: values.logs }),
    ...(values.minutes === undefined ? {} : { until: begun + Number(values.minutes) * 60_000 }),
  });
  const end = (): void => void campaign.abandon().finally(() => ground.close().finally(() => process.exit(130)));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  try {
    const { points, trials } = await trialsOf(faults, { restores: Number(values.restores), seed }, () =>
      campaign.borrow(),
    );
    if (points.length > 0) say(`${points.length} crash points were come by`);
    const meant = trials.filter((trial) => values.step === undefined || trial.name.includes(values.step));
    const chosen = shuffled(meant, seed).slice(0, values.sample === undefined ? undefined : Number(values.sample));
    const report = await campaign.run(chosen);
    const ofCells = await campaign.close();
    const rows = faults.map((fault) =>
      rowOf(fault, trials.filter((trial) => trial.fault === fault.id).length, report.results),
    );
    process.stdout.write(`${printed(rows)}\n\nseed ${seed}, ${((performance.now() - begun) / 60_000) | 0} minutes\n`);
    for (const sentence of ofCells) process.stdout.write(`after all runs of a cell: ${sentence}\n`);
    if (report.notRun.length > 0)
      process.stdout.write(`${report.notRun.length} trials were left out: the time was up\n`);
    if (values.keep) await keepRows(rows, { seed, command });
    const bad = report.results.filter((result) => !result.survived || !result.reached);
    for (const result of bad) process.stdout.write(`${lineOf(result)}\n`);
    return bad.length === 0 && ofCells.length === 0 && report.results.length > 0 ? 0 : 1;
  } finally {
    await campaign.close();
    await campaign.abandon();
    await ground.close();
  }
}

function lineOf({ trial, survived, reached, recoveryMs, tookMs, violations }: Result): string {
  const how = !survived ? 'BROKEN     ' : reached ? 'survived   ' : 'NOT REACHED';
  const recovery = recoveryMs === null ? '' : `, recovered in ${(recoveryMs / 1_000).toFixed(1)} s`;
  const took = `${(tookMs / 1_000).toFixed(1)} s${recovery}`;
  return [`${how} ${trial.fault} ${trial.name} (${took})`, ...violations.map((each) => `        ${each}`)].join('\n');
}
