import { restorePoller } from '@azure/arm-compute';
import { carriesTags, PermanentError, type CloudVm, type RecreateSpec } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { sameId } from './ids.js';
import { bodyHash, changed } from './ownership.js';
import type { Change } from './perform.js';
import { handedOver } from './polling.js';
import { isBusy, vmPath } from './virtual-machines.js';

/*
 * Making a VM anew under the ID of one that is gone, with the words that it was saved in: their version of the API goes with
 * them, so the request goes past the client, which knows its own version alone.
 */

/** @param body that is sent */
export function recreation(
  connection: AzureConnection,
  read: (id: string) => Promise<CloudVm | null>,
  spec: RecreateSpec,
  body: Readonly<Record<string, unknown>>,
): Change<CloudVm> {
  const { azureId, apiVersion } = spec.saved.vm;
  const { name } = vmPath(connection, azureId);
  let isThere = false;
  return {
    doing: `make the VM "${name}" anew`,
    intent: {
      key: `vm.recreate:${azureId.toLowerCase()}`,
      operation: 'virtualMachines.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'vm', role: spec.role, purpose: spec.purpose } },
    },
    instanceOf: (vm) => vm.instanceId,
    async look() {
      const vm = await read(azureId);
      isThere = vm !== null;
      if (vm === null) return { state: 'needed' };
      if (!isMadeByUs(vm, spec)) {
        // The one that it replaces: its name is free once it is gone.
        if (vm.provisioningState === 'Deleting') return { state: 'busy' };
        throw nameTaken(azureId, vm.instanceId);
      }
      if (vm.osDiskId === null || !sameId(vm.osDiskId, spec.osDiskId))
        throw changed(vm, `its OS disk is ${vm.osDiskId ?? 'missing'} and not ${spec.osDiskId}`);
      if (isBusy(vm)) return { state: 'busy' };
      return vm.provisioningState === 'Succeeded' ? { state: 'done', value: vm } : { state: 'needed' };
    },
    send: () =>
      handedOver(
        // One that somebody makes after the look is not overwritten.
        () => connection.put(azureId, apiVersion, body, isThere ? {} : { 'if-none-match': '*' }),
        (state) => restorePoller(connection.compute, state, connection.compute.virtualMachines.createOrUpdate),
      ),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.virtualMachines.createOrUpdate),
  };
}

function isMadeByUs({ tags, instanceId }: CloudVm, spec: RecreateSpec): boolean {
  return carriesTags(tags, spec.tags) || (spec.instanceId !== null && sameId(instanceId, spec.instanceId));
}

function nameTaken(azureId: string, instanceId: string): PermanentError {
  return new PermanentError({
    code: 'NAME_TAKEN',
    message: `${azureId} is not made anew, because there is a VM of that name that Landfall has not made (vmId ${instanceId}).`,
    fix: 'Find out who made it in the activity log; remove or rename it, then resume.',
  });
}
