import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/*
 * `DIR/stack.json` names the running stack: it is written when everything is ready, kept current while processes are
 * restarted, and taken away when the stack ends. It holds credentials: mode 0600.
 *
 * This file loads nothing but Node, so that the command line can read it without delay.
 */
export interface StackFile {
  /** Base URL of the web API, without a slash at its end. */
  readonly api: string;
  readonly console: string;
  readonly dashboard: string;
  readonly metrics: string;
  /** URL of the Azure emulator. */
  readonly azure: string;
  /** Path of the certificate of the emulator's own authority. */
  readonly azureCa: string;
  readonly azureToken: string;
  readonly redis: string;
  readonly postgres: string;
  readonly azurite: string;
  /** Bearer token of an administrator for the web API. */
  readonly token: string;
  readonly processes: readonly StackProcess[];
}

export interface StackProcess {
  readonly name: string;
  readonly pid: number;
}

/** The folder of a stack when `--data` is not given, relative to the working directory. */
export const DEFAULT_FOLDER = '.landfall';

export function stackFilePath(folder: string): string {
  return join(resolve(folder), 'stack.json');
}

/** Null when no stack is running on the folder. */
export function readStackFile(folder: string): StackFile | null {
  let text: string;
  try {
    // Reading a pipe would wait for its writer, and no signal ends that.
    if (!statSync(stackFilePath(folder)).isFile()) throw Object.assign(new Error('no plain file'), { code: 'EINVAL' });
    text = readFileSync(stackFilePath(folder), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return JSON.parse(text) as StackFile;
}

export function writeStackFile(folder: string, stack: StackFile): void {
  writePrivately(stackFilePath(folder), stack);
}

export function removeStackFile(folder: string): void {
  rmSync(stackFilePath(folder), { force: true });
}

/** Readers see the old text or the new one, never half of it. */
export function writePrivately(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
