import type { Azure } from '../azure.js';
import { DISK, type VirtualMachineRecord } from '../state/records.js';
import type { LunLink } from '../workers/machine-folder.js';
import type { DataDisk } from './vm-schema.js';

/** The files of a VM's data disks, by LUN. */
export function lunLinks(vm: VirtualMachineRecord, azure: Azure): readonly LunLink[] {
  return diskLinks(vm.properties.storageProfile.dataDisks, azure);
}

export function diskLinks(dataDisks: readonly DataDisk[], azure: Azure): readonly LunLink[] {
  return dataDisks.flatMap(({ lun, managedDisk }) => {
    const disk = azure.state.find(DISK, managedDisk?.id ?? '');
    return disk === undefined ? [] : [{ lun, path: azure.files.path(disk.uniqueId) }];
  });
}
