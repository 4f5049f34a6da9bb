import { isolatedNetworkOf, nicOf, vmOf, type Cloud, type RestoreBooks } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import { endingAccess, type EndAccess } from './disk-access.js';
import { diskIdOf } from './restored-disks.js';

/*
 * Step 10: the machine, from its restored disks.
 *
 * Azure always starts a VM that it makes, so one call names all its disks: a machine that starts without its data disks may stop
 * in an emergency shell, or begin to repair what is not broken. One that must not run is stopped again at once.
 *
 * One that is to be isolated gets a network of its own, which belongs to it from then on, as its disks do.
 */
export interface VmPorts {
  readonly cloud: Pick<Cloud, 'network' | 'machines'>;
  readonly books: Pick<RestoreBooks, 'transaction'>;
  readonly applianceId: string;
  readonly endAccess: EndAccess;
}

export function createVm({ cloud, books, applianceId, endAccess }: VmPorts): StepHandler<'create-vm'> {
  return async (context) => {
    const { restore, plan, epoch, journal, signal } = context;
    const maker = { applianceId, restoreId: restore.id };
    const isolated = isolatedNetworkOf(plan, maker);
    const subnet = isolated && (await cloud.network.ensureIsolated(isolated, journal, signal));
    const nic = await cloud.network.ensureNic(nicOf(plan, subnet?.azureId ?? null, maker), journal, signal);
    const spec = vmOf(plan, nic.azureId, (name) => diskIdOf(restore, name), maker);
    const vm = await endingAccess(endAccess, context, () => cloud.machines.ensure(spec, journal, signal));
    await books.transaction(async (tx) => {
      await tx.requireCurrent({ restoreId: restore.id, work: 'create-vm', epoch });
      await tx.patchRestore(restore.id, { vmAzureId: vm.azureId });
    });
    if (!plan.options.powerOn) await cloud.machines.deallocate(vm.azureId, journal, signal);
    return { kind: 'done', output: { vmAzureId: vm.azureId } };
  };
}
