import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RestoreView } from '@landfall/contract';
import { PermanentError } from '@landfall/domain';
import { startStack, stopStack } from '@landfall/local-stack';
import type { Call, CommonOptions } from '../command-line.js';
import type { ExitCode } from '../exit-codes.js';
import { ProgressDisplay, progressOf } from '../output/progress.js';
import { errorText, type Output } from '../output/terminal.js';
import { formatBytes, formatDuration } from '../output/units.js';
import { connect, dataFolder, type Connection } from '../stack/connect.js';
import { followRestore } from '../stack/follow-restore.js';
import { hasSettled, type AzureResourceView } from '../stack/views.js';
import { compareDisks, type Comparison } from './compare-disks.js';
import { makeSampleMachine, type SampleDisk } from './sample-machine.js';

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

/** In which a demonstration takes place. */
export interface Stage {
  readonly phases: Phases;
  /** Its own. */
  readonly workFolder: string;
  /** Of the stack. */
  readonly data: string;
  /** By which it tells what it makes from anything else's. */
  readonly name: string;
  makeMachine(): Promise<readonly SampleDisk[]>;
  stackUp(): Promise<Connection>;
  /** Since it has begun. */
  seconds(): number;
}

/** Plays a demonstration. What it has made is taken away again, however it ends, unless `--keep` is given. */
export async function demonstrate(
  call: Call<DemoOptions>,
  play: (stage: Stage) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { options, output } = call;
  const began = performance.now();
  const workFolder = await mkdtemp(join(tmpdir(), 'landfall-demo-'));
  const data = options.data === undefined ? join(workFolder, 'stack') : dataFolder(options.data);
  const phases = new Phases(call);
  let ownStack = options.data === undefined;
  try {
    return await play({
      ...{ phases, workFolder, data, name: `demo-${randomBytes(3).toString('hex')}` },
      makeMachine: () =>
        phases.do(
          'sample machine',
          async () => makeSampleMachine(await newFolder(workFolder, 'machine'), options.disks),
          (disks) => disks.map((disk) => `${disk.name} (${formatBytes(disk.sizeBytes)})`).join(', '),
        ),
      stackUp: async () => {
        const { alreadyRunning } = await phases.do(
          'stack up',
          () => startStack({ folder: data }),
          ({ stack }) => `API ${stack.api}, emulated Azure ${stack.azure}`,
        );
        ownStack ||= !alreadyRunning;
        return connect(data);
      },
      seconds: () => Number(((performance.now() - began) / 1000).toFixed(1)),
    });
  } finally {
    await takeAway({ keep: options.keep === true, ownStack, data, workFolder }, output);
  }
}

interface Remains {
  readonly keep: boolean;
  /** The demonstration started it; a stack that was there before goes on. */
  readonly ownStack: boolean;
  readonly data: string;
  readonly workFolder: string;
}

async function takeAway({ keep, ownStack, data, workFolder }: Remains, output: Output): Promise<void> {
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
