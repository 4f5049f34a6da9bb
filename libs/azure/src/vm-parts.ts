import { restorePoller, type DataDisk, type VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface } from '@azure/arm-network';
import { OWNER_TAGS, tagOf } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { bodyHash, type Tagged } from './ownership.js';
import type { Change } from './perform.js';
import { vmPath } from './virtual-machines.js';

/*
 * Deleting a VM takes along each disk and network interface whose delete option says so; the parts of a restored VM must
 * survive it, so the options are set to Detach and read back before.
 */

/** Makes the parts of a restored VM outlive it. */
export function keepParts(
  connection: AzureConnection,
  vmId: string,
  readModel: () => Promise<VirtualMachine | null>,
): Change<null> {
  const { resourceGroup, name } = vmPath(connection, vmId);
  let model: VirtualMachine | null = null;
  return {
    doing: `set the disks and network interfaces of the VM "${name}" to outlive it`,
    intent: {
      key: `vm.keep-parts:${name}`,
      operation: 'virtualMachines.update',
      azureId: vmId,
      bodyHash: bodyHash(vmId),
      effect: { changes: 'ours' },
    },
    async look() {
      model = await readModel();
      return model === null || !partsGoAlong(model) ? { state: 'done', value: null } : { state: 'needed' };
    },
    send: () =>
      connection.compute.virtualMachines.update(
        resourceGroup,
        name,
        model === null ? {} : withDeleteOptions(model, () => 'Detach'),
      ),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.virtualMachines.update),
  };
}

/** A worker's own OS disk is meant to go with it; of a restored VM nothing is. */
export function isWorker(vm: Tagged): boolean {
  return tagOf(vm.tags, OWNER_TAGS.role) === 'worker';
}

function partsGoAlong(model: VirtualMachine): boolean {
  return partsOf(model).some(({ deleteOption }) => deleteOption === 'Delete');
}

/**
 * What Azure may delete together with the VM, by name: every part that is not set to Detach, and the public addresses whose
 * network interface says so. A part of which nothing is said counts, too.
 */
export function partsThatGoAlong(model: VirtualMachine, nics: readonly (NetworkInterface | null)[]): string[] {
  const parts = partsOf(model).filter(({ deleteOption }) => deleteOption !== 'Detach');
  const addresses = addressesOf(nics.flatMap((nic) => nic ?? [])).filter(
    ({ deleteOption }) => deleteOption === 'Delete',
  );
  return [...parts, ...addresses].map(({ id }) => id ?? 'a part without an ID');
}

/** Everything that Azure can delete along with a VM, and whether it would. */
export function partsOf({ storageProfile, networkProfile }: VirtualMachine) {
  const disks = [storageProfile?.osDisk, ...(storageProfile?.dataDisks ?? [])];
  return [
    ...disks.flatMap((disk) => (disk === undefined ? [] : [{ id: disk.managedDisk?.id, ...optionOf(disk) }])),
    ...(networkProfile?.networkInterfaces ?? []).map((nic) => ({ id: nic.id, ...optionOf(nic) })),
  ];
}

/** The public addresses of network interfaces, and what these say of them. */
export function addressesOf(nics: readonly NetworkInterface[]) {
  return nics
    .flatMap(({ ipConfigurations = [] }) => ipConfigurations)
    .flatMap(({ publicIPAddress: address }) =>
      address === undefined ? [] : [{ id: address.id, ...optionOf(address) }],
    );
}

function optionOf({ deleteOption }: { deleteOption?: string | undefined }) {
  return { deleteOption };
}

/** The lists of parts are sent whole. @param optionFor a part's; null: as it is */
export function withDeleteOptions(
  model: VirtualMachine,
  optionFor: (id: string | undefined) => string | null,
): VirtualMachine {
  const withOption = <T extends { deleteOption?: string }>(part: T, id: string | undefined): T => {
    const option = optionFor(id);
    return option === null ? part : { ...part, deleteOption: option };
  };
  const osDisk = model.storageProfile?.osDisk;
  return {
    location: model.location,
    storageProfile: {
      ...(osDisk === undefined ? {} : { osDisk: withOption(osDisk, osDisk.managedDisk?.id) }),
      dataDisks: (model.storageProfile?.dataDisks ?? []).map((disk) =>
        withOption(withoutPerformance(disk), disk.managedDisk?.id),
      ),
    },
    networkProfile: {
      networkInterfaces: (model.networkProfile?.networkInterfaces ?? []).map((nic) => withOption(nic, nic.id)),
    },
  };
}

/** Shown by Azure, and refused when they are sent back (Azure/SAP-on-Azure-Scripts-and-Utilities#144): they are the disk's own. */
function withoutPerformance({ diskIopsReadWrite, diskMBpsReadWrite, ...disk }: DataDisk): DataDisk {
  void [diskIopsReadWrite, diskMBpsReadWrite];
  return disk;
}
