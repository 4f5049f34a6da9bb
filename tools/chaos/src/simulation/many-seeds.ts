import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { MixName } from './mixes.js';
import type { RunOptions, RunReport } from './run.js';

/** What many runs have shown. */
export interface Campaign {
  readonly runs: number;
  readonly bad: readonly RunReport[];
  /** Seeds whose simulation itself has failed, with the reason. */
  readonly broken: readonly { readonly seed: number; readonly error: string }[];
  readonly ends: ReadonlyMap<string, number>;
  readonly recoveryMs: readonly number[];
  readonly steps: number;
  /** Crash points: how often each was passed, and how often a process died there. */
  readonly reached: ReadonlyMap<string, number>;
  readonly died: ReadonlyMap<string, number>;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
}

type Message = { readonly report: RunReport } | { readonly seed: number; readonly error: string };

const MOST_BAD = 50;
/**
 * A thread is replaced after that many seeds: what killed processes still wait for is never let go of by the runtime, and
 * adds up.
 */
const SEEDS_OF_A_THREAD = 500;

export interface CampaignOptions {
  readonly mix?: MixName;
  readonly threads?: number;
  /** It ends after so many that are bad. */
  readonly mostBad?: number;
}

/** Simulates `count` seeds from `first` on, on as many threads as the machine has cores. */
export async function simulateMany(
  first: number,
  count: number,
  onReport: (report: RunReport) => void = () => undefined,
  { mix = 'all', threads = Math.min(availableParallelism(), 4), mostBad = MOST_BAD }: CampaignOptions = {},
): Promise<Campaign> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const tally = new Tally();
  let next = first;
  const end = first + count;
  const isOver = (): boolean => next >= end || tally.bad.length + tally.broken.length >= mostBad;
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      const thread = new Worker(new URL('./seed-thread.js', import.meta.url));
      try {
        for (let seeds = 0; seeds < SEEDS_OF_A_THREAD && !isOver(); seeds++) {
          const message = await ask(thread, { seed: next++, mix });
          if ('report' in message) {
            tally.add(message.report);
            onReport(message.report);
          } else tally.broken.push(message);
        }
      } finally {
        await thread.terminate();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, count) }, lane));
  const { user, system } = process.cpuUsage(cpu);
  return tally.campaign((user + system) / 1e6, (performance.now() - startedAt) / 1000);
}

function ask(thread: Worker, wanted: Required<Pick<RunOptions, 'seed' | 'mix'>>): Promise<Message> {
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.postMessage(wanted);
  }).finally(() => {
    thread.removeAllListeners('message');
    thread.removeAllListeners('error');
  }) as Promise<Message>;
}

class Tally {
  runs = 0;
  steps = 0;
  readonly bad: RunReport[] = [];
  readonly broken: { seed: number; error: string }[] = [];
  readonly ends = new Map<string, number>();
  readonly recoveryMs: number[] = [];
  readonly reached = new Map<string, number>();
  readonly died = new Map<string, number>();

  add(report: RunReport): void {
    this.runs += 1;
    this.steps += report.steps;
    this.recoveryMs.push(report.recoveryMs);
    if (report.violations.length > 0) this.bad.push(report);
    for (const end of report.ends) this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
    for (const [point, times] of report.reached) this.reached.set(point, (this.reached.get(point) ?? 0) + times);
    for (const [point, times] of report.died) this.died.set(point, (this.died.get(point) ?? 0) + times);
  }

  campaign(cpuSeconds: number, wallSeconds: number): Campaign {
    this.recoveryMs.sort((left, right) => left - right);
    return { ...this, cpuSeconds, wallSeconds };
  }
}
