import { resolve } from 'node:path';
import { outlineOf } from '@landfall/domain';
import { DEFAULT_FOLDER, readStackFile, stackFilePath, type StackFile } from '@landfall/local-stack/stack-file';
import { Api } from './api.js';
import { AzureEmulator } from './azure-emulator.js';
import { shellWord } from '../output/hints.js';
import { Unreachable } from './errors.js';
import { isLive } from './is-live.js';

export interface Connection {
  /** Absolute. */
  readonly folder: string;
  readonly stack: StackFile;
  readonly api: Api;
  readonly azure: AzureEmulator;
  /** Why nothing answers: the stack was stopped, or all of it has died; null while there is something of it. */
  readonly whyDown: () => Unreachable | null;
}

/**
 * Finds the stack that runs on `--data`; does not call it yet.
 * @throws Unreachable `STACK_NOT_RUNNING`, `STACK_FILE_UNREADABLE`
 */
export function connect(data: string | undefined): Connection {
  const folder = dataFolder(data);
  const startWith = startCommand(data);
  let stack: StackFile | null;
  try {
    stack = readStackFile(folder);
  } catch (cause) {
    throw new Unreachable(
      {
        code: 'STACK_FILE_UNREADABLE',
        message: `${stackFilePath(folder)} can't be read: ${outlineOf(cause)}.`,
        fix: 'Call as the user who started the stack, or stop it with "./landfall down" and start it again.',
      },
      { cause },
    );
  }
  if (stack === null) throw notRunning(folder, startWith);
  return {
    folder,
    stack,
    api: new Api(stack.api, stack.token, startWith, process.env.LANDFALL_TOKEN || undefined),
    azure: new AzureEmulator(stack, startWith),
    whyDown: () => (isUp(folder) ? null : notRunning(folder, startWith)),
  };
}

/** What can't be read is taken for a sign of life: it is being written. */
function isUp(folder: string): boolean {
  try {
    const stack = readStackFile(folder);
    return stack !== null && (stack.processes.length === 0 || stack.processes.some(({ pid }) => isLive(pid)));
  } catch {
    return true;
  }
}

function notRunning(folder: string, startWith: string): Unreachable {
  return new Unreachable({
    code: 'STACK_NOT_RUNNING',
    message: `No stack is running on ${folder}: it is down, and its restores stand still.`,
    fix: `Start it with "${startWith}", or name the folder of one that runs with --data.`,
  });
}

export function dataFolder(data: string | undefined): string {
  return resolve(data ?? DEFAULT_FOLDER);
}

function startCommand(data: string | undefined): string {
  return `./landfall up --detach${data === undefined ? '' : ` --data ${shellWord(data)}`}`;
}
