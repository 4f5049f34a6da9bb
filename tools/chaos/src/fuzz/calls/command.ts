import { parseArgs } from 'node:util';
import { seedFromEnvironment } from '../../matrix/seeded.js';
import { fuzzCalls } from './campaign.js';

const USAGE = `Usage: node tools/chaos/dist/main.js fuzz-calls [--runs N] [--seed N] [--run N]

Calls every command that takes an id, a path or a password with odd ones: each call has to end by itself with an exit code and a
sentence of the product, and never with UNEXPECTED, a secret, or an address that the API does not have.
--run makes one call again.`;

/** 0: nothing was found; 1: something was; 2: wrong usage. */
export async function fuzzCallsCommand(parameters: readonly string[]): Promise<number> {
  const options = {
    runs: { type: 'string', default: '5000' },
    seed: { type: 'string' },
    run: { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...parameters], options });
  const seed = values.seed === undefined ? seedFromEnvironment() : Number(values.seed);
  const runs = values.run === undefined ? Number(values.runs) : 1;
  const from = Number(values.run ?? '0');
  if (values.help || ![seed, runs, from].every((number) => Number.isSafeInteger(number) && number >= 0)) {
    process.stdout.write(`${USAGE}\n`);
    return values.help ? 0 : 2;
  }
  process.stdout.write(`seed ${seed}\n`);
  const report = await fuzzCalls(seed, runs, from);
  const lines = [...report.calls].map(([taker, count]) => `${String(count).padStart(6)}  ${taker}`);
  process.stdout.write(
    `${[...lines, ...report.violations, `${report.runs} runs, ${report.violations.length} violations`].join('\n')}\n`,
  );
  return report.violations.length === 0 ? 0 : 1;
}
