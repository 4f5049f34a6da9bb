import { parseArgs } from 'node:util';
import { describeViolation } from '@landfall/testing';
import { simulateMany, type Campaign } from './many-seeds.js';
import { isMix, type MixName, WHAT_MIXES_AIM_AT } from './mixes.js';
import type { RunReport } from './run.js';

const USAGE = `Usage: node tools/chaos/dist/main.js simulate [--mix MIX] [--seeds N] [--from S] [--until-first] [--json]
       node tools/chaos/dist/main.js simulate [--mix MIX] --seed S

Runs the state machine, the steps and the clean-up of the product in memory and in virtual time: one seed decides on
everything that happens, and on everything that goes wrong. With --seed one run is told line by line.

MIX says what mostly goes wrong, and to which restores:
${Object.entries(WHAT_MIXES_AIM_AT)
  .map(([name, aim]) => `  ${name.padEnd(9)} ${aim}`)
  .join('\n')}`;

/** 0: nothing was broken; 1: something was; 2: wrong usage. */
export async function simulateCommand(parameters: readonly string[]): Promise<number> {
  const options = {
    mix: { type: 'string', default: 'all' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    'until-first': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...parameters], options });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const numbers = [values.seeds, values.from, values.seed ?? '1'].map(Number);
  if (numbers.some((number) => !Number.isSafeInteger(number) || number < 0)) return misuse('Seeds are whole numbers.');
  const [seeds = 0, from = 0, seed = 0] = numbers;
  const { mix } = values;
  if (!isMix(mix)) return misuse(`There is no mix "${mix}".`);
  if (values.seed !== undefined) return tellOne(seed, mix);

  const campaign = await simulateMany(
    from,
    seeds,
    (report) => {
      if (report.violations.length > 0) process.stderr.write(`${lineOf(report)}\n`);
    },
    { mix, ...(values['until-first'] ? { threads: 1, mostBad: 1 } : {}) },
  );
  process.stdout.write(
    values.json ? `${JSON.stringify(plain(campaign), null, 2)}\n` : `${summaryOf(campaign, from)}\n`,
  );
  return campaign.bad.length + campaign.broken.length === 0 ? 0 : 1;
}

async function tellOne(seed: number, mix: MixName): Promise<number> {
  const { installVirtualGlobals } = await import('./virtual-globals.js');
  installVirtualGlobals();
  const { simulate } = await import('./run.js');
  const report = await simulate({ seed, mix, trace: (line) => process.stdout.write(`${line}\n`) });
  process.stdout.write(`${lineOf(report)}\n`);
  return report.violations.length === 0 ? 0 : 1;
}

export function lineOf({ seed, ends, steps, minutes, violations }: RunReport): string {
  const head = `seed ${seed}: ${ends.join(', ')}; ${steps} events in ${minutes.toFixed(1)} minutes`;
  return [head, ...violations.map((violation) => `  ${describeViolation(violation)}`)].join('\n');
}

export function summaryOf(campaign: Campaign, from: number): string {
  const { runs, bad, broken, ends, recoveryMs, steps, reached, died, cpuSeconds, wallSeconds } = campaign;
  const seconds = (part: number): string =>
    ((recoveryMs[Math.min(recoveryMs.length - 1, Math.floor(recoveryMs.length * part))] ?? 0) / 1000).toFixed(0);
  return [
    `${runs} seeds from ${from}, ${steps} events, ${cpuSeconds.toFixed(1)} s of CPU in ${wallSeconds.toFixed(1)} s`,
    `restores: ${[...ends].map(([end, count]) => `${count} ${end}`).join(', ')}`,
    `after the last fault everything had ended within ${seconds(0.5)} s (half of the runs), ${seconds(0.95)} s (95 of 100), in virtual time`,
    `crash points: ${reached.size} passed, deaths at ${died.size} of them`,
    ...broken.map(({ seed, error }) => `seed ${seed} could not be simulated: ${error}`),
    bad.length === 0
      ? '0 violations'
      : `${bad.length} seeds with violations: ${bad.map(({ seed }) => seed).join(', ')} (simulate --seed S tells one)`,
  ].join('\n');
}

function plain(campaign: Campaign): unknown {
  const { reached, died, ends, ...rest } = campaign;
  return {
    ...rest,
    ends: Object.fromEntries(ends),
    reached: Object.fromEntries(reached),
    died: Object.fromEntries(died),
  };
}

function misuse(message: string): number {
  process.stderr.write(`${message}\n\n${USAGE}\n`);
  return 2;
}
