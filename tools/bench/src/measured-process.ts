import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** What one run of a program took. */
export interface Measurement {
  readonly wallSeconds: number;
  /** User and system time, of all its threads. */
  readonly cpuSeconds: number;
  /** The most that was resident at once. */
  readonly peakBytes: number;
}

const SAMPLE_MS = 10;

/*
 * Any program is measured alike: a shell starts it, waits for it, and prints the processor time of its children
 * (POSIX `times`); the peak of resident memory is read from /proc while it runs.
 */
const SHELL = '"$@" >/dev/null & echo "pid $!"; wait $!; code=$?; times; exit $code';

/**
 * Runs a program to its end.
 * @throws Error with what it printed on standard error when it fails
 */
export async function measure(
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Measurement> {
  const started = performance.now();
  const shell = spawn('sh', ['-c', SHELL, 'sh', program, ...parameters], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  let complaints = '';
  let ended = 0;
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    if (text.includes('m')) ended = performance.now();
  });
  shell.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  let peakBytes = 0;
  const sampler = setInterval(() => {
    const pid = /^pid (\d+)$/m.exec(printed)?.[1];
    if (pid === undefined) return;
    void peakOf(pid).then((bytes) => (peakBytes = Math.max(peakBytes, bytes)));
  }, SAMPLE_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      shell.on('error', reject);
      shell.on('close', resolve);
    });
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaints.trim()}`);
  } finally {
    clearInterval(sampler);
  }
  return { wallSeconds: ((ended || performance.now()) - started) / 1000, cpuSeconds: childTime(printed), peakBytes };
}

/** 0 once the process has gone. */
async function peakOf(pid: string): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The second line that `times` prints: user and system time of the shell's children, such as `0m1.5s 0m0.3s`. */
function childTime(printed: string): number {
  const times = [...printed.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  if (times.length !== 4) throw new Error(`The shell's times could not be read from ${JSON.stringify(printed)}.`);
  return times[2]! + times[3]!;
}
