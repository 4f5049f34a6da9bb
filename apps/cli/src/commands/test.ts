import { fileURLToPath } from 'node:url';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { handOver } from './hand-over.js';

/** Hands over to Jest, whose last line here is `N passed, M failed`. */
export async function runTests(words: readonly string[]): Promise<ExitCode> {
  const jest = fileURLToPath(new URL('../../../../tools/jest/dist/main.js', import.meta.url));
  const code = await handOver(process.execPath, [jest, ...words]);
  if (code === 0) return EXIT.done;
  return code === 2 ? EXIT.badInput : EXIT.unexpected;
}
