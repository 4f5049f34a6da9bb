import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Ended, Order } from './fuzz-process.js';
import { inputOf, type Target } from './target.js';
import { Watch } from './watch.js';

/** What the runs of one target have shown. */
export interface TargetReport {
  readonly target: string;
  readonly runs: number;
  readonly accepted: number;
  readonly refused: number;
  readonly slowestMs: number;
  readonly peakBytes: number;
  readonly violations: readonly Violation[];
}

export interface Violation {
  readonly target: string;
  readonly seed: number;
  readonly run: number;
  readonly why: string;
  /** The input's beginning, as text or hexadecimal. */
  readonly excerpt: string;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly runs: number;
  /** The first run's number. */
  readonly from?: number;
  /** By `performance.now()`; none begins after it. */
  readonly until?: number;
  /** Processor time after which a run is taken to have no end. */
  readonly hangMs?: number;
  /** The module that exports `TARGETS` with this target. */
  readonly module?: string;
}

export const ALL_TARGETS = new URL('./targets/all.js', import.meta.url).href;
const PROCESS = fileURLToPath(new URL('./fuzz-process.js', import.meta.url));
/** More is an avalanche of the same. */
const MOST_VIOLATIONS = 25;
const EXCERPT_BYTES = 160;
const HANG_MS = 5_000;

/** Fuzzes one target in a process of its own, and in another one each time that it dies, hangs or takes too much. */
export async function fuzzTarget(target: Target, options: FuzzOptions): Promise<TargetReport> {
  const { seed, from = 0, until = Infinity, module = ALL_TARGETS, hangMs = HANG_MS } = options;
  const fuzzed = target.make();
  const end = from + options.runs;
  const report = { runs: 0, accepted: 0, refused: 0, slowestMs: 0, peakBytes: 0 };
  const violations: Violation[] = [];
  const violated = (run: number, why: string): void => {
    const { bytes } = inputOf(target, fuzzed, seed, run);
    violations.push({ target: target.name, seed, run, why, excerpt: excerptOf(bytes, fuzzed.kind) });
  };
  const count = ({ run, accepted, cpuMs, grownBytes, violations: faults }: Ended): void => {
    report.runs += 1;
    report[accepted ? 'accepted' : 'refused'] += 1;
    report.slowestMs = Math.max(report.slowestMs, cpuMs);
    report.peakBytes = Math.max(report.peakBytes, grownBytes);
    for (const why of faults) violated(run, why);
  };
  const over = (): boolean => performance.now() >= until || violations.length >= MOST_VIOLATIONS;
  for (let next = from; next < end && !over();) {
    const order = { module, target: target.name, seed, from: next, to: end };
    const died = await inProcess(order, { hangMs, over }, (ended) => {
      next = ended.run + 1;
      count(ended);
    });
    if (died === null || next >= end || over()) continue;
    report.runs += 1;
    violated(next, died);
    next += 1;
  }
  return { target: target.name, ...report, violations };
}

/** Answers with how the process has ended, if not by itself. */
async function inProcess(
  order: Order,
  { hangMs, over }: { readonly hangMs: number; readonly over: () => boolean },
  onEnded: (ended: Ended) => void,
): Promise<string | null> {
  const flags = ['--expose-gc', '--max-old-space-size=512'];
  const child = spawn(process.execPath, [...flags, PROCESS, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const watch = new Watch(child, hangMs);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-4_000)));
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let last = -1;
  for await (const line of createInterface(child.stdout)) {
    const ended = JSON.parse(line) as Ended;
    last = ended.run;
    watch.alive();
    onEnded(ended);
    if (over()) child.kill('SIGKILL');
  }
  const [code, signal] = await closed;
  watch.end();
  if (watch.verdict !== null) return watch.verdict;
  if (code === 0) return null;
  if (last < 0 && order.from === 0 && signal === null) throw new Error(`The target can't be made:\n${complaints}`);
  const why = /^(?:FATAL ERROR|[A-Za-z]*Error).*$/m.exec(complaints)?.[0] ?? '';
  return `the process ended with ${signal ?? code} ${why}`.trimEnd();
}

function excerptOf(bytes: Buffer, kind: 'bytes' | 'text'): string {
  const head = bytes.subarray(0, EXCERPT_BYTES);
  const shown = kind === 'text' ? JSON.stringify(head.toString()) : head.toString('hex');
  return `${bytes.length} bytes: ${shown}${bytes.length > head.length ? '…' : ''}`;
}
