import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 100;
const MOST_RESIDENT_BYTES = 1024 * 1024 * 1024;
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/**
 * Ends a process whose run does not: it takes more and more memory or processor time. Time on the clock says nothing on a
 * machine that is busy with other things.
 */
export class Watch {
  /** Why the process was ended. */
  verdict: string | null = null;
  #cpuMsAtLastSign = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly child: ChildProcess,
    private readonly hangMs: number,
  ) {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** A run has ended. */
  alive(): void {
    this.#cpuMsAtLastSign = -1;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const usage = usageOf(this.child.pid);
    if (usage === null) return;
    if (this.#cpuMsAtLastSign < 0) this.#cpuMsAtLastSign = usage.cpuMs;
    if (usage.cpuMs - this.#cpuMsAtLastSign > this.hangMs) {
      this.#stop(`it did not end within ${this.hangMs / 1_000} s of processor time`);
    } else if (usage.residentBytes > MOST_RESIDENT_BYTES) {
      this.#stop(`it had taken ${(usage.residentBytes / 2 ** 20).toFixed(0)} MiB of memory, and was not done`);
    }
  }

  #stop(why: string): void {
    this.verdict ??= why;
    this.child.kill('SIGKILL');
  }
}

function usageOf(pid: number | undefined): { cpuMs: number; residentBytes: number } | null {
  try {
    // Behind the name, which may hold anything: state, and 10 fields on user and system time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { cpuMs: (ticks * 1_000) / TICKS_PER_SECOND, residentBytes: Number(fields[21]) * PAGE_BYTES };
  } catch {
    // It has ended.
    return null;
  }
}
