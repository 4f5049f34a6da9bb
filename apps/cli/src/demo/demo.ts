import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type PointView, type RestoreOrder, type RestoreView, ROUTES } from '@landfall/contract';
import { outlineOf, PermanentError } from '@landfall/domain';
import { startStack, stopStack } from '@landfall/local-stack';
import type { Call, CommonOptions } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { placesText } from '../output/places-text.js';
import { ProgressDisplay, progressOf } from '../output/progress.js';
import { restoreText } from '../output/restore-text.js';
import { errorText, type Output } from '../output/terminal.js';
import { formatBytes, formatDuration } from '../output/units.js';
import { connect, dataFolder, type Connection } from '../stack/connect.js';
import { followRestore } from '../stack/follow-restore.js';
import type { AzureResourceView } from '../stack/views.js';
import { compareDisks, type Comparison } from './compare-disks.js';
import { makeSampleMachine, type SampleDisk } from './sample-machine.js';

/*
 * The main job, from end to end, on this machine: make a sample machine, back it up with the ordinary restic, start the
 * stack, restore to the emulated Azure, and prove by SHA-256 that the new VM's disks hold what the machine's held.
 * What it made is taken away again, however it ends, unless `--keep` is given.
 */
const run = promisify(execFile);

interface Phase {
  readonly name: string;
  readonly seconds: number;
}

interface ComparedDisk extends Comparison {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface DemoOptions extends CommonOptions {
  readonly keep?: boolean;
  readonly disks: number;
}

export async function demo(call: Call<DemoOptions>): Promise<ExitCode> {
  const { options, output, signal } = call;
  const began = performance.now();
  const workFolder = await mkdtemp(join(tmpdir(), 'landfall-demo-'));
  const data = options.data === undefined ? join(workFolder, 'stack') : dataFolder(options.data);
  const phases: Phase[] = [];
  const phase = async <T>(name: string, work: () => Promise<T>, told: (result: T) => string): Promise<T> => {
    signal.throwIfAborted();
    const since = performance.now();
    const result = await work();
    const seconds = (performance.now() - since) / 1000;
    phases.push({ name, seconds: Number(seconds.toFixed(2)) });
    output.say(`${formatDuration(seconds).padStart(10)}  ${name}: ${told(result)}`);
    return result;
  };
  let ownStack = false;
  try {
    const machine = await phase(
      'sample machine',
      async () => makeSampleMachine(await newFolder(workFolder, 'machine'), options.disks),
      (disks) => disks.map((disk) => `${disk.name} (${formatBytes(disk.sizeBytes)})`).join(', '),
    );
    const repository = await phase(
      'restic backup',
      () => backUp(workFolder),
      ({ folder }) => folder,
    );
    const started = await phase(
      'stack up',
      () => startStack({ folder: data }),
      ({ stack }) => `API ${stack.api}, emulated Azure ${stack.azure}`,
    );
    ownStack = !started.alreadyRunning;
    const connection = connect(data);
    const name = `demo-${randomBytes(3).toString('hex')}`;
    const point = await phase(
      'repo add',
      () => addRepository(connection, name, repository),
      (found) => `restore point ${found.id} with ${found.disks.length} disks`,
    );
    const request: RestoreOrder = {
      restorePointId: point.id,
      destination: { kind: 'new', name: `landfall-${name}` },
      // There is a file system and no boot loader on the disk, so that the firmware can't be told from it.
      generation: 1,
      reason: 'demonstration',
    };
    await phase(
      'plan',
      () => connection.api.ask(ROUTES.planRestore, { body: request, signal }),
      (plan) =>
        `${plan.steps.filter((step) => step.applies).length} steps, ${plan.disks.length} disks, ${plan.workers.length} worker`,
    );
    const restore = await phase(
      'restore',
      () => restoreAndFollow(connection, request, call),
      ({ state, vm }) => `${state}, ${vm?.azureId ?? 'no VM'}`,
    );
    const power = await phase(
      'virtual machine',
      () => powerStateOf(connection, restore),
      (state) => state,
    );
    const disks = await phase(
      'compare',
      () => compareAll(connection, machine, restore),
      (compared) => `${compared.filter((disk) => disk.equal).length} of ${compared.length} disks are equal`,
    );
    for (const disk of disks) output.say(comparisonText(disk));
    output.say(`\n${restoreText(restore)}\n`);

    const equal = disks.every((disk) => disk.equal);
    const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
    const { api, console, dashboard } = started.stack;
    const summary = { equal, seconds, data, phases, disks, restore, power, api, console, dashboard };
    output.print(summary, () =>
      [
        equal ? 'The restored disks equal the sources.' : 'THE RESTORED DISKS DIFFER FROM THEIR SOURCES.',
        `Everything took ${formatDuration(seconds)}.`,
        placesText(data, started.stack),
      ].join('\n'),
    );
    return equal ? EXIT.done : EXIT.unexpected;
  } finally {
    await takeAway(
      { keep: options.keep === true, ownStack: ownStack || options.data === undefined, data, workFolder },
      output,
    );
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

async function newFolder(parent: string, name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

interface DemoRepository {
  readonly folder: string;
  readonly password: string;
}

/** A plain backup, as anybody would make it: no tag, no manifest. */
async function backUp(workFolder: string): Promise<DemoRepository> {
  const repository = { folder: join(workFolder, 'repository'), password: randomBytes(12).toString('hex') };
  const env = { ...process.env, RESTIC_REPOSITORY: repository.folder, RESTIC_PASSWORD: repository.password };
  try {
    await run('restic', ['init', '--quiet'], { env });
    await run('restic', ['backup', '--quiet', '--host', 'demo', '.'], { env, cwd: join(workFolder, 'machine') });
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'SAMPLE_NOT_BACKED_UP',
        message: `The sample machine could not be backed up: ${outlineOf(cause)}.`,
        fix: 'Install restic (Debian: apt-get install restic) and see that there are 2 GB of room for temporary files.',
      },
      { cause },
    );
  }
  return repository;
}

async function addRepository({ api }: Connection, name: string, repository: DemoRepository): Promise<PointView> {
  const { folder, password } = repository;
  await api.ask(ROUTES.addRepository, { body: { name, kind: 'restic', url: folder, password } });
  const points = await api.ask(ROUTES.listRestorePoints, {});
  const point = points.find((candidate) => candidate.repository === name);
  if (point !== undefined) return point;
  throw new PermanentError({
    code: 'POINT_NOT_FOUND',
    message: `No restore point was found in ${folder}.`,
    fix: 'Call again with --keep, and look into the repository with "restic snapshots".',
  });
}

async function restoreAndFollow(
  { api }: Connection,
  body: RestoreOrder,
  { output, signal }: Call,
): Promise<RestoreView> {
  const asked = await api.ask(ROUTES.createRestore, { body, signal });
  const display = new ProgressDisplay(output.terminal.stderr);
  let ended: RestoreView;
  try {
    ended = await followRestore(api, asked.id, {
      signal,
      onChange: (restore) => display.show(progressOf(restore)),
      onEvent: (event) => display.tell(event),
    });
  } finally {
    display.end();
  }
  if (ended.state === 'completed') return ended;
  const error = ended.error ?? ended.problems.find((problem) => problem.severity === 'error');
  throw new PermanentError({
    code: 'DEMO_RESTORE_FAILED',
    message: `The restore ended as ${ended.state}. ${error === undefined ? '' : errorText(error).trim()}`,
    fix: 'Call again with --keep and look into the logs in the data folder.',
  });
}

async function powerStateOf({ azure }: Connection, restore: RestoreView): Promise<string> {
  const resources = await azure.get<AzureResourceView[]>('/_emulator/resources');
  const vm = resources.find(({ id }) => id.toLowerCase() === restore.vm?.azureId.toLowerCase());
  return vm?.powerState ?? 'not found';
}

async function compareAll(
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

function comparisonText({ name, equal, sha256, restoredSha256, tailBytes, tailIsZero }: ComparedDisk): string {
  const tail = tailIsZero ? `${formatBytes(tailBytes)} of zeros behind it` : 'NOT ZERO behind it';
  return `            ${equal ? 'equal  ' : 'DIFFERS'}  ${name}  sha256 ${equal ? sha256 : `${sha256} / ${restoredSha256}`}, ${tail}`;
}
