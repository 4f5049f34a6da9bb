import type { VirtualMachineRecord } from '../state/records.js';
import type { LunLink } from '../workers/machine-folder.js';

/** What boots the disks of VMs that are no workers. */
export interface Hypervisor {
  /** Ends what an emulator that was killed has left running. */
  reap(): Promise<void>;
  /** Does nothing when the VM runs already. */
  start(vm: VirtualMachineRecord): void;
  /** Asks the guest to power off, and pulls the plug when it does not; returns when nothing of it runs any more. */
  stop(vmId: string): Promise<void>;
  stopAll(): Promise<void>;
  /** Makes these the data disks of a VM that runs; returns when the files of the others are closed. */
  changeDisks(vmId: string, disks: readonly LunLink[]): Promise<void>;
}

/** VMs "run", and nothing runs in them. */
export const NO_HYPERVISOR: Hypervisor = {
  reap: () => Promise.resolve(),
  start: () => undefined,
  stop: () => Promise.resolve(),
  stopAll: () => Promise.resolve(),
  changeDisks: () => Promise.resolve(),
};
