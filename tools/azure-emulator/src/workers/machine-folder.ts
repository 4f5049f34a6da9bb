import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { resourceGroupOf } from '../arm/resource-id.js';
import type { VirtualMachineRecord } from '../state/records.js';

/*
 * What a VM sees of its disks: `DIR/vms/<resource group>/<name>/by-lun/N`, a link to the disk's file for each LUN, as
 * Azure's udev rules make them under /dev/disk/azure/data. Beside it the worker's own folder and its log, or what
 * belongs to the guest that boots from the disks.
 */
export interface LunLink {
  readonly lun: number;
  readonly path: string;
}

export const SERIAL_LOG = 'serial.log';

export class MachineFolder {
  readonly path: string;

  constructor(dataDirectory: string, vmId: string, vmName: string) {
    this.path = join(dataDirectory, 'vms', resourceGroupOf(vmId).toLowerCase(), vmName.toLowerCase());
  }

  static of(dataDirectory: string, vm: VirtualMachineRecord): MachineFolder {
    return new MachineFolder(dataDirectory, vm.id, vm.name);
  }

  get byLun(): string {
    return join(this.path, 'by-lun');
  }

  get state(): string {
    return join(this.path, 'state');
  }

  get log(): string {
    return join(this.path, 'worker.log');
  }

  /** What the guest prints; see hypervisor/serial-log.ts. */
  get serialLog(): string {
    return join(this.path, SERIAL_LOG);
  }

  get uefiVariables(): string {
    return join(this.path, 'uefi-variables.fd');
  }

  prepare(): void {
    mkdirSync(this.byLun, { recursive: true, mode: 0o700 });
    mkdirSync(this.state, { recursive: true, mode: 0o700 });
  }

  /** Makes the links exactly these; links that are right already are left alone. */
  link(disks: readonly LunLink[]): void {
    this.prepare();
    const wanted = new Map(disks.map(({ lun, path }) => [String(lun), path]));
    for (const entry of readdirSync(this.byLun)) {
      if (readlinkSync(join(this.byLun, entry)) !== wanted.get(entry)) rmSync(join(this.byLun, entry));
    }
    for (const [lun, path] of wanted) {
      if (!existsSync(join(this.byLun, lun))) symlinkSync(path, join(this.byLun, lun));
    }
  }

  /** Leaves what is there already, from an earlier attempt. */
  moveTo(other: MachineFolder): void {
    if (existsSync(other.path)) this.remove();
    if (!existsSync(this.path)) return;
    mkdirSync(dirname(other.path), { recursive: true, mode: 0o700 });
    renameSync(this.path, other.path);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
