import { parseArgs } from 'node:util';
import { seedFromEnvironment } from '../matrix/seeded.js';
import { fuzzTarget, type TargetReport } from './campaign.js';
import { printedReports } from './report.js';
import { shareOut } from './target.js';
import { TARGETS } from './targets/all.js';

const USAGE = `Usage: node tools/chaos/dist/main.js fuzz [--runs N] [--seed N] [--target NAME]… [--minutes N]
       node tools/chaos/dist/main.js fuzz --seed N --target NAME --run N

Has the product's parsers read changed inputs: each has to be read, or refused with an error of the product, in less than
1 s of processor time and 256 MiB. --run makes one run again.

Targets: ${TARGETS.map((target) => target.name).join(', ')}`;

/** 0: nothing was found; 1: something was; 2: wrong usage. */
export async function fuzzCommand(parameters: readonly string[]): Promise<number> {
  const options = {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    target: { type: 'string', multiple: true },
    minutes: { type: 'string', default: 'Infinity' },
    run: { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...parameters], options });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const seed = values.seed === undefined ? seedFromEnvironment() : Number(values.seed);
  const [runs, from] = [Number(values.runs), Number(values.run ?? '0')];
  if (![seed, runs, from].every((number) => Number.isSafeInteger(number) && number >= 0)) {
    return misuse('Runs and seeds are whole numbers.');
  }
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) return misuse('Minutes are a number above 0.');
  const targets = TARGETS.filter((target) => values.target?.includes(target.name) ?? true);
  const unknown = (values.target ?? []).filter((name) => !TARGETS.some((target) => target.name === name));
  if (unknown.length > 0) return misuse(`There is no target ${unknown.join(', ')}.`);
  if (values.run !== undefined && values.target?.length !== 1) return misuse('--run needs one --target.');

  process.stdout.write(`seed ${seed}\n`);
  const until = performance.now() + minutes * 60_000;
  const shares = values.run === undefined ? shareOut(targets, runs) : [1];
  const reports: TargetReport[] = [];
  for (const [index, target] of targets.entries()) {
    const report = await fuzzTarget(target, { seed, runs: shares[index]!, from, until });
    process.stderr.write(`${target.name}: ${report.runs} runs, ${report.violations.length} violations\n`);
    reports.push(report);
  }
  process.stdout.write(`${printedReports(reports)}\n`);
  return reports.every((report) => report.violations.length === 0) ? 0 : 1;
}

function misuse(message: string): number {
  process.stderr.write(`${message}\n\n${USAGE}\n`);
  return 2;
}
