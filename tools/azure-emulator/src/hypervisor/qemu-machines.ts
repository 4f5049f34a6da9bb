import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DiskFiles } from '../compute/disk-files.js';
import { DISK, VIRTUAL_MACHINE, type VirtualMachineRecord, type WorkerRecord } from '../state/records.js';
import { put, type State } from '../state/state.js';
import { MachineFolder, type LunLink } from '../workers/machine-folder.js';
import { endProcess, identify, type Ending, type ProcessIdentity } from '../workers/process-identity.js';
import type { Hypervisor } from './hypervisor.js';
import { dataDevice, dataDeviceId, dataNode, disk, qemuArguments, type VirtualHardware } from './qemu-command.js';
import type { QemuPrograms } from './qemu-programs.js';
import { Qmp } from './qmp.js';
import { keepSerialLog } from './serial-log.js';

/*
 * One QEMU process for each VM that runs and is not a worker.
 *
 * The VM's power follows its process: when the guest powers off, or the process dies, the VM is stopped. A process is
 * recorded as soon as it is spawned, so that an emulator that was killed finds it at its next start and ends it; VMs
 * whose record says that they run are then booted anew, as after a power cut. Processes are known by the VM's own id
 * and not by its resource id, so that a VM may be moved to another resource group while it runs.
 */
export interface QemuOptions {
  readonly dataDirectory: string;
  readonly programs: QemuPrograms;
  readonly memoryMiB: number;
  /** How long a guest may take to power off when it is asked to. */
  readonly graceMs: number;
  readonly now: () => Date;
}

interface Machine {
  readonly vmId: string;
  readonly identity: ProcessIdentity;
  readonly qmp: Qmp;
  readonly ended: Promise<void>;
  /** By LUN, the file. */
  readonly plugged: Map<number, string>;
  /** Whoever ends the process on purpose says so first. */
  stopping: boolean;
  /** Changes of the disks are made one after the other. */
  changes: Promise<void>;
}

const ENDING: Ending = { signal: 'SIGTERM', deadlineMs: 5_000, withGroup: true };
/** When everything ends together there is less time for each. */
const SHORT_GRACE_MS = 3_000;

export class QemuMachines implements Hypervisor {
  private readonly machines = new Map<string, Machine>();

  constructor(
    private readonly state: State,
    private readonly files: DiskFiles,
    private readonly options: QemuOptions,
  ) {}

  async reap(): Promise<void> {
    const left = this.state.all('guests');
    await Promise.all(left.map((guest) => endProcess(guest, ENDING)));
    this.state.commit(left.map((guest) => ({ table: 'guests', key: guest.name, value: null })));
  }

  start(vm: VirtualMachineRecord): void {
    if (this.machines.has(vm.vmId)) return;
    const folder = MachineFolder.of(this.options.dataDirectory, vm);
    folder.prepare();
    const hardware = this.hardwareOf(vm, folder);
    if ('missing' in hardware) {
      keepSerialLog(folder.serialLog, `emulator: this VM is not booted: ${hardware.missing}\r\n`)();
      return;
    }
    const endLog = keepSerialLog(folder.serialLog);
    const child = spawn(this.options.programs.qemu, [...qemuArguments(hardware)], {
      cwd: folder.path,
      env: { PATH: process.env['PATH'], LANDFALL_GUEST_FOLDER: folder.path },
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    const complaints: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => complaints.length < 20 && complaints.push(chunk));
    const ended = new Promise<void>((done) => {
      let over = false;
      const end = (why: string): void => {
        if (over) return;
        over = true;
        setImmediate(() => {
          this.ended(vm.vmId, `${why} ${Buffer.concat(complaints).toString().trim()}`.trim());
          endLog();
          done();
        });
      };
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
    const identity = this.record(vm, child);
    if (identity === null) return;
    this.machines.set(vm.vmId, {
      vmId: vm.vmId,
      identity,
      qmp: new Qmp(child.stdio[3] as Duplex),
      ended,
      plugged: new Map(hardware.dataDisks.map(({ lun, path }) => [lun, path])),
      stopping: false,
      changes: Promise.resolve(),
    });
  }

  async stop(vmId: string): Promise<void> {
    const vm = this.state.find(VIRTUAL_MACHINE, vmId);
    const machine = vm === undefined ? undefined : this.machines.get(vm.vmId);
    if (machine !== undefined) await this.end(machine, this.options.graceMs);
  }

  async stopAll(): Promise<void> {
    const graceMs = Math.min(this.options.graceMs, SHORT_GRACE_MS);
    await Promise.all([...this.machines.values()].map((machine) => this.end(machine, graceMs)));
  }

  async changeDisks(vmId: string, disks: readonly LunLink[]): Promise<void> {
    const vm = this.state.find(VIRTUAL_MACHINE, vmId);
    const machine = vm === undefined ? undefined : this.machines.get(vm.vmId);
    if (machine === undefined) return;
    machine.changes = machine.changes
      .then(() => replug(machine, new Map(disks.map(({ lun, path }) => [lun, path]))))
      .catch((error: unknown) => note(vmId, `its disks could not be changed: ${String(error)}`));
    await machine.changes;
  }

  private hardwareOf(vm: VirtualMachineRecord, folder: MachineFolder): VirtualHardware | { readonly missing: string } {
    const { osDisk, dataDisks } = vm.properties.storageProfile;
    const osRecord = this.state.find(DISK, osDisk.managedDisk?.id ?? '');
    if (osRecord === undefined) return { missing: 'it has no OS disk' };
    const { uefi } = this.options.programs;
    const needsUefi = osRecord.hyperVGeneration === 'V2';
    if (needsUefi && uefi === null) return { missing: 'there is no UEFI firmware on this machine (Debian: ovmf)' };
    if (needsUefi && uefi !== null && !existsSync(folder.uefiVariables)) {
      copyFileSync(uefi.variables, folder.uefiVariables);
    }
    return {
      osDisk: { path: this.files.path(osRecord.uniqueId), osType: osDisk.osType ?? 'Linux' },
      dataDisks: dataDisks.flatMap(({ lun, managedDisk }) => {
        const record = this.state.find(DISK, managedDisk?.id ?? '');
        return record === undefined ? [] : [{ lun, path: this.files.path(record.uniqueId) }];
      }),
      memoryMiB: this.options.memoryMiB,
      uefi: needsUefi && uefi !== null ? { code: uefi.code, variables: folder.uefiVariables } : null,
    };
  }

  private record(vm: VirtualMachineRecord, child: ChildProcess): ProcessIdentity | null {
    const identity = child.pid === undefined ? null : identify(child.pid);
    if (identity === null) return null; // its end is about to be told
    const value: WorkerRecord = { vmId: vm.id, name: vm.vmId, ...identity };
    this.state.commit([{ table: 'guests', key: vm.vmId, value }]);
    try {
      setPriority(identity.pid, 5); // guests burn processor time; Landfall comes first
    } catch {
      // it is gone already
    }
    return identity;
  }

  private async end(machine: Machine, graceMs: number): Promise<void> {
    machine.stopping = true;
    await machine.qmp.execute('system_powerdown').catch(() => undefined);
    const patience = new AbortController();
    await Promise.race([machine.ended, sleep(graceMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    await endProcess(machine.identity, ENDING);
    await machine.ended;
  }

  /** The process is gone: so is the VM's power, unless an operation is about to decide on that. */
  private ended(vmId: string, why: string): void {
    const machine = this.machines.get(vmId);
    this.machines.delete(vmId);
    this.state.commit([{ table: 'guests', key: vmId, value: null }]);
    if (machine?.stopping === true) return;
    const vm = this.state.ofType(VIRTUAL_MACHINE).find((found) => found.vmId === vmId);
    if (vm?.power !== 'running') return;
    note(vm.id, `it has stopped: ${why}`);
    this.state.commit([put({ ...vm, power: 'stopped', powerChangedAt: this.options.now().toISOString() })]);
  }
}

/** First out, then in: a disk may come back at another LUN. */
async function replug(machine: Machine, wanted: ReadonlyMap<number, string>): Promise<void> {
  for (const [lun, path] of machine.plugged) {
    if (wanted.get(lun) === path) continue;
    await machine.qmp.execute('device_del', { id: dataDeviceId(lun) });
    await release(machine, dataNode(lun));
    machine.plugged.delete(lun);
  }
  for (const [lun, path] of wanted) {
    if (machine.plugged.has(lun)) continue;
    await machine.qmp.execute('blockdev-add', disk(dataNode(lun), path));
    await machine.qmp.execute('device_add', dataDevice(lun));
    machine.plugged.set(lun, path);
  }
}

/** A device lets go of its disk a moment after it was taken out. */
async function release(machine: Machine, node: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await machine.qmp.execute('blockdev-del', { 'node-name': node });
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(100);
    }
  }
}

function note(vmId: string, line: string): void {
  process.stderr.write(`azure-emulator: ${vmId}: ${line}\n`);
}
