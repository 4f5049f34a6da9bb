import {
  isolatedNetworkName,
  networkInterfaceName,
  ownerTags,
  type Cloud,
  type LockedRestore,
  type RestoreBooks,
  type RestorePlan,
  type ResourceRole,
} from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import { endingAccess, type EndAccess } from './disk-access.js';
import { dataDisksOf, diskIdOf, incomplete, osDiskOf } from './restored-disks.js';

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
    const { vmName, size, privateIp, resourceGroup, region, zone } = machineOf(restore, plan);
    const { isolated } = plan.options;
    const located = (name: string, role: ResourceRole) => ({
      ...{ resourceGroup, region, zone, name, role, purpose: 'result' as const },
      tags: ownerTags(applianceId, restore.id, role),
    });
    const network = located(isolatedNetworkName(vmName, restore.id), 'isolated-network');
    const subnetId = isolated
      ? (await cloud.network.ensureIsolated(network, journal, signal)).azureId
      : requireSubnet(restore, plan);
    const nic = await cloud.network.ensureNic(
      { ...located(networkInterfaceName(vmName, restore.id), 'nic'), subnetId, privateIp },
      journal,
      signal,
    );
    const osDisk = osDiskOf(restore, plan);
    const spec = {
      ...located(vmName, 'vm'),
      size,
      ...(plan.destination.diskController === undefined ? {} : { diskController: plan.destination.diskController }),
      nicId: nic.azureId,
      osDisk: {
        diskId: diskIdOf(restore, osDisk.name),
        family: plan.restorePoint.os?.family ?? ('linux' as const),
        caching: osDisk.caching,
      },
      dataDisks: dataDisksOf(restore, plan),
    };
    const vm = await endingAccess(endAccess, context, () => cloud.machines.ensure(spec, journal, signal));
    await books.transaction(async (tx) => {
      await tx.requireCurrent({ restoreId: restore.id, work: 'create-vm', epoch });
      await tx.patchRestore(restore.id, { vmAzureId: vm.azureId });
    });
    if (!plan.options.powerOn) await cloud.machines.deallocate(vm.azureId, journal, signal);
    return { kind: 'done', output: { vmAzureId: vm.azureId } };
  };
}

function machineOf(restore: LockedRestore, { destination }: RestorePlan) {
  const { vmName, size } = destination;
  if (vmName === null || size === null) throw incomplete(restore, 'name and size of the VM');
  return { ...destination, vmName, size };
}

function requireSubnet(restore: LockedRestore, { destination: { subnetId } }: RestorePlan): string {
  if (subnetId === null) throw incomplete(restore, 'the subnet of the VM');
  return subnetId;
}
