import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CaptureView, type PointView, type RestoreOrder, type RestoreView, ROUTES } from '@landfall/contract';
import { outlineOf, PermanentError } from '@landfall/domain';
import { watchCapture } from '../capture/watch-capture.js';
import type { Call } from '../command-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { placesText } from '../output/places-text.js';
import { restoreText } from '../output/restore-text.js';
import { formatDuration } from '../output/units.js';
import { Api } from '../stack/api.js';
import type { Connection } from '../stack/connect.js';
import { compareDisks } from './compare-disks.js';
import {
  comparisonText,
  demonstrate,
  follow,
  newFolder,
  Phases,
  powerStateOf,
  type ComparedDisk,
  type DemoOptions,
  type Stage,
} from './demo-parts.js';
import type { SampleDisk } from './sample-machine.js';

/*
 * Back to the original place, from end to end, on this machine: a VM in the emulated Azure is captured, its disks are damaged, it is
 * restored in its place, and then rolled back. Each time its disks are compared: with the images that it was made of, and with
 * what they held when it was damaged.
 */
const run = promisify(execFile);
const RESOURCE_GROUP = 'landfall';
const DAMAGED_BYTES = 1 << 20;

/** A disk of the VM, wherever it lies by then. */
interface VmDisk {
  readonly name: string;
  readonly azureId: string;
}

export function demoOriginal(call: Call<DemoOptions>): Promise<ExitCode> {
  return demonstrate(call, (stage) => play(call, stage));
}

async function play(call: Call, stage: Stage): Promise<ExitCode> {
  const { output, signal } = call;
  const { phases, workFolder, data, name, makeMachine, stackUp } = stage;
  const machine = await makeMachine();
  const connection = await stackUp();
  const vmId = await phases.do('virtual machine', () => createVm(connection, name, machine), String);
  const repository = await phases.do('repository', () => makeRepository(connection, name, workFolder), String);
  const point = await phases.do(
    'capture',
    () => capture(connection, vmId, repository, call),
    ({ id, disks }) => `restore point ${id} with ${disks.length} disks`,
  );
  const kept = await phases.do(
    'damage',
    async () => damage(connection, await disksOf(connection, vmId), await newFolder(workFolder, 'damaged')),
    (disks) => `${disks.length} disks are overwritten from their first byte on`,
  );
  const order: RestoreOrder = {
    ...{ restorePointId: point.id, destination: { kind: 'original' }, generation: 1, reason: 'demonstration' },
  };
  await phases.do(
    'plan',
    () => connection.api.ask(ROUTES.planRestore, { body: order, signal }),
    ({ steps, estimates }) =>
      `${steps.filter(({ applies }) => applies).length} steps, out of use for ${formatDuration(estimates.outageSeconds ?? 0)}`,
  );
  const restored = await phases.do(
    'restore in place',
    () => restoreInPlace(connection, order, call),
    ({ state, vm }) => `${state}, ${vm?.azureId ?? 'no VM'}`,
  );
  const power = await powerStateOf(connection, restored);
  const disks = await compared(phases, 'compare with the images', connection, vmId, machine);
  for (const disk of disks) output.say(comparisonText(disk));
  output.say(`\n${restoreText(restored)}\n`);
  const rolledBack = await phases.do(
    'roll back',
    () => rollBack(connection, restored, call),
    ({ state }) => state,
  );
  const back = await compared(phases, 'compare with what was damaged', connection, vmId, kept);
  for (const disk of back) output.say(comparisonText(disk));

  const equal = [...disks, ...back].every((disk) => disk.equal);
  const seconds = stage.seconds();
  const { api, console, dashboard } = connection.stack;
  const summary = { equal, seconds, data, phases: phases.all, disks, back, restore: rolledBack, power };
  const { fidelity } = restored;
  output.print({ ...summary, fidelity, api, console, dashboard }, () =>
    [
      equal
        ? 'The disks equal the backup after the restore, and what they had held before it after the roll-back.'
        : 'THE DISKS DIFFER FROM WHAT THEY HAVE TO HOLD.',
      `Everything took ${formatDuration(seconds)}.`,
      placesText(data, connection.stack),
    ].join('\n'),
  );
  return equal ? EXIT.done : EXIT.unexpected;
}

async function createVm({ azure }: Connection, name: string, machine: readonly SampleDisk[]): Promise<string> {
  const [osDisk, ...dataDisks] = machine.map(({ path }) => path);
  const vm = await azure.post<{ id: string }>('/_emulator/vms', {
    ...{ name, resourceGroup: RESOURCE_GROUP, osDisk, dataDisks, generation: 1 },
  });
  return vm.id;
}

async function makeRepository({ api }: Connection, name: string, workFolder: string): Promise<string> {
  const folder = join(workFolder, 'repository');
  const password = randomBytes(12).toString('hex');
  const env = { ...process.env, RESTIC_REPOSITORY: folder, RESTIC_PASSWORD: password };
  try {
    await run('restic', ['init', '--quiet'], { env });
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'DEMO_NO_REPOSITORY',
        message: `No repository could be made in ${folder}: ${outlineOf(cause)}.`,
        fix: 'Install restic (Debian: apt-get install restic) and see that there is room for temporary files.',
      },
      { cause },
    );
  }
  await api.ask(ROUTES.addRepository, { body: { name, kind: 'restic', url: folder, password } });
  return name;
}

async function capture({ api }: Connection, vmId: string, repository: string, call: Call): Promise<PointView> {
  const asked = await api.ask(ROUTES.createCapture, { body: { vmId, repository, stop: true }, signal: call.signal });
  const captured: CaptureView = await watchCapture(api, asked.id, call);
  if (captured.state !== 'completed') {
    const { code = 'unknown', message = '' } = captured.error ?? {};
    throw new PermanentError({
      code: 'DEMO_CAPTURE_FAILED',
      message: `The capture is ${captured.state} (${code}). ${message}`,
      fix: 'Call again with --keep and look into the logs in the data folder.',
    });
  }
  await api.ask(ROUTES.rescanRepository, { params: { name: repository } });
  return api.ask(ROUTES.showRestorePoint, { params: { id: captured.id } });
}

interface VmModel {
  readonly properties: {
    readonly storageProfile: {
      readonly osDisk: { readonly managedDisk: { readonly id: string } };
      readonly dataDisks: readonly { readonly lun: number; readonly managedDisk: { readonly id: string } }[];
    };
  };
}

/** In the order of the sample machine: the OS disk, then the others by their LUNs. */
async function disksOf({ azure }: Connection, vmId: string): Promise<readonly VmDisk[]> {
  const { properties } = await azure.get<VmModel>(`/_emulator/resource?id=${encodeURIComponent(vmId)}`);
  const { osDisk, dataDisks } = properties.storageProfile;
  const ids = [osDisk, ...[...dataDisks].sort((one, other) => one.lun - other.lun)].map(
    ({ managedDisk }) => managedDisk.id,
  );
  return ids.map((azureId) => ({ name: azureId.slice(azureId.lastIndexOf('/') + 1), azureId }));
}

async function pathOf({ azure }: Connection, { azureId }: VmDisk): Promise<string> {
  return (await azure.get<{ path: string }>(`/_emulator/disk-path?id=${encodeURIComponent(azureId)}`)).path;
}

/** Whatever does it in real life. Gives back copies of what the disks hold now. */
async function damage(
  connection: Connection,
  disks: readonly VmDisk[],
  folder: string,
): Promise<readonly SampleDisk[]> {
  const kept: SampleDisk[] = [];
  for (const disk of disks) {
    const path = await pathOf(connection, disk);
    const file = await open(path, 'r+');
    try {
      await file.write(randomBytes(DAMAGED_BYTES), 0, DAMAGED_BYTES, 0);
    } finally {
      await file.close();
    }
    const copy = join(folder, `${kept.length}.raw`);
    await copyFile(path, copy);
    kept.push({ name: disk.name, path: copy, sizeBytes: (await stat(copy)).size });
  }
  return kept;
}

/** By two people, as a stack has it that does not let one alone do it: one asks for it, the other has read its plan. */
async function restoreInPlace(connection: Connection, order: RestoreOrder, call: Call): Promise<RestoreView> {
  const { api, stack } = connection;
  const name = `demo-operator-${randomBytes(3).toString('hex')}`;
  const { token } = await api.ask(ROUTES.createToken, { body: { name, role: 'operator', days: 1 } });
  try {
    const operator = new Api(stack.api, token, 'Call again with --keep');
    const { id } = await operator.ask(ROUTES.createRestore, { body: order, signal: call.signal });
    const { planHash } = await follow(connection, id, 'awaiting-approval', call);
    await api.ask(ROUTES.approveRestore, { params: { id }, body: { planHash: planHash ?? '' } });
    return await follow(connection, id, 'completed', call);
  } finally {
    await api.ask(ROUTES.revokeToken, { params: { name } });
  }
}

async function rollBack(connection: Connection, { id }: RestoreView, call: Call): Promise<RestoreView> {
  await connection.api.ask(ROUTES.rollbackRestore, { params: { id } });
  return follow(connection, id, 'rolled-back', call);
}

async function compared(
  phases: Phases,
  what: string,
  connection: Connection,
  vmId: string,
  expected: readonly SampleDisk[],
): Promise<readonly ComparedDisk[]> {
  return phases.do(
    what,
    async () => {
      const disks = await disksOf(connection, vmId);
      const all: ComparedDisk[] = [];
      for (const [index, { name, path, sizeBytes }] of expected.entries()) {
        const disk = disks[index];
        if (disk === undefined) throw missing(name, vmId);
        all.push({ name, sizeBytes, ...(await compareDisks(path, await pathOf(connection, disk))) });
      }
      return all;
    },
    (all) => `${all.filter((disk) => disk.equal).length} of ${all.length} disks are equal`,
  );
}

function missing(name: string, vmId: string): PermanentError {
  return new PermanentError({
    code: 'DEMO_DISK_MISSING',
    message: `${vmId} has no disk in the place of ${name}.`,
    fix: 'Call again with --keep and look at it with "./landfall azure show".',
  });
}
