import { fileURLToPath } from 'node:url';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { handOver } from './hand-over.js';

/** Hands over to the test runner, whose last line is `N passed, M failed`. */
export async function runTests(words: readonly string[]): Promise<ExitCode> {
  const runner = fileURLToPath(new URL('../../../../tools/test-runner/dist/main.js', import.meta.url));
  const code = await handOver(process.execPath, [runner, ...words]);
  if (code === 0) return EXIT.done;
  return code === 2 ? EXIT.badInput : EXIT.unexpected;
}
