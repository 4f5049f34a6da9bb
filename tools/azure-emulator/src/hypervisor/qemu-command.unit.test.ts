import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { qemuArguments, type VirtualHardware } from './qemu-command.js';

const BIOS: VirtualHardware = {
  osDisk: { path: '/d/os,with=comma.img', osType: 'Linux' },
  dataDisks: [
    { lun: 0, path: '/d/0.img' },
    { lun: 5, path: '/d/5.img' },
  ],
  memoryMiB: 384,
  uefi: null,
};
const UEFI: VirtualHardware = { ...BIOS, uefi: { code: '/f/code.fd', variables: '/vm/variables.fd' } };

/** The values of an option, those in JSON parsed. */
function values(hardware: VirtualHardware, option: string): unknown[] {
  const all = qemuArguments(hardware);
  return all.flatMap((argument, index) => {
    if (argument !== option) return [];
    const value = all[index + 1] ?? '';
    return [value.startsWith('{') ? (JSON.parse(value) as unknown) : value];
  });
}

function device(hardware: VirtualHardware, id: string): Record<string, unknown> {
  const found = values(hardware, '-device').find((value) => (value as { id?: string }).id === id);
  assert.ok(found !== undefined, `no device ${id}`);
  return found as Record<string, unknown>;
}

describe('the virtual hardware of a VM', () => {
  it('has the OS disk on IDE in Generation 1, on SCSI in Generation 2, on SATA there for Windows', () => {
    expect(device(BIOS, 'os-disk')['driver']).toBe('ide-hd');
    expect(device(UEFI, 'os-disk')['driver']).toBe('scsi-hd');
    const windows: VirtualHardware = { ...UEFI, osDisk: { path: '/d/os.img', osType: 'Windows' } };
    expect(device(windows, 'os-disk')['driver']).toBe('ide-hd');
  });

  it('boots from the OS disk alone and shows data disks at their LUNs', () => {
    for (const hardware of [BIOS, UEFI]) {
      expect(device(hardware, 'os-disk')['bootindex']).toBe(0);
      expect(device(hardware, 'lun-5-disk')['lun']).toBe(5);
      expect('bootindex' in device(hardware, 'lun-5-disk')).toBe(false);
    }
    expect(values(BIOS, '-boot')).toStrictEqual(['strict=on']);
  });

  it('takes any path for a disk, and writes UEFI variables only to the copy of the VM', () => {
    const files = values(UEFI, '-blockdev') as { file: { filename: string }; 'read-only'?: boolean }[];
    expect(files.find(({ file }) => file.filename === '/f/code.fd')?.['read-only']).toBe(true);
    expect(files.find(({ file }) => file.filename === '/vm/variables.fd')?.['read-only']).toBe(false);
    expect(files.some(({ file }) => file.filename === '/d/os,with=comma.img')).toBe(true);
  });

  it('has no network, little memory, and may neither start programs nor gain rights', () => {
    expect(values(BIOS, '-nic')).toStrictEqual(['none']);
    expect(values(BIOS, '-m')).toStrictEqual(['384']);
    expect(String(values(BIOS, '-sandbox')[0])).toMatch(/elevateprivileges=deny,spawn=deny/);
  });
});
