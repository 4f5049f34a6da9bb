import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { BootImages, BootImageUnavailable, GUEST_MAY_WRITE, GUEST_WROTE } from '@landfall/testing';
import {
  diskId,
  eventually,
  GROUP,
  makeDisk,
  powerState,
  REGION,
  startTestAzure,
  SUBSCRIPTION,
  type TestAzure,
  vmId,
} from '../fixtures/azure.fixture.test.js';
import { startProcess } from '../fixtures/process.fixture.test.js';
import { bootImages, consoleShows, diskPath, guestPids, serialLog } from './guests.fixture.test.js';
import { findQemu } from './qemu-programs.js';

const GIB = 1024 ** 3;
const programs = findQemu();
const withoutQemu = programs === null ? 'qemu-system-x86_64 is not installed' : null;
const withoutUefi =
  programs === null || programs.uefi === null ? 'QEMU or its UEFI firmware (ovmf) is not installed' : null;

/** Why the test can't be run here is printed with it. */
function lacks(test: TestContext, reason: string | null): boolean {
  if (reason !== null) test.skip(reason);
  return reason !== null;
}

function textAt(path: string, offset: number, length: number): string {
  const file = openSync(path, 'r');
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, offset);
  closeSync(file);
  return bytes.toString();
}

function shows(log: string, ...wanted: readonly string[]): void {
  const without = wanted.filter((text) => !log.includes(text));
  assert.deepEqual(without, [], `the console does not show these; it shows:\n${log.slice(0, 2_000)}`);
}

describe('VMs that boot a Debian kernel from their disks', () => {
  let azure: TestAzure;
  let folder: string;
  let images: BootImages | null = null;
  let withoutImages: string | null = withoutQemu;
  before(async () => {
    azure = await startTestAzure({ hypervisor: 'qemu', qemu: { graceMs: 120_000, memoryMiB: 256 } });
    folder = await mkdtemp(join(tmpdir(), 'landfall-images-'));
    if (withoutQemu !== null) return;
    try {
      images = await BootImages.open();
    } catch (error) {
      if (!(error instanceof BootImageUnavailable)) throw error;
      withoutImages = error.message;
    }
  });
  after(async () => {
    images?.close();
    await azure.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('Generation 1: the BIOS sees the boot disk alone, the guest all disks, also those that come later', async (t) => {
    if (lacks(t, withoutImages)) return;
    const image = join(folder, 'stays.img');
    await images?.make(image, { then: 'stay', sizeBytes: GIB });
    const data = join(folder, 'data.img');
    writeFileSync(data, GUEST_MAY_WRITE);
    truncateSync(data, GIB);
    await bootImages(azure, 'bios', 1, image, [data]);
    const booted = await consoleShows(azure, 'bios', 'guest: wrote lun=0');
    shows(booted, 'SeaBIOS', 'grub: disks', '(hd0)', 'guest: up firmware=bios');
    assert.equal(booted.includes('(hd1)'), false, 'the BIOS sees the data disk');
    assert.equal(
      textAt(await diskPath(azure, diskId('bios-data-0')), GUEST_WROTE.offset, GUEST_WROTE.text.length),
      GUEST_WROTE.text,
    );

    const late = await makeDisk(azure, 'late');
    const { virtualMachines } = azure.compute;
    await virtualMachines.attachDetachDataDisks(GROUP, 'bios', { dataDisksToAttach: [{ diskId: late, lun: 7 }] });
    await consoleShows(azure, 'bios', `guest: disk lun=7 bytes=${GIB}`);
    await virtualMachines.attachDetachDataDisks(GROUP, 'bios', { dataDisksToDetach: [{ diskId: late }] });
    await consoleShows(azure, 'bios', 'guest: no disk lun=7');

    await virtualMachines.powerOff(GROUP, 'bios');
    shows(await serialLog(azure, 'bios'), 'guest: power button', 'guest: off');
    assert.equal(await powerState(azure, 'bios'), 'PowerState/stopped');
    assert.deepEqual(guestPids(azure.directory, 'bios'), []);
  });

  it('Generation 2: UEFI boots it, and a guest that powers off leaves a stopped VM', async (t) => {
    if (lacks(t, withoutImages ?? withoutUefi)) return;
    const image = join(folder, 'ends.img');
    await images?.make(image, { then: 'off', sizeBytes: GIB });
    const data = join(folder, 'empty.img');
    writeFileSync(data, '');
    truncateSync(data, GIB);
    await bootImages(azure, 'uefi', 2, image, [data]);
    const booted = await consoleShows(azure, 'uefi', 'guest: off');
    shows(booted, 'BdsDxe: starting Boot', 'guest: up firmware=uefi');
    assert.equal(booted.includes('(hd1)'), false, 'UEFI sees the data disk');
    assert.equal(booted.match(/guest: disk lun=0 /g)?.length, 2, 'the OS disk and the data disk, each at its LUN 0');
    await eventually('the VM is stopped', async () => (await powerState(azure, 'uefi')) === 'PowerState/stopped');
  });
});

describe('VMs with nothing on their disks that boots', () => {
  let azure: TestAzure;
  before(async () => (azure = await startTestAzure({ hypervisor: 'qemu', qemu: { graceMs: 100, memoryMiB: 128 } })));
  after(() => azure.close());

  const makeVm = async (name: string, generation: 1 | 2, dataDisks: readonly string[] = []): Promise<void> => {
    const image = join(azure.directory, `${name}.img`);
    writeFileSync(image, '');
    truncateSync(image, GIB);
    await bootImages(azure, name, generation, image, dataDisks);
  };
  const one = async (vm: string): Promise<number> => {
    await eventually(`one process boots ${vm}`, () => guestPids(azure.directory, vm).length === 1);
    return guestPids(azure.directory, vm)[0] ?? 0;
  };

  it('go on running with the BIOS saying so, whatever is on the data disks', async (t) => {
    if (lacks(t, withoutQemu)) return;
    await makeVm('blank1', 1);
    await consoleShows(azure, 'blank1', 'No bootable device.');
    assert.equal(await powerState(azure, 'blank1'), 'PowerState/running');
  });

  it('go on running with UEFI offering its shell', async (t) => {
    if (lacks(t, withoutUefi)) return;
    await makeVm('blank2', 2);
    await consoleShows(azure, 'blank2', 'UEFI Interactive Shell');
    assert.equal(await powerState(azure, 'blank2'), 'PowerState/running');
  });

  it('are stopped when their process dies, and start again', async (t) => {
    if (lacks(t, withoutQemu)) return;
    await makeVm('dies', 1);
    const first = await one('dies');
    process.kill(first, 'SIGKILL');
    await eventually('the VM is stopped', async () => (await powerState(azure, 'dies')) === 'PowerState/stopped');
    await azure.compute.virtualMachines.start(GROUP, 'dies');
    assert.equal(await powerState(azure, 'dies'), 'PowerState/running');
    assert.notEqual(await one('dies'), first);
  });

  it('go on running while they are moved to another resource group, and are stopped there', async (t) => {
    if (lacks(t, withoutQemu)) return;
    await makeVm('moves', 1);
    const process = await one('moves');
    await azure.resources.resourceGroups.createOrUpdate('elsewhere', { location: REGION });
    await azure.resources.resources.moveResources(GROUP, {
      resources: [vmId('moves'), diskId('moves-os')],
      targetResourceGroup: `/subscriptions/${SUBSCRIPTION}/resourceGroups/elsewhere`,
    });
    assert.equal(await powerState(azure, 'moves', 'elsewhere'), 'PowerState/running');
    assert.deepEqual(guestPids(azure.directory, 'moves'), [process]);
    assert.ok(existsSync(join(azure.directory, 'vms', 'elsewhere', 'moves', 'serial.log')));
    await azure.compute.virtualMachines.powerOff('elsewhere', 'moves');
    assert.deepEqual(guestPids(azure.directory, 'moves'), []);
  });

  it('have another process after a restart, and none once deallocated or deleted', async (t) => {
    if (lacks(t, withoutQemu)) return;
    await makeVm('cycle', 1);
    const first = await one('cycle');
    const { virtualMachines } = azure.compute;
    await virtualMachines.restart(GROUP, 'cycle');
    assert.notEqual(await one('cycle'), first);
    await virtualMachines.deallocate(GROUP, 'cycle');
    assert.deepEqual(guestPids(azure.directory, 'cycle'), []);
    await virtualMachines.start(GROUP, 'cycle');
    await one('cycle');
    await virtualMachines.delete(GROUP, 'cycle');
    assert.deepEqual(guestPids(azure.directory, 'cycle'), []);
    assert.equal(existsSync(join(azure.directory, 'vms', GROUP, 'cycle')), false);
  });
});

describe('VMs and the life of the emulator', () => {
  it('boot anew when an emulator that was killed comes back, and end with one that is closed', async (t) => {
    if (lacks(t, withoutQemu)) return;
    const directory = await mkdtemp(join(tmpdir(), 'landfall-guests-'));
    const image = join(directory, 'blank.img');
    writeFileSync(image, '');
    truncateSync(image, GIB);
    const first = await startProcess(directory, { hypervisor: 'qemu' });
    await bootImages(first, 'survivor', 1, image);
    await eventually('the VM boots', () => guestPids(directory).length === 1);
    const [left] = guestPids(directory);
    await first.end('SIGKILL');
    assert.deepEqual(guestPids(directory), [left], 'a killed emulator ends nothing');
    const second = await startProcess(directory, { hypervisor: 'qemu' });
    await eventually('another process boots it', () => guestPids(directory).length === 1);
    assert.notDeepEqual(guestPids(directory), [left]);
    assert.equal(await powerState(second, 'survivor'), 'PowerState/running');
    await second.end('SIGTERM');
    assert.deepEqual(guestPids(directory), []);
    await rm(directory, { recursive: true, force: true });
  });

  it('count as running without QEMU, and say on their console why UEFI does not start', async () => {
    const blank = async (azure: TestAzure, generation: 1 | 2): Promise<void> => {
      const image = join(azure.directory, 'blank.img');
      writeFileSync(image, '');
      truncateSync(image, GIB);
      await bootImages(azure, 'idle', generation, image);
      assert.equal(await powerState(azure, 'idle'), 'PowerState/running');
      assert.deepEqual(guestPids(azure.directory), []);
    };
    const without = await startTestAzure({ hypervisor: 'qemu', qemu: { programs: null } });
    await blank(without, 1);
    await without.close();
    const biosOnly = await startTestAzure({
      hypervisor: 'qemu',
      qemu: { programs: { qemu: '/bin/false', uefi: null } },
    });
    await blank(biosOnly, 2);
    assert.match(await serialLog(biosOnly, 'idle'), /not booted: there is no UEFI firmware/);
    await biosOnly.close();
  });
});
