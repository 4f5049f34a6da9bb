import { spawn } from 'node:child_process';

export interface HandOver {
  /** Left out: this one's. */
  readonly cwd?: string;
  /** Whatever it says goes to standard error: standard output is for the command's own result. */
  readonly toStderr?: boolean;
}

/**
 * Runs another program in this one's place, on the same terminal, and passes SIGTERM on to it; SIGINT too where no
 * terminal sends it to both.
 * @returns its exit code; null when a signal ended it
 */
export async function handOver(
  program: string,
  words: readonly string[],
  { cwd, toStderr = false }: HandOver = {},
): Promise<number | null> {
  const child = spawn(program, words, { cwd, stdio: ['inherit', toStderr ? 2 : 'inherit', 'inherit'] });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  const signals = (['SIGTERM', 'SIGINT'] as const).slice(0, process.stdin.isTTY ? 1 : 2);
  for (const signal of signals) process.on(signal, forward);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', resolve);
  });
  for (const signal of signals) process.off(signal, forward);
  return code;
}
