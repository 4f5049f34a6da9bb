import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BootImages, BootImageUnavailable, GUEST_MAY_WRITE, GUEST_WROTE, skip } from '@landfall/testing';
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

/** @throws what ends the test as skipped, for this reason */
function needs(reason: string | null): void {
  if (reason !== null) skip(reason);
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
  beforeAll(async () => {
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
  afterAll(async () => {
    images?.close();
    await azure.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('Generation 1: the BIOS sees the boot disk alone, the guest all disks, also those that come later', async () => {
    needs(withoutImages);
    const image = join(folder, 'stays.img');
    await images?.make(image, { then: 'stay', sizeBytes: GIB });
    const data = join(folder, 'data.img');
    writeFileSync(data, GUEST_MAY_WRITE);
    truncateSync(data, GIB);
    await bootImages(azure, 'bios', 1, image, [data]);
    const booted = await consoleShows(azure, 'bios', 'guest: wrote lun=0');
    shows(booted, 'SeaBIOS', 'grub: disks', '(hd0)', 'guest: up firmware=bios');
    assert.equal(booted.includes('(hd1)'), false, 'the BIOS sees the data disk');
    expect(textAt(await diskPath(azure, diskId('bios-data-0')), GUEST_WROTE.offset, GUEST_WROTE.text.length)).toBe(
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
    expect(await powerState(azure, 'bios')).toBe('PowerState/stopped');
    expect(guestPids(azure.directory, 'bios')).toStrictEqual([]);
  });

  it('Generation 2: UEFI boots it, and a guest that powers off leaves a stopped VM', async () => {
    needs(withoutImages ?? withoutUefi);
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
  beforeAll(async () => (azure = await startTestAzure({ hypervisor: 'qemu', qemu: { graceMs: 100, memoryMiB: 128 } })));
  afterAll(() => azure.close());

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

  it('go on running with the BIOS saying so, whatever is on the data disks', async () => {
    needs(withoutQemu);
    await makeVm('blank1', 1);
    await consoleShows(azure, 'blank1', 'No bootable device.');
    expect(await powerState(azure, 'blank1')).toBe('PowerState/running');
  });

  it('go on running with UEFI offering its shell', async () => {
    needs(withoutUefi);
    await makeVm('blank2', 2);
    await consoleShows(azure, 'blank2', 'UEFI Interactive Shell');
    expect(await powerState(azure, 'blank2')).toBe('PowerState/running');
  });

  it('are stopped when their process dies, and start again', async () => {
    needs(withoutQemu);
    await makeVm('dies', 1);
    const first = await one('dies');
    process.kill(first, 'SIGKILL');
    await eventually('the VM is stopped', async () => (await powerState(azure, 'dies')) === 'PowerState/stopped');
    await azure.compute.virtualMachines.start(GROUP, 'dies');
    expect(await powerState(azure, 'dies')).toBe('PowerState/running');
    expect(await one('dies')).not.toBe(first);
  });

  it('go on running while they are moved to another resource group, and are stopped there', async () => {
    needs(withoutQemu);
    await makeVm('moves', 1);
    const process = await one('moves');
    await azure.resources.resourceGroups.createOrUpdate('elsewhere', { location: REGION });
    await azure.resources.resources.moveResources(GROUP, {
      resources: [vmId('moves'), diskId('moves-os')],
      targetResourceGroup: `/subscriptions/${SUBSCRIPTION}/resourceGroups/elsewhere`,
    });
    expect(await powerState(azure, 'moves', 'elsewhere')).toBe('PowerState/running');
    expect(guestPids(azure.directory, 'moves')).toStrictEqual([process]);
    expect(existsSync(join(azure.directory, 'vms', 'elsewhere', 'moves', 'serial.log'))).toBe(true);
    await azure.compute.virtualMachines.powerOff('elsewhere', 'moves');
    expect(guestPids(azure.directory, 'moves')).toStrictEqual([]);
  });

  it('have another process after a restart, and none once deallocated or deleted', async () => {
    needs(withoutQemu);
    await makeVm('cycle', 1);
    const first = await one('cycle');
    const { virtualMachines } = azure.compute;
    await virtualMachines.restart(GROUP, 'cycle');
    expect(await one('cycle')).not.toBe(first);
    await virtualMachines.deallocate(GROUP, 'cycle');
    expect(guestPids(azure.directory, 'cycle')).toStrictEqual([]);
    await virtualMachines.start(GROUP, 'cycle');
    await one('cycle');
    await virtualMachines.delete(GROUP, 'cycle');
    expect(guestPids(azure.directory, 'cycle')).toStrictEqual([]);
    expect(existsSync(join(azure.directory, 'vms', GROUP, 'cycle'))).toBe(false);
  });
});

describe('VMs and the life of the emulator', () => {
  it('boot anew when an emulator that was killed comes back, and end with one that is closed', async () => {
    needs(withoutQemu);
    const directory = await mkdtemp(join(tmpdir(), 'landfall-guests-'));
    const image = join(directory, 'blank.img');
    writeFileSync(image, '');
    truncateSync(image, GIB);
    const first = await startProcess(directory, { hypervisor: 'qemu' });
    await bootImages(first, 'survivor', 1, image);
    await eventually('the VM boots', () => guestPids(directory).length === 1);
    const [left] = guestPids(directory);
    await first.end('SIGKILL');
    // A killed emulator ends nothing.
    expect(guestPids(directory)).toStrictEqual([left]);
    const second = await startProcess(directory, { hypervisor: 'qemu' });
    await eventually('another process boots it', () => guestPids(directory).length === 1);
    expect(guestPids(directory)).not.toStrictEqual([left]);
    expect(await powerState(second, 'survivor')).toBe('PowerState/running');
    await second.end('SIGTERM');
    expect(guestPids(directory)).toStrictEqual([]);
    await rm(directory, { recursive: true, force: true });
  });

  it('count as running without QEMU, and say on their console why UEFI does not start', async () => {
    const blank = async (azure: TestAzure, generation: 1 | 2): Promise<void> => {
      const image = join(azure.directory, 'blank.img');
      writeFileSync(image, '');
      truncateSync(image, GIB);
      await bootImages(azure, 'idle', generation, image);
      expect(await powerState(azure, 'idle')).toBe('PowerState/running');
      expect(guestPids(azure.directory)).toStrictEqual([]);
    };
    const without = await startTestAzure({ hypervisor: 'qemu', qemu: { programs: null } });
    await blank(without, 1);
    await without.close();
    const biosOnly = await startTestAzure({
      hypervisor: 'qemu',
      qemu: { programs: { qemu: '/bin/false', uefi: null } },
    });
    await blank(biosOnly, 2);
    expect(await serialLog(biosOnly, 'idle')).toMatch(/not booted: there is no UEFI firmware/);
    await biosOnly.close();
  });
});
