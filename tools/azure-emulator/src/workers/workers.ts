import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { keyOf } from '../arm/resource-id.js';
import type { Hypervisor } from '../hypervisor/hypervisor.js';
import { VIRTUAL_MACHINE, type VirtualMachineRecord, type WorkerRecord } from '../state/records.js';
import type { State } from '../state/state.js';
import { parseBootEnvironment, processCount } from './boot-environment.js';
import { MachineFolder, type LunLink } from './machine-folder.js';
import { endProcess, identify, type ProcessIdentity } from './process-identity.js';

/*
 * The processes that stand for what runs inside worker VMs (those with the tag `landfall-role=worker`).
 *
 * A process is recorded as soon as it is spawned, so that an emulator that was killed finds it again at its next start,
 * ends it, and starts the VM's processes anew: two generations never write side by side. One that dies while its VM
 * runs is started again after half a second, as a service supervisor inside the VM would do it.
 *
 * VMs without the tag are the hypervisor's: what is asked for them is handed on.
 */
export interface WorkerOptions {
  readonly dataDirectory: string;
  /** Program and arguments; null: worker VMs run nothing. */
  readonly command: readonly string[] | null;
  /** Processes on each VM, where it asks for fewer itself; one when left out. */
  readonly leastProcesses?: number;
  /** Bytes per second that a VM may write; null or left out: no limit. */
  readonly limitOf?: (vm: VirtualMachineRecord) => number | null;
  readonly restartAfterMs?: number;
  readonly graceMs?: number;
}

const WORKER_TAG = 'landfall-role';
const WORKER_ROLE = 'worker';

interface Running {
  readonly name: string;
  stopped: boolean;
  restart: NodeJS.Timeout | undefined;
  process: ProcessIdentity | null;
}

export class Workers {
  private readonly running = new Map<string, Running[]>();

  constructor(
    private readonly state: State,
    private readonly options: WorkerOptions,
    private readonly hypervisor: Hypervisor,
  ) {}

  folder(vm: VirtualMachineRecord): MachineFolder {
    return MachineFolder.of(this.options.dataDirectory, vm);
  }

  linkDisks(vm: VirtualMachineRecord, disks: readonly LunLink[]): void {
    this.folder(vm).link(disks);
  }

  /** Makes these the data disks of a VM that runs; returns when nobody writes to the others any more. */
  async changeDisks(vmId: string, disks: readonly LunLink[]): Promise<void> {
    await this.hypervisor.changeDisks(vmId, disks);
  }

  /** Ends what an emulator that was killed has left running. */
  async reap(): Promise<void> {
    await this.hypervisor.reap();
    const left = this.state.all('workers');
    await Promise.all(left.map((worker) => this.end(worker)));
    this.state.commit(left.map((worker) => ({ table: 'workers', key: rowKey(worker), value: null })));
  }

  /** Starts what runs on every VM that is running. */
  resume(): void {
    for (const vm of this.state.ofType(VIRTUAL_MACHINE)) if (vm.power === 'running') this.start(vm);
  }

  start(vm: VirtualMachineRecord): void {
    if (!isWorker(vm)) {
      this.hypervisor.start(vm);
      return;
    }
    const [program, ...programArguments] = this.options.command ?? [];
    if (program === undefined) return;
    if (this.running.has(keyOf(vm.id))) return;
    const folder = this.folder(vm);
    folder.prepare();
    const boot = parseBootEnvironment(vm.customData);
    if ('refused' in boot) {
      note(folder, `this VM runs nothing: ${boot.refused}`);
      return;
    }
    const processes: Running[] = [];
    for (let index = 0; index < processCount(boot.environment, this.options.leastProcesses); index++) {
      processes.push({ name: `${vm.name}-${index}`, stopped: false, restart: undefined, process: null });
    }
    this.running.set(keyOf(vm.id), processes);
    const limit = this.options.limitOf?.(vm) ?? null;
    for (const running of processes) {
      this.spawn(vm.id, folder, running, program, programArguments, {
        ...inherited(),
        ...boot.environment,
        LANDFALL_DISK_DIRECTORY: folder.byLun,
        LANDFALL_WORKER_STATE: folder.state,
        LANDFALL_MOVER_NAME: running.name,
        ...(limit === null
          ? {}
          : { LANDFALL_MOVER_BANDWIDTH: String(Math.max(1, Math.floor(limit / processes.length))) }),
      });
    }
  }

  /** Ends a VM's processes: SIGTERM, and SIGKILL after five seconds. Returns when they are gone. */
  async stop(vmId: string): Promise<void> {
    await this.hypervisor.stop(vmId);
    const processes = this.running.get(keyOf(vmId)) ?? [];
    this.running.delete(keyOf(vmId));
    await Promise.all(
      processes.map(async (running) => {
        running.stopped = true;
        clearTimeout(running.restart);
        if (running.process === null) return;
        await this.end(running.process);
        this.forget(vmId, running.name);
      }),
    );
  }

  /** The VM has another id now: its folder follows. A worker's processes start anew, a guest goes on. */
  async rename(before: VirtualMachineRecord, after: VirtualMachineRecord): Promise<void> {
    if (!isWorker(before)) {
      this.folder(before).moveTo(this.folder(after));
      return;
    }
    await this.stop(before.id);
    this.folder(before).moveTo(this.folder(after));
    if (after.power === 'running') this.start(after);
  }

  async stopAll(): Promise<void> {
    await Promise.all([this.hypervisor.stopAll(), ...[...this.running.keys()].map((vmId) => this.stop(vmId))]);
  }

  list(): readonly WorkerRecord[] {
    return this.state.all('workers');
  }

  private async end(worker: ProcessIdentity): Promise<void> {
    await endProcess(worker, { signal: 'SIGTERM', deadlineMs: this.options.graceMs ?? 5_000, withGroup: true });
  }

  private spawn(
    vmId: string,
    folder: MachineFolder,
    running: Running,
    program: string,
    programArguments: readonly string[],
    environment: NodeJS.ProcessEnv,
  ): void {
    if (running.stopped) return;
    const log = openSync(folder.log, 'a', 0o600);
    const child = spawn(program, programArguments, {
      cwd: folder.state,
      env: environment,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    let ended = false;
    const again = (why: string): void => {
      if (ended) return;
      ended = true;
      running.process = null;
      if (running.stopped) return;
      this.forget(vmId, running.name);
      note(folder, `${running.name} ended (${why}) while its VM runs; it is started again`);
      running.restart = setTimeout(
        () => this.spawn(vmId, folder, running, program, programArguments, environment),
        this.options.restartAfterMs ?? 500,
      );
    };
    child.once('error', (error) => again(error.message));
    child.once('exit', (code, signalName) => again(signalName ?? `exit code ${code}`));
    const identity = child.pid === undefined ? null : identify(child.pid);
    if (identity === null) return;
    running.process = identity;
    const worker: WorkerRecord = { vmId, name: running.name, ...identity };
    this.state.commit([{ table: 'workers', key: rowKey(worker), value: worker }]);
  }

  private forget(vmId: string, name: string): void {
    this.state.commit([{ table: 'workers', key: rowKey({ vmId, name }), value: null }]);
  }
}

function rowKey(worker: { readonly vmId: string; readonly name: string }): string {
  return `${keyOf(worker.vmId)}#${worker.name}`;
}

function isWorker(vm: VirtualMachineRecord): boolean {
  return vm.tags[WORKER_TAG] === WORKER_ROLE;
}

/** Of its own environment the emulator hands on what a program needs to be found, to trust the emulator, and to be tried. */
function inherited(): NodeJS.ProcessEnv {
  const handedOn = (name: string) => ['PATH', 'NODE_EXTRA_CA_CERTS'].includes(name) || /^LANDFALL_CRASH_/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => handedOn(name)));
}

function note(folder: MachineFolder, line: string): void {
  const log = openSync(folder.log, 'a', 0o600);
  writeSync(log, `${new Date().toISOString()} emulator: ${line}\n`);
  closeSync(log);
}
