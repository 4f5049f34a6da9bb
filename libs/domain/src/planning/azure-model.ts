import type { RestorePoint } from '../machine.js';
import { resourceGroupNameProblem, vmNameProblem } from '../names.js';
import type { DiskController } from '../ports/cloud/reader.js';
import { isLun } from './disks.js';
import { at, listAt, oneOf, textAt } from './foreign-json.js';

/*
 * What the manifest says of the Azure VM that was backed up. It is untrusted: what is not exactly as Azure would write it is
 * passed over.
 */
export interface AzureModel {
  readonly size: string | null;
  readonly diskController: DiskController | null;
  readonly securityType: SecurityType | null;
  /** The full ID that it had, if it is one; whose subscription it names is for others to judge. */
  readonly vm: VmIdentity | null;
  /** Azure's `vmId`. */
  readonly instanceId: string | null;
  readonly dataDisks: readonly ModelDisk[];
}

export interface VmIdentity {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly name: string;
}

/** A data disk that the VM had; there is one at most for each LUN. */
export interface ModelDisk {
  readonly lun: number;
  readonly azureId: string;
  readonly uniqueId: string | null;
}

/** Other than the standard one. */
export type SecurityType = 'TrustedLaunch' | 'ConfidentialVM';

export const DISK_CONTROLLERS: readonly DiskController[] = ['SCSI', 'NVMe'];
export const SECURITY_TYPES: readonly SecurityType[] = ['TrustedLaunch', 'ConfidentialVM'];

export function azureModel({ azure }: RestorePoint): AzureModel {
  const vm = azure?.['vm'];
  const properties = at(vm, 'properties') ?? vm;
  return {
    size: matching(/^[\w-]{1,64}$/, textAt(properties, 'hardwareProfile', 'vmSize')),
    diskController: oneOf(DISK_CONTROLLERS, at(properties, 'storageProfile', 'diskControllerType')),
    securityType: oneOf(SECURITY_TYPES, at(properties, 'securityProfile', 'securityType')),
    vm: vmIdentity(textAt(azure, 'id')),
    instanceId: matching(/^[\w-]{1,64}$/, textAt(azure, 'vmId')),
    dataDisks: dataDisksOf(properties, listAt(azure, 'disks')),
  };
}

function matching(pattern: RegExp, text: string | null): string | null {
  return text !== null && pattern.test(text) ? text : null;
}

const VM_ID =
  /^\/subscriptions\/([\w-]{1,64})\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/virtualMachines\/([^/]+)$/i;

/** Null where Azure could not be asked for it. */
function vmIdentity(id: string | null): VmIdentity | null {
  const [, subscriptionId = '', resourceGroup = '', name = ''] = VM_ID.exec(id ?? '') ?? [];
  const isSound = resourceGroupNameProblem(resourceGroup) === null && vmNameProblem(name) === null;
  return isSound ? { subscriptionId, resourceGroup, name } : null;
}

function dataDisksOf(properties: unknown, models: readonly unknown[]): readonly ModelDisk[] {
  const numbers = new Map(
    models.map((model) => [textAt(model, 'id')?.toLowerCase(), textAt(model, 'properties', 'uniqueId')]),
  );
  const byLun = new Map<number, ModelDisk>();
  for (const disk of listAt(properties, 'storageProfile', 'dataDisks')) {
    const lun = at(disk, 'lun');
    const azureId = textAt(disk, 'managedDisk', 'id');
    if (!isLun(lun) || azureId === null || byLun.has(lun)) continue;
    byLun.set(lun, { lun, azureId, uniqueId: numbers.get(azureId.toLowerCase()) ?? null });
  }
  return [...byLun.values()];
}
