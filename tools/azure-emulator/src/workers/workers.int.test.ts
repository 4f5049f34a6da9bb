import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventually,
  GROUP,
  makeDisk,
  makeVm,
  raw,
  REGION,
  startTestAzure,
  SUBSCRIPTION,
  vmId,
  workerBody,
  type Reachable,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';
import { startProcess } from '../fixtures/process.fixture.test.js';
import { identify } from './process-identity.js';

/** A stand-in for a data-mover: writes its environment down, and lives until it is told to end. */
const STAND_IN = ['/bin/sh', '-c', 'env > "$LANDFALL_WORKER_STATE/$LANDFALL_MOVER_NAME.env"; exec sleep 600'];
/** One that will not end when asked to. */
const STUBBORN = ['/bin/sh', '-c', 'trap "" TERM; while true; do sleep 0.1; done'];

interface Listed {
  readonly vm: string;
  readonly name: string;
  readonly pid: number;
}

async function workers(azure: Reachable): Promise<Listed[]> {
  return JSON.parse((await raw(azure, 'GET', '/_emulator/workers')).text) as Listed[];
}

function isRunning(pid: number): boolean {
  return identify(pid) !== null;
}

describe('what runs on worker VMs', () => {
  let azure: TestAzure;
  beforeAll(async () => (azure = await startTestAzure({ workerCommand: STAND_IN })));
  afterAll(() => azure.close());

  const folder = (vm: string): string => join(azure.directory, 'vms', GROUP, vm);
  const environmentOf = async (vm: string, mover: string): Promise<Record<string, string>> => {
    const path = join(folder(vm), 'state', `${mover}.env`);
    await eventually(`${mover} writes its environment`, () => existsSync(path) && statSync(path).size > 0);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  };
  const launch = async (name: string, environment: Record<string, string>) =>
    azure.compute.virtualMachines.createOrUpdate(GROUP, name, await workerBody(azure, name, environment));

  it('starts as many processes as the custom data says, with that environment and little else', async () => {
    process.env['SECRET_OF_THE_EMULATOR'] = 'x';
    await launch('w1', { LANDFALL_API_URL: 'https://127.0.0.1:9/a=b', LANDFALL_MOVER_PROCESSES: '2' });
    const running = (await workers(azure)).filter(({ vm }) => vm.endsWith('/w1'));
    expect(running.map(({ name }) => name).sort()).toStrictEqual(['w1-0', 'w1-1']);
    const environment = await environmentOf('w1', 'w1-1');
    expect(environment['LANDFALL_API_URL']).toBe('https://127.0.0.1:9/a=b');
    expect(environment['LANDFALL_MOVER_NAME']).toBe('w1-1');
    expect(environment['LANDFALL_DISK_DIRECTORY']).toBe(join(folder('w1'), 'by-lun'));
    expect(environment['LANDFALL_WORKER_STATE']).toBe(join(folder('w1'), 'state'));
    expect(environment['SECRET_OF_THE_EMULATOR']).toBe(undefined);
    expect(statSync(join(folder('w1'), 'state')).mode & 0o777).toBe(0o700);
  });

  it('follows a VM that moves to another resource group, with its disks and its folder', async () => {
    await azure.resources.resourceGroups.createOrUpdate('elsewhere', { location: REGION });
    const data = await makeDisk(azure, 'w0-data');
    const vm = await launch('w0', { LANDFALL_A: '1' });
    await azure.compute.virtualMachines.attachDetachDataDisks(GROUP, 'w0', {
      dataDisksToAttach: [{ diskId: data, lun: 4 }],
    });
    const found = async () => (await workers(azure)).filter(({ vm: id }) => id.endsWith('/w0'));
    const [before] = await found();
    const osDisk = vm.storageProfile?.osDisk?.managedDisk?.id ?? '';
    await azure.resources.resources.moveResources(GROUP, {
      resources: [vm.id ?? '', osDisk, data],
      targetResourceGroup: `/subscriptions/${SUBSCRIPTION}/resourceGroups/elsewhere`,
    });
    const [now, ...others] = await found();
    expect([now?.vm, others]).toStrictEqual([vmId('w0', 'elsewhere'), []]);
    expect(isRunning(before?.pid ?? 0)).toBe(false);
    expect(isRunning(now?.pid ?? 0)).toBe(true);
    const moved = join(azure.directory, 'vms', 'elsewhere', 'w0');
    expect([existsSync(folder('w0')), existsSync(join(moved, 'by-lun', '4'))]).toStrictEqual([false, true]);
    const path = join(moved, 'state', 'w0-0.env');
    await eventually('the process starts anew', () => readFileSync(path, 'utf8').includes(join(moved, 'by-lun')));
    await azure.compute.virtualMachines.delete('elsewhere', 'w0');
    expect(await found()).toStrictEqual([]);
  });

  it('hands each process its share of what the VM may write in a second, when that is limited', async () => {
    const settings = (values: object) => raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify(values) });
    const shares = async (vm: string): Promise<readonly (string | undefined)[]> => {
      await launch(vm, { LANDFALL_MOVER_PROCESSES: '2' });
      const both = await Promise.all([environmentOf(vm, `${vm}-0`), environmentOf(vm, `${vm}-1`)]);
      return both.map(({ LANDFALL_MOVER_BANDWIDTH }) => LANDFALL_MOVER_BANDWIDTH);
    };
    expect(await shares('unlimited')).toStrictEqual([undefined, undefined]);
    await settings({ bandwidthBySize: true });
    // The worker is a Standard_F4s_v2: 95 MB/s.
    expect(await shares('by-size')).toStrictEqual(['47500000', '47500000']);
    await settings({ workerBytesPerSecond: 3_000_000 });
    expect(await shares('limited')).toStrictEqual(['1500000', '1500000']);
    await settings({ bandwidthBySize: false, workerBytesPerSecond: null });
    for (const vm of ['unlimited', 'by-size', 'limited']) await azure.compute.virtualMachines.delete(GROUP, vm);
  });

  it('ends the processes before a stop, a deallocation or a deletion succeeds', async () => {
    await launch('w2', { LANDFALL_A: '1' });
    const pid = async (): Promise<number> => (await workers(azure)).find(({ vm }) => vm.endsWith('/w2'))?.pid ?? 0;
    const first = await pid();
    expect(isRunning(first)).toBe(true);
    await azure.compute.virtualMachines.powerOff(GROUP, 'w2');
    expect(isRunning(first)).toBe(false);
    await azure.compute.virtualMachines.start(GROUP, 'w2');
    const second = await pid();
    expect(isRunning(second)).toBe(true);
    await azure.compute.virtualMachines.deallocate(GROUP, 'w2');
    expect(isRunning(second)).toBe(false);
    await azure.compute.virtualMachines.start(GROUP, 'w2');
    const third = await pid();
    await azure.compute.virtualMachines.delete(GROUP, 'w2');
    expect(isRunning(third)).toBe(false);
    expect(existsSync(folder('w2'))).toBe(false);
  });

  it('starts a process again that died while its VM runs, and keeps the worker folder', async () => {
    await launch('w3', { LANDFALL_A: '1' });
    const find = async () => (await workers(azure)).find(({ vm }) => vm.endsWith('/w3'));
    await environmentOf('w3', 'w3-0');
    const first = await find();
    process.kill(first?.pid ?? 0, 'SIGKILL');
    await eventually('another process runs', async () => {
      const now = await find();
      return now !== undefined && now.pid !== first?.pid && isRunning(now.pid);
    });
    expect(existsSync(join(folder('w3'), 'state', 'w3-0.env'))).toBe(true);
    expect(readFileSync(join(folder('w3'), 'worker.log'), 'utf8')).toMatch(/w3-0 ended \(SIGKILL\) while its VM runs/);
  });

  it('runs nothing on a VM without the worker tag, or whose custom data is something else', async () => {
    const data = await makeDisk(azure, 'plain-data');
    await makeVm(azure, 'plain', { dataDisks: [{ diskId: data, lun: 0 }] });
    const body = await workerBody(azure, 'cloud-init', {});
    const customData = Buffer.from('#cloud-config\npackages: [x]\n').toString('base64');
    const osProfile = { computerName: 'c', adminUsername: 'me', adminPassword: 'x', customData };
    await azure.compute.virtualMachines.createOrUpdate(GROUP, 'cloud-init', { ...body, osProfile });
    const names = (await workers(azure)).map(({ vm }) => vm.split('/').at(-1));
    expect(!names.includes('plain') && !names.includes('cloud-init')).toBe(true);
    expect(readFileSync(join(folder('cloud-init'), 'worker.log'), 'utf8')).toMatch(
      /runs nothing: .*not lines NAME=value/,
    );
  });

  it('does not let custom data choose what code a process loads', async () => {
    await launch('w4', { NODE_OPTIONS: '--require=/tmp/x.js' });
    expect(readFileSync(join(folder('w4'), 'worker.log'), 'utf8')).toMatch(/sets NODE_OPTIONS, which a worker may not/);
  });
});

describe('worker processes across the life of the emulator', () => {
  let directory = '';
  beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'landfall-emulator-'))));
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('never lets those of a killed emulator live beside new ones', async () => {
    const first = await startProcess(directory, { workerCommand: STAND_IN });
    const body = await workerBody(first, 'w', { LANDFALL_MOVER_PROCESSES: '2' });
    await first.compute.virtualMachines.createOrUpdate(GROUP, 'w', body);
    const before = (await workers(first)).map(({ pid }) => pid);
    expect(before.length).toBe(2);
    await first.end('SIGKILL');
    expect(before.map(isRunning)).toStrictEqual([true, true]);
    const second = await startProcess(directory, { workerCommand: STAND_IN, port: first.port });
    expect(before.map(isRunning)).toStrictEqual([false, false]);
    const after = (await workers(second)).map(({ pid }) => pid);
    expect(after.map(isRunning)).toStrictEqual([true, true]);
    expect(await second.end('SIGTERM')).toBe(0);
    expect(after.map(isRunning)).toStrictEqual([false, false]);
  });

  it('ends a process by force that does not listen', async () => {
    const emulator = await startProcess(directory, { workerCommand: STUBBORN });
    await eventually('two processes run', async () => (await workers(emulator)).length === 2);
    const pids = (await workers(emulator)).map(({ pid }) => pid);
    await emulator.compute.virtualMachines.deallocate(GROUP, 'w');
    expect(pids.map(isRunning)).toStrictEqual([false, false]);
    await emulator.end('SIGTERM');
  });
});
