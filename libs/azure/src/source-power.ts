import { restorePoller } from '@azure/arm-compute';
import { POWER_CHANGE, type SourceVm } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { bodyHash } from './ownership.js';
import type { Change } from './perform.js';
import { isSource, sourceReplaced } from './source-identity.js';
import { power, vmPath, type ReadVm } from './virtual-machines.js';

/*
 * Turning a VM off and on again that is not ours: it carries no tags of ours and is told by Azure's own number for it. That it is
 * off is a change which stays open in the ledger until it is on again.
 */

export function stopOfSource(connection: AzureConnection, read: ReadVm, source: SourceVm): Change<null> {
  const { azureId } = source;
  const { resourceGroup, name } = vmPath(connection, azureId);
  const { virtualMachines } = connection.compute;
  return {
    doing: `deallocate the VM "${name}"`,
    intent: {
      key: `vm.stop-source:${name}`,
      operation: 'virtualMachines.deallocate',
      azureId,
      bodyHash: bodyHash(source),
      effect: { changes: { what: POWER_CHANGE, was: 'running' } },
    },
    async look() {
      const vm = await read(azureId);
      if (vm === null) return { state: 'done', value: null };
      if (!isSource(vm, source)) throw sourceReplaced(azureId);
      return power(vm, 'deallocated');
    },
    send: () => virtualMachines.deallocate(resourceGroup, name),
    resume: (state) => restorePoller(connection.compute, state, virtualMachines.deallocate),
  };
}

/** Its value says whether the VM runs. */
export function startOfSource(connection: AzureConnection, read: ReadVm, source: SourceVm): Change<boolean> {
  const { azureId } = source;
  const { resourceGroup, name } = vmPath(connection, azureId);
  const { virtualMachines } = connection.compute;
  return {
    doing: `start the VM "${name}" again`,
    intent: {
      key: `vm.start-source:${name}`,
      operation: 'virtualMachines.start',
      azureId,
      bodyHash: bodyHash(source),
      effect: { changes: { undoes: POWER_CHANGE } },
    },
    async look() {
      const vm = await read(azureId);
      if (vm === null || !isSource(vm, source)) return { state: 'done', value: false };
      const found = power(vm, 'running');
      return found.state === 'done' ? { state: 'done', value: true } : found;
    },
    send: () => virtualMachines.start(resourceGroup, name),
    resume: (state) => restorePoller(connection.compute, state, virtualMachines.start),
  };
}
