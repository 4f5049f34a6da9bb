import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HypervisorKind, ProfileName } from '@landfall/azure-emulator';
import { endProcess, isAlive, type ProcessIdentity } from '@landfall/azure-emulator/process-identity';
import { type ErrorDetails, outlineOf, PermanentError } from '@landfall/domain';
import { lockHolder, releaseLock } from './lock.js';
import type { SupervisorMessage } from './messages.js';
import { endLeftOverProcesses } from './process-record.js';
import { lastLines } from './servers/index.js';
import { readStackFile, removeStackFile, type StackFile } from './stack-file.js';

const START_DEADLINE_MS = 180_000;
const STOP_DEADLINE_MS = 60_000;

export interface StartOptions {
  /** Made when it is new. */
  readonly folder: string;
  /** Processes in the pool of data-movers. */
  readonly movers?: number;
  /** Processes of the API, the planner, the provisioner and the finalizer each; one by default. */
  readonly services?: number;
  /** Whether VMs of the emulated Azure really boot; `none` by default. */
  readonly hypervisor?: HypervisorKind;
  /** Whose times the emulated Azure takes; left out: what `LANDFALL_AZURE_PROFILE` says, or none. */
  readonly profile?: ProfileName | undefined;
  readonly note?: (line: string) => void;
}

export interface StartedStack {
  readonly stack: StackFile;
  readonly supervisor: ProcessIdentity;
  /** It was running before this call. */
  readonly alreadyRunning: boolean;
}

/**
 * Starts the stack in a process of its own, which outlives the caller, and resolves when everything is ready. Where a
 * stack is running or starting on the folder, waits for that one.
 * @throws PermanentError of what can't be started, with its log's end; `STACK_NOT_STARTED`
 */
export async function startStack(options: StartOptions): Promise<StartedStack> {
  const folder = usableFolder(options.folder);
  const holder = lockHolder(folder);
  if (holder !== null) return waitFor(folder, holder);
  const outcome = await superviseDetached(folder, options);
  if (outcome.kind === 'failed') throw new PermanentError(outcome.error);
  const supervisor = lockHolder(folder);
  if (supervisor === null) throw notStarted(folder, 'its supervisor ended');
  if (outcome.kind === 'locked') return waitFor(folder, supervisor);
  return { stack: readStackFile(folder)!, supervisor, alreadyRunning: false };
}

/** Returns false when there was nothing to stop. No process and no lock of the folder's stack is left afterwards. */
export async function stopStack(folder: string): Promise<boolean> {
  folder = resolve(folder);
  const holder = lockHolder(folder);
  if (holder !== null) await endProcess(holder, { signal: 'SIGTERM', deadlineMs: STOP_DEADLINE_MS });
  const leftOver = await endLeftOverProcesses(folder);
  removeStackFile(folder);
  releaseLock(folder);
  return holder !== null || leftOver > 0;
}

function superviseDetached(
  folder: string,
  options: StartOptions,
): Promise<Exclude<SupervisorMessage, { kind: 'note' }>> {
  const logFile = join(folder, 'logs', 'supervisor.log');
  const log = openSync(logFile, 'a', 0o600);
  const main = fileURLToPath(new URL('main.js', import.meta.url));
  const scale = ['--movers', String(options.movers ?? 1), '--services', String(options.services ?? 1)];
  const profile = options.profile ?? process.env.LANDFALL_AZURE_PROFILE ?? '';
  const settings = [
    ...[...scale, '--hypervisor', options.hypervisor ?? 'none'],
    ...(profile === '' ? [] : ['--profile', profile]),
  ];
  const child = spawn(process.execPath, [main, '--data', folder, ...settings], {
    detached: true,
    cwd: folder,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  return new Promise((resolve) => {
    const settle = (message: Exclude<SupervisorMessage, { kind: 'note' }>) => {
      child.removeAllListeners();
      if (child.connected) child.disconnect();
      child.unref();
      resolve(message);
    };
    child.on('message', (message) => {
      const heard = message as SupervisorMessage;
      if (heard.kind === 'note') options.note?.(heard.line);
      else settle(heard);
    });
    const ended = () => settle({ kind: 'failed', error: notStarted(folder, 'its supervisor ended').toDetails() });
    child.once('error', ended);
    child.once('exit', ended);
  });
}

async function waitFor(folder: string, holder: ProcessIdentity): Promise<StartedStack> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (;;) {
    const stack = readStackFile(folder);
    if (stack !== null) return { stack, supervisor: holder, alreadyRunning: true };
    if (!isAlive(holder)) throw notStarted(folder, 'another call was starting it and has failed');
    if (performance.now() > deadline) throw notStarted(folder, `it is not ready after ${START_DEADLINE_MS / 1000} s`);
    await sleep(100);
  }
}

function usableFolder(folder: string): string {
  try {
    mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
    return realpathSync(folder);
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'DATA_FOLDER_UNUSABLE',
        message: `The data folder ${resolve(folder)} can't be used: ${outlineOf(cause)}.`,
        fix: 'Give a folder that you may write to with --data.',
      },
      { cause },
    );
  }
}

function notStarted(folder: string, why: string): PermanentError {
  const log = join(folder, 'logs', 'supervisor.log');
  const details: ErrorDetails = {
    code: 'STACK_NOT_STARTED',
    message: `The stack on ${folder} could not be started: ${why}. The end of its log:\n${lastLines(log, 8)}`,
    fix: `Look into ${join(folder, 'logs')}, remove the cause and call "./landfall up" again.`,
  };
  return new PermanentError(details);
}
