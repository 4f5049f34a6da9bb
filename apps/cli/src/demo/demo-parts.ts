import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestoreView } from '@landfall/contract';
import { PermanentError } from '@landfall/domain';
import { stopStack } from '@landfall/local-stack';
import type { Call, CommonOptions } from '../command-line.js';
import { ProgressDisplay, progressOf } from '../output/progress.js';
import { errorText, type Output } from '../output/terminal.js';
import { formatBytes, formatDuration } from '../output/units.js';
import type { Connection } from '../stack/connect.js';
import { followRestore } from '../stack/follow-restore.js';
import { hasSettled, type AzureResourceView } from '../stack/views.js';
import { compareDisks, type Comparison } from './compare-disks.js';
import type { SampleDisk } from './sample-machine.js';

/*
 * What the demonstrations have in common.
 */
export interface DemoOptions extends CommonOptions {
  readonly keep?: boolean;
  readonly disks: number;
  readonly original?: boolean;
}

export interface Phase {
  readonly name: string;
  readonly seconds: number;
}

/** The parts of a demonstration, one after the other, each told with the time that it has taken. */
export class Phases {
  readonly all: Phase[] = [];

  constructor(private readonly call: Pick<Call, 'output' | 'signal'>) {}

  async do<T>(name: string, work: () => Promise<T>, told: (result: T) => string): Promise<T> {
    const { output, signal } = this.call;
    signal.throwIfAborted();
    const since = performance.now();
    const result = await work();
    const seconds = (performance.now() - since) / 1000;
    this.all.push({ name, seconds: Number(seconds.toFixed(2)) });
    output.say(`${formatDuration(seconds).padStart(10)}  ${name}: ${told(result)}`);
    return result;
  }
}

export interface ComparedDisk extends Comparison {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface Remains {
  readonly keep: boolean;
  /** The demonstration started it; a stack that was there before goes on. */
  readonly ownStack: boolean;
  readonly data: string;
  readonly workFolder: string;
}

export async function takeAway({ keep, ownStack, data, workFolder }: Remains, output: Output): Promise<void> {
  if (keep) {
    output.say(`The sample machine and its backup stay in ${workFolder}.`);
    output.say(`"./landfall down --data ${data}" stops the stack; then both folders can be removed.`);
    return;
  }
  if (ownStack) await stopStack(data);
  await rm(workFolder, { recursive: true, force: true });
  output.say(`The sample machine is removed${ownStack ? ' and the stack is stopped' : ''}; --keep leaves everything.`);
}

export async function newFolder(parent: string, name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

/** Follows a restore until it is in this state. @throws PermanentError `DEMO_RESTORE_FAILED` when it settles in another one */
export async function follow(
  { api }: Connection,
  id: string,
  wanted: RestoreView['state'],
  { output, signal }: Pick<Call, 'output' | 'signal'>,
): Promise<RestoreView> {
  const display = new ProgressDisplay(output.terminal.stderr);
  let last: RestoreView;
  try {
    last = await followRestore(api, id, {
      signal,
      until: (restore) => restore.state === wanted || hasSettled(restore),
      onChange: (restore) => display.show(progressOf(restore)),
      onEvent: (event) => display.tell(event),
    });
  } finally {
    display.end();
  }
  if (last.state === wanted) return last;
  const error = last.error ?? last.problems.find((problem) => problem.severity === 'error');
  throw new PermanentError({
    code: 'DEMO_RESTORE_FAILED',
    message: `The restore is ${last.state} and not ${wanted}. ${error === undefined ? '' : errorText(error).trim()}`,
    fix: 'Call again with --keep and look into the logs in the data folder.',
  });
}

export async function powerStateOf({ azure }: Connection, restore: RestoreView): Promise<string> {
  const resources = await azure.get<AzureResourceView[]>('/_emulator/resources');
  const vm = resources.find(({ id }) => id.toLowerCase() === restore.vm?.azureId.toLowerCase());
  return vm?.powerState ?? 'not found';
}

export async function compareAll(
  { azure }: Connection,
  machine: readonly SampleDisk[],
  restore: RestoreView,
): Promise<readonly ComparedDisk[]> {
  const compared: ComparedDisk[] = [];
  for (const { name, path, sizeBytes } of machine) {
    const azureId = restore.disks.find((disk) => disk.name === name)?.azureId;
    if (!azureId) {
      throw new PermanentError({
        code: 'DEMO_DISK_MISSING',
        message: `The restore has no disk for ${name}.`,
        fix: 'Call again with --keep and look at it with "./landfall show".',
      });
    }
    const restored = await azure.get<{ path: string }>(`/_emulator/disk-path?id=${encodeURIComponent(azureId)}`);
    compared.push({ name, sizeBytes, ...(await compareDisks(path, restored.path)) });
  }
  return compared;
}

export function comparisonText({ name, equal, sha256, restoredSha256, tailBytes, tailIsZero }: ComparedDisk): string {
  const tail = tailIsZero ? `${formatBytes(tailBytes)} of zeros behind it` : 'NOT ZERO behind it';
  return `            ${equal ? 'equal  ' : 'DIFFERS'}  ${name}  sha256 ${equal ? sha256 : `${sha256} / ${restoredSha256}`}, ${tail}`;
}
