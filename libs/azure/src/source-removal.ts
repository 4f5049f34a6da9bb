import { restorePoller, type VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface } from '@azure/arm-network';
import { PermanentError, RetryableError, type CloudVm, type RemovedVm } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { sameId } from './ids.js';
import { bodyHash } from './ownership.js';
import type { Change } from './perform.js';
import { isBusy, vmPath } from './virtual-machines.js';
import { partsThatGoAlong } from './vm-parts.js';
import { toVm } from './models.js';

/*
 * Removing the VM that a restore replaces. It carries no tags of ours, so it is told by Azure's own number for it, and it has
 * to be just as it was made ready beforehand: deallocated, and no part of it going along.
 */
export function removalOfSource(
  connection: AzureConnection,
  read: {
    vm(id: string): Promise<VirtualMachine | null>;
    nic(id: string): Promise<NetworkInterface | null>;
  },
  { azureId, instanceId, diskIds }: RemovedVm,
  onFound: () => void,
): Change<null> {
  const { compute } = connection;
  const { resourceGroup, name } = vmPath(connection, azureId);
  let wasSeen = false;
  return {
    doing: `delete the VM "${name}" that is replaced`,
    intent: {
      key: `vm.remove-source:${name}`,
      operation: 'virtualMachines.delete',
      azureId,
      bodyHash: bodyHash({ azureId, instanceId }),
      effect: { removes: { kind: 'vm', instanceId } },
    },
    async look() {
      const model = await read.vm(azureId);
      if (model === null) return { state: 'done', value: null };
      if (model.vmId?.toLowerCase() !== instanceId.toLowerCase()) {
        // Somebody was quick to make another one: the one that was seen is gone.
        if (wasSeen) return { state: 'done', value: null };
        throw replaced(azureId);
      }
      wasSeen = true;
      onFound();
      const vm = toVm(model, resourceGroup);
      if (isBusy(vm)) return { state: 'busy' };
      const nics = await Promise.all(vm.nicIds.map((id) => read.nic(id)));
      const others =
        diskIds === undefined ? [] : attachedTo(vm).filter((id) => !diskIds.some((each) => sameId(each, id)));
      if (others.length > 0) throw attachedMeanwhile(azureId, others);
      const goesAlong = partsThatGoAlong(model, nics);
      if (goesAlong.length > 0) throw partsGoAlong(azureId, goesAlong);
      if (vm.powerState !== 'deallocated') throw notStopped(azureId, vm.powerState);
      return { state: 'needed' };
    },
    send: () => compute.virtualMachines.delete(resourceGroup, name),
    resume: (state) => restorePoller(compute, state, compute.virtualMachines.delete),
  };
}

function attachedTo({ osDiskId, dataDisks }: CloudVm): readonly string[] {
  return [...(osDiskId === null ? [] : [osDiskId]), ...dataDisks.map(({ diskId }) => diskId)];
}

function attachedMeanwhile(azureId: string, diskIds: readonly string[]): RetryableError {
  return new RetryableError({
    code: 'SOURCE_CHANGED',
    message: `${azureId} is not deleted yet, because somebody has attached to it: ${diskIds.join(', ')}.`,
    fix: 'Nothing has to be done: a snapshot is taken of that, too, and it is attached again.',
  });
}

function replaced(azureId: string): PermanentError {
  return new PermanentError({
    code: 'SOURCE_REPLACED',
    message: `${azureId} is another VM by now than the one that was to be replaced, so Landfall leaves it alone.`,
    fix: 'Find out who made it in the activity log; plan the restore again if it is to be replaced.',
  });
}

function partsGoAlong(azureId: string, parts: readonly string[]): PermanentError {
  return new PermanentError({
    code: 'SOURCE_PARTS_GO_ALONG',
    message: `${azureId} is not deleted, because Azure would delete with it: ${parts.join(', ')}.`,
    fix: 'Set their delete options to Detach (az vm update), then resume.',
  });
}

function notStopped(azureId: string, powerState: string | null): PermanentError {
  return new PermanentError({
    code: 'SOURCE_NOT_STOPPED',
    message: `${azureId} is not deleted, because it is ${powerState ?? 'in an unknown state'} and not deallocated.`,
    fix: 'Find out who started it in the activity log; deallocate it, then resume.',
  });
}
