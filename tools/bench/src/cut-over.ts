import { execFile } from 'node:child_process';
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BuiltCheckout, THIS, type RestoreView } from './built-checkout.js';
import { round } from './figures.js';
import type { Report } from './report.js';
import { inFolder } from './working-folder.js';

/*
 * How long a machine is out of use while a restore to its original place replaces it, in an emulated Azure whose operations take
 * the times recorded of Azure. Azure's own share is one operation of each kind, the longest: they can't be shorter, and what is of
 * one kind can go side by side. All the rest is Landfall's: what it waits for in vain, does one after the other, or asks too late.
 */
const run = promisify(execFile);
const DISKS = 3;
const SIZE_BYTES = 64 * 2 ** 20;
/** Of Azure's own share: so much the rest may be. */
export const MOST_SHARE = 0.1;

const CREATE = 'virtualMachines.create';

/** What Azure has to do while the machine is out of use, in its order: by the emulator's names for what it takes time for. */
export const AZURES_OWN = [
  ['deallocate', 'virtualMachines.deallocate'],
  ['snapshot', 'snapshots.create'],
  ['delete the VM', 'virtualMachines.delete'],
  ['delete a disk', 'disks.delete'],
  ['move', 'resources.move'],
  ['create the VM', CREATE],
] as const;

export interface LoggedCall {
  /** ISO 8601. */
  readonly at: string;
  readonly operation: string | null;
  readonly method: string;
  readonly status: number;
}

/** How long an operation of a kind takes, in milliseconds. */
export interface OperationKind {
  readonly name: string;
  readonly delayMs: number;
}

interface Shown extends RestoreView {
  readonly id: string;
}

export async function cutOver(say: (line: string) => void): Promise<Report> {
  return inFolder(say, async (folder, uses) => {
    const build = uses(new BuiltCheckout(THIS, path.join(folder, 'stack')));
    await build.ask('up', '--detach', '--profile', 'azure');
    const vm = await makeMachine(build, folder);
    say('A machine is made, and captured.');
    const point = await capture(build, folder, vm);
    say('It is restored in its place. That takes some minutes.');
    const asked = await build.ask<Shown>(
      ...['restore', '--point', point, '--to', 'original', '--yes', '--generation', '1'],
    );
    await until(build, asked.id, 'awaiting-approval');
    await build.ask('approve', asked.id);
    await until(build, asked.id, 'completed');
    const calls = await build.emulated<readonly LoggedCall[]>('calls');
    return reportOf(calls, await build.emulated<readonly OperationKind[]>('operation-kinds'));
  });
}

async function makeMachine(build: BuiltCheckout, folder: string): Promise<string> {
  const images: string[] = [];
  for (let index = 0; index < DISKS; index += 1) {
    const image = path.join(folder, `disk-${index}.raw`);
    const file = await open(image, 'w');
    await file.write(Buffer.alloc(4096, index + 1));
    await file.truncate(SIZE_BYTES);
    await file.close();
    images.push(image);
  }
  const [osDisk = '', ...dataDisks] = images;
  const { id } = await build.ask<{ readonly id: string }>(
    ...[
      'azure',
      'create-vm',
      '--name',
      'web',
      '--resource-group',
      'landfall',
      '--generation',
      '1',
      '--os-disk',
      osDisk,
    ],
    ...dataDisks.flatMap((image) => ['--data-disk', image]),
  );
  return id;
}

/** @returns the id of its restore point */
async function capture(build: BuiltCheckout, folder: string, vm: string): Promise<string> {
  const repository = path.join(folder, 'repository');
  const passwordFile = path.join(folder, 'password');
  await writeFile(passwordFile, 'benchmark\n', { mode: 0o600 });
  await run('restic', ['-q', '-r', repository, 'init'], { env: { ...process.env, RESTIC_PASSWORD: 'benchmark' } });
  const where = ['--kind', 'restic', '--url', repository, '--password-file', passwordFile];
  await build.ask('repo', 'add', 'bench', ...where);
  const captured = await build.ask<{ readonly restorePoint: string }>('capture', '--vm', vm, '--repo', 'bench');
  return captured.restorePoint;
}

async function until(build: BuiltCheckout, id: string, wanted: string): Promise<void> {
  for (;;) {
    const { state, error } = await build.ask<Shown>('show', id);
    if (state === wanted) return;
    if (['failed', 'needs-attention', 'refused', 'cancelled'].includes(state))
      throw new Error(`The restore is ${state}: ${error?.message ?? 'no error'}`);
    await pause(2_000);
  }
}

/** @param calls in their order; the machine is stopped by the last deallocation before the last VM that is made */
export function reportOf(calls: readonly LoggedCall[], kinds: readonly OperationKind[]): Report {
  const accepted = calls.filter(({ status, method }) => status < 300 && method !== 'GET');
  const end = accepted.findLast(({ operation }) => operation === 'VirtualMachines_CreateOrUpdate');
  const removed = accepted.findLast(({ operation }) => operation === 'VirtualMachines_Delete');
  const begin = accepted.findLast(
    ({ operation, at }) => operation === 'VirtualMachines_Deallocate' && at < (removed?.at ?? ''),
  );
  if (begin === undefined || end === undefined) throw new Error('Nothing was stopped, or nothing was made anew.');
  const secondsOf = (name: string): number => {
    const kind = kinds.find((each) => each.name === name);
    if (kind === undefined) throw new Error(`The emulated Azure knows no operation ${name}.`);
    return kind.delayMs / 1_000;
  };
  const parts = AZURES_OWN.map(([what, name]) => [what, secondsOf(name)] as const);
  const azure = parts.reduce((sum, [, seconds]) => sum + seconds, 0);
  const outage = (Date.parse(end.at) - Date.parse(begin.at)) / 1_000 + secondsOf(CREATE);
  const rest = outage - azure;
  const holds = rest <= MOST_SHARE * azure;
  const line = (what: string, seconds: number): string => what.padEnd(24) + seconds.toFixed(2).padStart(10);
  return {
    data: {
      benchmark: 'cut-over',
      outageSeconds: round(outage),
      azure: Object.fromEntries(parts.map(([what, seconds]) => [what, round(seconds)])),
      restSeconds: round(rest),
      restShare: round(rest / azure),
      mostShare: MOST_SHARE,
      holds,
    },
    table: [
      `${'operation'.padEnd(24)}${'s'.padStart(10)}`,
      ...parts.map(([what, seconds]) => line(what, seconds)),
      line('all the rest', rest),
      line('outage', outage),
      '',
      `The rest is ${((100 * rest) / azure).toFixed(1)} % of Azure's own share: ${holds ? 'not more' : 'more'} than ${100 * MOST_SHARE} %.`,
    ].join('\n'),
  };
}
