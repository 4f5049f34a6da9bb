import { conflict } from '../arm/errors.js';
import type { VirtualMachineRecord } from '../state/records.js';

/* What must be true before something can be done inside a VM, by its agent. */

/** @throws AzureError 409 for a VM that doesn't run */
export function requireRunning(vm: VirtualMachineRecord, message: string): void {
  if (vm.power !== 'running') throw conflict('OperationNotAllowed', message);
}

/** @throws AzureError 409 where the VM's profile says that its agent takes no orders */
export function requireAgent(vm: VirtualMachineRecord): void {
  if (vm.properties.osProfile?.allowExtensionOperations !== false) return;
  throw conflict(
    'OperationNotAllowed',
    'This operation cannot be performed when extension operations are disallowed. To allow, please ensure VM Agent is ' +
      'installed on the VM and the osProfile.allowExtensionOperations property is true.',
  );
}
