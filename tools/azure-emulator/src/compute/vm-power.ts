import { conflict } from '../arm/errors.js';
import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { publicAddressesAfter } from '../network/public-addresses.js';
import type { OperationKind } from '../operations/kind.js';
import {
  DISK,
  VIRTUAL_MACHINE,
  type OperationRecord,
  type PowerState,
  type VirtualMachineRecord,
} from '../state/records.js';
import { put, type Change } from '../state/state.js';
import { hasActiveSas } from './disk-rules.js';
import { lunLinks } from './vm-links.js';
import { requireSize } from './size-availability.js';
import { underAccess } from './vm-rules.js';

/*
 * start, restart, powerOff and deallocate. Whatever runs inside the VM is gone before an operation that stops the VM
 * succeeds, and begins only when an operation that starts it does.
 */
export type PowerAction = 'start' | 'restart' | 'powerOff' | 'deallocate';

const ACTIONS = {
  start: { during: 'starting', after: 'running', stops: false },
  restart: { during: 'starting', after: 'running', stops: true },
  powerOff: { during: 'stopping', after: 'stopped', stops: true },
  deallocate: { during: 'deallocating', after: 'deallocated', stops: true },
} as const satisfies Record<PowerAction, { during: PowerState; after: PowerState; stops: boolean }>;

interface PowerInput {
  /** What the VM goes back to when the operation fails. */
  readonly before: PowerState;
}

export const POWER_KINDS: Readonly<Record<PowerAction, OperationKind<PowerInput>>> = {
  start: powerKind('start'),
  restart: powerKind('restart'),
  powerOff: powerKind('powerOff'),
  deallocate: powerKind('deallocate'),
};

function powerKind(action: PowerAction): OperationKind<PowerInput> {
  const { after, stops } = ACTIONS[action];
  return {
    name: `virtualMachines.${action}`,
    run: async (_, operation, azure) => {
      if (stops) await azure.workers.stop(operation.resourceId);
      const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
      if (vm === undefined) return { changes: [] };
      const settled = withPower(vm, after, azure);
      if (after === 'running') {
        azure.workers.linkDisks(settled, lunLinks(settled, azure));
        azure.workers.start(settled);
      }
      return { changes: [put(settled), ...diskStates(settled, azure), ...publicAddressesAfter(settled, azure)] };
    },
    abandon: ({ before }, operation, azure) => {
      const vm = azure.state.find(VIRTUAL_MACHINE, operation.resourceId);
      return vm === undefined ? [] : [put({ ...withPower(vm, before, azure), provisioningState: 'Failed' })];
    },
  };
}

/** @throws AzureError 409 when the VM can't do this now */
export function beginPowerAction(vm: VirtualMachineRecord, action: PowerAction, azure: Azure): OperationRecord {
  const { during, after } = ACTIONS[action];
  if (action === 'restart' && vm.power !== 'running') {
    throw conflict('OperationNotAllowed', 'The operation requires the VM to be running (or set to run).');
  }
  if (action === 'start' && vm.power !== 'running') {
    requireSize(vm.properties.hardwareProfile?.vmSize, vm.location, vm.zones, azure);
    for (const disk of disksOf(vm, azure)) if (hasActiveSas(disk)) throw underAccess(disk);
  }
  const next: VirtualMachineRecord = {
    ...vm,
    provisioningState: 'Updating',
    power: vm.power === after && action !== 'restart' ? vm.power : during,
    powerChangedAt: azure.now().toISOString(),
  };
  return azure.operations.begin(POWER_KINDS[action], {
    resourceId: vm.id,
    location: vm.location,
    input: { before: vm.power },
    changes: [put(next)],
  });
}

function withPower(vm: VirtualMachineRecord, power: PowerState, azure: Azure): VirtualMachineRecord {
  return { ...vm, power, provisioningState: 'Succeeded', powerChangedAt: azure.now().toISOString() };
}

/** Whose VM is allocated or deallocated is as new to its host as one that is attached. */
function diskStates(vm: VirtualMachineRecord, azure: Azure): readonly Change[] {
  const diskState = vm.power === 'deallocated' ? 'Reserved' : 'Attached';
  const ownershipChangedAt = azure.now().toISOString();
  return disksOf(vm, azure)
    .filter((disk) => disk.diskState !== diskState && !hasActiveSas(disk))
    .map((disk) => put({ ...disk, diskState, ownershipChangedAt }));
}

function disksOf(vm: VirtualMachineRecord, azure: Azure) {
  const { osDisk, dataDisks } = vm.properties.storageProfile;
  return [osDisk, ...dataDisks].flatMap(({ managedDisk }) => {
    const disk = azure.state.find(DISK, managedDisk?.id ?? '');
    return disk !== undefined && sameId(disk.managedBy, vm.id) ? [disk] : [];
  });
}
