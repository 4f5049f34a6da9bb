import { parseArgs } from 'node:util';
import { LandfallError } from '@landfall/domain';
import { cutOver, MOST_SHARE } from './cut-over.js';
import { emptyRestore, MOST_SECONDS } from './empty-restore.js';
import { pageBlob } from './page-blob.js';
import type { Report } from './report.js';
import { resticRestore } from './restic-restore.js';
import { LEAST_RATIO, wholeRestore } from './whole-restore.js';

const USAGE = `Usage: node tools/bench/dist/main.js restic-restore [--size 2GiB] [--repeat N] [--half-empty] [--threads N] [--json]
       node tools/bench/dist/main.js page-blob [--size 2GiB] [--repeat N] [--json]
       node tools/bench/dist/main.js whole-restore --against CHECKOUT [--size 2GiB] [--pairs N] [--json]
       node tools/bench/dist/main.js empty-restore [--repeat N] [--json]
       node tools/bench/dist/main.js cut-over [--json]

restic-restore  restores one restic snapshot of a made-up disk with \`restic restore\` and with Landfall's own reader, in
                turns, and prints wall time, CPU time and memory of both, and their ratios
page-blob       writes a disk through the Azure emulator's page-blob endpoint with four connections, and the same bytes
                to a plain file, in turns, and prints MB/s and their ratio
whole-restore   restores one disk to a new VM through all services of this build, and through those of another build in
                the folder CHECKOUT, in turns, and prints both times of each pair, the median of the ratios, and whether
                this build has at least ${LEAST_RATIO} of the other one's speed
empty-restore   restores a disk without data to a new VM through all services of this build, ten times and more, and prints
                what each step takes, what lies between them, and whether the median is at most ${MOST_SECONDS} s: for a machine
                with nothing else to do
cut-over        replaces a machine at its original place in an emulated Azure that takes Azure's times, and prints how long it is
                out of use: Azure's own share, operation by operation, and whether the rest is at most ${100 * MOST_SHARE} % of it

Of the others only the ratios say anything: they were measured on the same machine, with the same data, in the same run.`;

const BENCHMARKS = ['restic-restore', 'page-blob', 'whole-restore', 'empty-restore', 'cut-over'] as const;
type Benchmark = (typeof BENCHMARKS)[number];

const UNITS: Readonly<Record<string, number>> = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

const PARAMETERS = {
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '2GiB' },
    repeat: { type: 'string' },
    threads: { type: 'string', default: '2' },
    'half-empty': { type: 'boolean', default: false },
    against: { type: 'string' },
    pairs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
} as const;

async function main(): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs(PARAMETERS);
  } catch (error) {
    return misuse(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const [benchmark] = positionals;
  if (positionals.length !== 1 || !isBenchmark(benchmark)) {
    return misuse(`Name the benchmark: ${BENCHMARKS.join(', ')}.`);
  }
  const sizeBytes = parseSize(values.size);
  const repeat = Number(values.repeat ?? (benchmark === 'empty-restore' ? '10' : '3'));
  const threads = Number(values.threads);
  const pairs = Number(values.pairs);
  if (sizeBytes === null) return misuse(`${values.size} is no size; write it like 512MiB or 2GiB.`);
  if (!Number.isInteger(repeat) || repeat < 1) return misuse('--repeat must be a whole number from 1.');
  if (!Number.isInteger(threads) || threads < 0) return misuse('--threads must be a whole number from 0.');
  if (!Number.isInteger(pairs) || pairs < 1) return misuse('--pairs must be a whole number from 1.');
  const against = values.against ?? null;
  if ((benchmark === 'whole-restore') !== (against !== null)) {
    return misuse('--against CHECKOUT names the other build for whole-restore, and for nothing else.');
  }
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const measured: Readonly<Record<Benchmark, () => Promise<Report>>> = {
    'restic-restore': () => resticRestore({ sizeBytes, repeat, threads, halfEmpty: values['half-empty'] }, say),
    'page-blob': () => pageBlob({ sizeBytes, repeat }, say),
    'empty-restore': () => emptyRestore({ repeat }, say),
    'cut-over': () => cutOver(say),
    'whole-restore': () => wholeRestore({ sizeBytes, pairs, against: against ?? '' }, say),
  };
  const report = await measured[benchmark]();
  process.stdout.write(values.json ? `${JSON.stringify(report.data, null, 2)}\n` : `${report.table}\n`);
  return 0;
}

function isBenchmark(name: string | undefined): name is Benchmark {
  return BENCHMARKS.some((each) => each === name);
}

function misuse(message: string): number {
  process.stderr.write(`${message}\n\n${USAGE}\n`);
  return 2;
}

function described(error: unknown): string {
  if (error instanceof LandfallError) return `${error.code}: ${error.message}\n${error.fix}`;
  return error instanceof Error ? error.message : String(error);
}

function parseSize(text: string): number | null {
  const [, number, unit] = /^(\d+)(MiB|GiB|TiB)$/.exec(text) ?? [];
  if (number === undefined || unit === undefined || Number(number) === 0) return null;
  return Number(number) * UNITS[unit]!;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${described(error)}\n`);
  process.exitCode = 1;
}
