import { attachedSince, vmAnewOf } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import { diskIdOf } from '../steps/restored-disks.js';
import { settleRemoval } from './removal.js';
import { instanceOf, modelOf, recordOf, replacedBy, type CutOverPorts } from './ports.js';

/**
 * Step 10 at the original location: the machine is made anew in the words in which it was saved, with its name, its network
 * interfaces and addresses, around the restored disks and those that were kept, all in one call.
 */
export function recreateVm(ports: CutOverPorts): StepHandler<'create-vm'> {
  const { cloud, books, applianceId } = ports;
  return async (context) => {
    const { restore, plan, epoch, journal, signal } = context;
    await settleRemoval(ports, context);
    const record = await recordOf(ports, restore.id);
    const saved = modelOf(ports, restore.id, record);
    const since = attachedSince(saved, plan, record.snapshots);
    const instanceId = instanceOf(await books.ledger(restore.id), replacedBy(context).azureId);
    const maker = { applianceId, restoreId: restore.id };
    const spec = vmAnewOf(plan, saved, record.snapshots, (name) => diskIdOf(restore, name), instanceId, maker);
    const { vm, notSent } = await cloud.machines.recreate(spec, journal, signal);
    await books.transaction(async (tx) => {
      await tx.requireCurrent({ restoreId: restore.id, work: 'create-vm', epoch });
      await tx.patchRestore(restore.id, { vmAzureId: vm.azureId });
    });
    if (!plan.options.powerOn) await cloud.machines.deallocate(vm.azureId, journal, signal);
    const output = { vmAzureId: vm.azureId, notSent: [...notSent, ...since.leftOut], attachedSince: [...since.disks] };
    return { kind: 'done', output };
  };
}
