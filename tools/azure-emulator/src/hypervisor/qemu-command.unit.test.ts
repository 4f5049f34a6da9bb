import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
    assert.equal(device(BIOS, 'os-disk')['driver'], 'ide-hd');
    assert.equal(device(UEFI, 'os-disk')['driver'], 'scsi-hd');
    const windows: VirtualHardware = { ...UEFI, osDisk: { path: '/d/os.img', osType: 'Windows' } };
    assert.equal(device(windows, 'os-disk')['driver'], 'ide-hd');
  });

  it('boots from the OS disk alone and shows data disks at their LUNs', () => {
    for (const hardware of [BIOS, UEFI]) {
      assert.equal(device(hardware, 'os-disk')['bootindex'], 0);
      assert.equal(device(hardware, 'lun-5-disk')['lun'], 5);
      assert.equal('bootindex' in device(hardware, 'lun-5-disk'), false);
    }
    assert.deepEqual(values(BIOS, '-boot'), ['strict=on']);
  });

  it('takes any path for a disk, and writes UEFI variables only to the copy of the VM', () => {
    const files = values(UEFI, '-blockdev') as { file: { filename: string }; 'read-only'?: boolean }[];
    assert.equal(files.find(({ file }) => file.filename === '/f/code.fd')?.['read-only'], true);
    assert.equal(files.find(({ file }) => file.filename === '/vm/variables.fd')?.['read-only'], false);
    assert.ok(files.some(({ file }) => file.filename === '/d/os,with=comma.img'));
  });

  it('has no network, little memory, and may neither start programs nor gain rights', () => {
    assert.deepEqual(values(BIOS, '-nic'), ['none']);
    assert.deepEqual(values(BIOS, '-m'), ['384']);
    assert.match(String(values(BIOS, '-sandbox')[0]), /elevateprivileges=deny,spawn=deny/);
  });
});
