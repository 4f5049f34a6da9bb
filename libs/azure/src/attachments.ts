import { restorePoller } from '@azure/arm-compute';
import { PermanentError, type CloudVm, type DiskAttachment } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { sameId } from './ids.js';
import { bodyHash } from './ownership.js';
import type { Change } from './perform.js';
import { isBusy, vmMissing, vmPath } from './virtual-machines.js';

/*
 * Attaching and detaching data disks. The action `attachDetachDataDisks` names just the disks that change, whereas an
 * update of the VM sends the whole list, and two of them at once lose one another's disks.
 */
type ReadVm = (id: string) => Promise<CloudVm | null>;

export function attach(
  connection: AzureConnection,
  read: ReadVm,
  vmId: string,
  disks: readonly DiskAttachment[],
): Change<null> {
  const { resourceGroup, name } = vmPath(connection, vmId);
  let missing: readonly DiskAttachment[] = disks;
  return {
    doing: `attach ${disks.length} disk(s) to the VM "${name}"`,
    intent: {
      key: `vm.attach:${name}`,
      operation: 'virtualMachines.attachDetachDataDisks',
      azureId: vmId,
      bodyHash: bodyHash(disks),
      effect: { changes: 'ours' },
    },
    async look() {
      const vm = await read(vmId);
      if (vm === null) throw vmMissing(vmId);
      missing = disks.filter((disk) => !isAttached(vm, disk));
      if (missing.length === 0 && !isBusy(vm)) return { state: 'done', value: null };
      return isBusy(vm) ? { state: 'busy' } : { state: 'needed' };
    },
    send: () =>
      connection.compute.virtualMachines.attachDetachDataDisks(resourceGroup, name, {
        dataDisksToAttach: missing.map((disk) => ({ ...disk, deleteOption: 'Detach' })),
      }),
    resume: (state) =>
      restorePoller(connection.compute, state, connection.compute.virtualMachines.attachDetachDataDisks),
  };
}

export function detach(
  connection: AzureConnection,
  read: ReadVm,
  vmId: string,
  diskIds: readonly string[],
): Change<null> {
  const { resourceGroup, name } = vmPath(connection, vmId);
  let attached: readonly string[] = diskIds;
  return {
    doing: `detach ${diskIds.length} disk(s) from the VM "${name}"`,
    intent: {
      key: `vm.detach:${name}`,
      operation: 'virtualMachines.attachDetachDataDisks',
      azureId: vmId,
      bodyHash: bodyHash(diskIds),
      effect: { changes: 'ours' },
    },
    async look() {
      const vm = await read(vmId);
      if (vm === null) return { state: 'done', value: null };
      attached = diskIds.filter((id) => vm.dataDisks.some((disk) => sameId(disk.diskId, id)));
      if (isBusy(vm)) return { state: 'busy' };
      return attached.length === 0 ? { state: 'done', value: null } : { state: 'needed' };
    },
    send: () =>
      connection.compute.virtualMachines.attachDetachDataDisks(resourceGroup, name, {
        dataDisksToDetach: attached.map((diskId) => ({ diskId })),
      }),
    resume: (state) =>
      restorePoller(connection.compute, state, connection.compute.virtualMachines.attachDetachDataDisks),
  };
}

/** @throws PermanentError `LUN_TAKEN` when something else is in its place, or it is in another's */
function isAttached(vm: CloudVm, wanted: DiskAttachment): boolean {
  const at = vm.dataDisks.find((disk) => disk.lun === wanted.lun || sameId(disk.diskId, wanted.diskId));
  if (at === undefined) return false;
  if (at.lun === wanted.lun && sameId(at.diskId, wanted.diskId)) return true;
  throw new PermanentError({
    code: 'LUN_TAKEN',
    message: `The VM "${vm.name}" has ${at.diskId} at LUN ${at.lun}, so ${wanted.diskId} can't be attached at LUN ${wanted.lun}.`,
    fix: 'Find out who attached it in the activity log, detach it, then resume.',
  });
}
