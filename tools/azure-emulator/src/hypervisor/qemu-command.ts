import { SERIAL_LOG, type LunLink } from '../workers/machine-folder.js';

/*
 * The virtual hardware of a VM, as QEMU's command line.
 *
 *   Generation 1   PC with SeaBIOS; OS disk on IDE, data disks on SCSI, as in Azure. With `strict=on` SeaBIOS drives
 *                  only what has a place in the boot order: it sees the OS disk and no other.
 *   Generation 2   Q35 with UEFI; all disks on SCSI (a Windows OS disk on SATA, for which it brings the driver). UEFI
 *                  connects what has a place in the boot order: here too, the firmware sees the OS disk only.
 *
 * Software emulation, one processor, little memory, no network. Guests are not trusted: QEMU itself may not start
 * programs nor gain rights.
 *
 *   SERIAL_LOG   in the folder that QEMU is started in: the guest's serial console
 *   fd 3         QMP, QEMU's control protocol
 */
export interface VirtualHardware {
  readonly osDisk: { readonly path: string; readonly osType: 'Linux' | 'Windows' };
  readonly dataDisks: readonly LunLink[];
  readonly memoryMiB: number;
  /** UEFI code and this VM's own variables; null: Generation 1. */
  readonly uefi: { readonly code: string; readonly variables: string } | null;
}

export const DATA_BUS = 'data.0';

export function qemuArguments(hardware: VirtualHardware): readonly string[] {
  const { uefi } = hardware;
  return [
    ...['-accel', 'tcg,tb-size=128', '-cpu', 'max', '-smp', '1', '-m', String(hardware.memoryMiB)],
    ...['-no-user-config', '-nodefaults', '-nic', 'none', '-display', 'none', '-vga', 'std', '-rtc', 'base=utc'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...(uefi === null ? biosMachine() : uefiMachine(uefi)),
    ...['-blockdev', JSON.stringify(disk('os', hardware.osDisk.path))],
    ...['-device', 'virtio-scsi-pci,id=os', '-device', 'virtio-scsi-pci,id=data'],
    ...['-device', JSON.stringify({ ...osDevice(hardware), drive: 'os', id: 'os-disk', bootindex: 0 })],
    ...hardware.dataDisks.flatMap(({ lun, path }) => [
      ...['-blockdev', JSON.stringify(disk(dataNode(lun), path))],
      ...['-device', JSON.stringify(dataDevice(lun))],
    ]),
    ...['-chardev', `file,id=serial,path=${SERIAL_LOG},append=on`, '-device', 'isa-serial,chardev=serial'],
    ...['-chardev', 'socket,id=qmp,fd=3', '-mon', 'chardev=qmp,mode=control'],
  ];
}

function biosMachine(): readonly string[] {
  // Without graphics SeaBIOS talks on the serial console.
  return ['-machine', 'pc,graphics=off', '-boot', 'strict=on'];
}

function uefiMachine(uefi: { code: string; variables: string }): readonly string[] {
  const flash = (name: string, path: string, readOnly: boolean) => ({
    ...disk(name, path),
    'read-only': readOnly,
  });
  return [
    ...['-blockdev', JSON.stringify(flash('uefi-code', uefi.code, true))],
    ...['-blockdev', JSON.stringify(flash('uefi-variables', uefi.variables, false))],
    ...['-machine', 'q35,graphics=off,pflash0=uefi-code,pflash1=uefi-variables'],
  ];
}

function osDevice({ uefi, osDisk }: VirtualHardware): Readonly<Record<string, unknown>> {
  if (uefi === null || osDisk.osType === 'Windows') return { driver: 'ide-hd', bus: 'ide.0' };
  return { driver: 'scsi-hd', bus: 'os.0' };
}

/** A disk's file as QEMU's block layer wants it, on the command line and in `blockdev-add`. */
export function disk(name: string, path: string): Readonly<Record<string, unknown>> {
  return { driver: 'raw', 'node-name': name, discard: 'unmap', file: { driver: 'file', filename: path } };
}

/** What the guest sees of it, on the command line and in `device_add`. */
export function dataDevice(lun: number): Readonly<Record<string, unknown>> {
  return { driver: 'scsi-hd', bus: DATA_BUS, 'scsi-id': 0, lun, drive: dataNode(lun), id: dataDeviceId(lun) };
}

export function dataNode(lun: number): string {
  return `lun-${lun}`;
}

export function dataDeviceId(lun: number): string {
  return `lun-${lun}-disk`;
}
