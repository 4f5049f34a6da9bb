import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EXIT, type ExitCode } from '../exit-codes.js';

/** Hands over to Jest, whose last line here is `N passed, M failed`. */
export async function runTests(words: readonly string[]): Promise<ExitCode> {
  const jest = fileURLToPath(new URL('../../../../tools/jest/dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [jest, ...words], { stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGTERM', forward);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', resolve);
  });
  process.off('SIGTERM', forward);
  if (code === 0) return EXIT.done;
  return code === 2 ? EXIT.badInput : EXIT.unexpected;
}
