import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { judge } from './judge.js';
import { inputOf, type Target } from './target.js';

/*
 * A process that makes the runs of one target, and writes a line for each that has ended. It may not live to tell of the
 * one that kills it or never ends: that is always the one after the last line.
 */
export interface Order {
  /** The module that exports `TARGETS`. */
  readonly module: string;
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** One line. */
export interface Ended {
  readonly run: number;
  readonly accepted: boolean;
  readonly cpuMs: number;
  /** By how much the process has grown at most since it was ready. */
  readonly grownBytes: number;
  readonly violations: readonly string[];
}

const LONGEST_MS = 1_000;
const MOST_GROWN_BYTES = 256 * 1024 * 1024;
/** Garbage of many runs must not add up to what none of them needs. */
const RUNS_BETWEEN_COLLECTIONS = 100;
const MOST_GARBAGE_BYTES = 32 * 1024 * 1024;

/** Where nothing ever happens: to wait at. */
const NOTHING = new Int32Array(new SharedArrayBuffer(4));
const UNTIL_READ_MS = 5;

const order = JSON.parse(process.argv[2] ?? '') as Order;
const { TARGETS } = (await import(order.module)) as { TARGETS: readonly Target[] };
const target = TARGETS.find((candidate) => candidate.name === order.target)!;
const fuzzed = target.make();
await judge(fuzzed, inputOf(target, fuzzed, order.seed, 0));
globalThis.gc?.();
// Sets the peak back to what the process has now: making the inputs does not count.
writeFileSync('/proc/self/clear_refs', '5');
const ready = mostResidentBytes();
const externalBytes = process.memoryUsage().external;
const unchanged = fuzzed.inputs.length + (fuzzed.hostile?.length ?? 0);

for (let run = order.from; run < order.to; run += 1) {
  const input = inputOf(target, fuzzed, order.seed, run);
  const before = process.cpuUsage();
  const { accepted, violations } = await judge(fuzzed, input);
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1_000;
  const grownBytes = mostResidentBytes() - ready;
  const faults = [...violations];
  if (cpuMs > (fuzzed.mostMs ?? LONGEST_MS)) faults.push(`it took ${cpuMs.toFixed(0)} ms of processor time`);
  if (grownBytes > MOST_GROWN_BYTES) faults.push(`it took ${(grownBytes / 2 ** 20).toFixed(0)} MiB of memory`);
  const ended: Ended = { run, accepted, cpuMs, grownBytes, violations: faults };
  tell(ended);
  // The peak stays: a process that had one can't judge further runs.
  if (grownBytes > MOST_GROWN_BYTES) break;
  const garbage = process.memoryUsage().external - externalBytes > MOST_GARBAGE_BYTES;
  // A hostile input leaves a lot behind.
  if (garbage || run < unchanged || run % RUNS_BETWEEN_COLLECTIONS === 0) globalThis.gc?.();
}

/** Synchronous: the line has left before the next run begins. As long as nobody reads, the pipe takes less of it, or nothing. */
function tell(ended: Ended): void {
  let rest = Buffer.from(`${JSON.stringify(ended)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(NOTHING, 0, 0, UNTIL_READ_MS);
    }
  }
}

/** The peak since the process was ready; so a short one in the middle of a run counts as well. */
function mostResidentBytes(): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) * 1024;
}
