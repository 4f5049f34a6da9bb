import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Why no image that boots can be made on this machine, for a test to be skipped with. */
export class BootImageUnavailable extends Error {}

const run = promisify(execFile);
/** Where mkfs and sfdisk are and a user's PATH is not. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Its standard output. @throws BootImageUnavailable when there is no such program; Error when it fails */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string } = {},
): Promise<string> {
  const running = run(program, [...args], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, PATH, MTOOLS_SKIP_CHECK: '1', LC_ALL: 'C' },
    maxBuffer: 64 * 1024 * 1024,
  });
  running.child.stdin?.on('error', () => undefined); // it may end without reading
  running.child.stdin?.end(options.input ?? '');
  try {
    return (await running).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new BootImageUnavailable(`${program} is not installed`);
    }
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`${program} ${args.join(' ')}: ${stderr?.trim() || message}`, { cause: error });
  }
}
