import type { Azure } from '../azure.js';
import { DISK, type VirtualMachineRecord } from '../state/records.js';
import type { LunLink } from '../workers/machine-folder.js';

/** The files of a VM's data disks, by LUN. */
export function lunLinks(vm: VirtualMachineRecord, azure: Azure): readonly LunLink[] {
  return vm.properties.storageProfile.dataDisks.flatMap(({ lun, managedDisk }) => {
    const disk = azure.state.find(DISK, managedDisk?.id ?? '');
    return disk === undefined ? [] : [{ lun, path: azure.files.path(disk.uniqueId) }];
  });
}
