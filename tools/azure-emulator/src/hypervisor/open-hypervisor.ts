import type { DiskFiles } from '../compute/disk-files.js';
import type { State } from '../state/state.js';
import { NO_HYPERVISOR, type Hypervisor } from './hypervisor.js';
import { QemuMachines } from './qemu-machines.js';
import { findQemu, type QemuPrograms } from './qemu-programs.js';

export type HypervisorKind = 'none' | 'qemu';

export interface QemuSettings {
  /** Memory of each VM, whatever its size says; 512 by default. */
  readonly memoryMiB?: number;
  /** How long a guest may take to power off; 10 s by default. */
  readonly graceMs?: number;
  /** In place of what is found on this machine; null: there is none. */
  readonly programs?: QemuPrograms | null;
}

interface Host {
  readonly state: State;
  readonly files: DiskFiles;
  readonly dataDirectory: string;
  readonly now: () => Date;
}

/** Where QEMU was asked for and is not there, says so and goes on without: VMs then only count as running. */
export function openHypervisor(kind: HypervisorKind, host: Host, settings: QemuSettings = {}): Hypervisor {
  if (kind === 'none') return NO_HYPERVISOR;
  const programs = settings.programs === undefined ? findQemu() : settings.programs;
  if (programs === null) {
    process.stderr.write(
      'azure-emulator: qemu-system-x86_64 is not on PATH (Debian: apt-get install qemu-system-x86 ovmf): ' +
        'VMs count as running, and nothing boots.\n',
    );
    return NO_HYPERVISOR;
  }
  const { state, files, dataDirectory, now } = host;
  return new QemuMachines(state, files, {
    dataDirectory,
    programs,
    memoryMiB: settings.memoryMiB ?? 512,
    graceMs: settings.graceMs ?? 10_000,
    now,
  });
}
