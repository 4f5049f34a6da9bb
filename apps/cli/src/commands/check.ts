import { fileURLToPath } from 'node:url';
import type { Call } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { handOver } from './hand-over.js';

/** Scripts of the workspace's package.json; `lint` looks for circles, too. */
const SCRIPTS = ['lint', 'format:check'];

/** Checks Landfall's own sources, and goes on after what is wrong, so that one call tells everything. */
export async function check({ output }: Call): Promise<ExitCode> {
  const workspace = fileURLToPath(new URL('../../../..', import.meta.url));
  const failed: string[] = [];
  for (const script of SCRIPTS) {
    const code = await handOver('npm', ['run', '--silent', script], { cwd: workspace, toStderr: true });
    if (code !== 0) failed.push(script);
  }
  const value = { passed: SCRIPTS.filter((script) => !failed.includes(script)), failed };
  output.print(value, () => (failed.length === 0 ? 'Nothing is wrong.' : `Something is wrong: ${failed.join(', ')}.`));
  return failed.length === 0 ? EXIT.done : EXIT.unexpected;
}
