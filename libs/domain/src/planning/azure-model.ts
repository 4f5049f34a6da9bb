import type { RestorePoint } from '../machine.js';
import type { DiskController } from '../ports/cloud/reader.js';
import { at, oneOf, textAt } from './foreign-json.js';

/*
 * What the manifest says of the Azure VM that was backed up. It is untrusted: what is not exactly as Azure would write it is
 * passed over.
 */
export interface AzureModel {
  readonly size: string | null;
  readonly diskController: DiskController | null;
  readonly securityType: SecurityType | null;
}

/** Other than the standard one. */
export type SecurityType = 'TrustedLaunch' | 'ConfidentialVM';

export const DISK_CONTROLLERS: readonly DiskController[] = ['SCSI', 'NVMe'];
export const SECURITY_TYPES: readonly SecurityType[] = ['TrustedLaunch', 'ConfidentialVM'];

export function azureModel({ azure }: RestorePoint): AzureModel {
  const vm = azure?.['vm'];
  const properties = at(vm, 'properties') ?? vm;
  const size = textAt(properties, 'hardwareProfile', 'vmSize');
  return {
    size: size !== null && /^[A-Za-z0-9_-]{1,64}$/.test(size) ? size : null,
    diskController: oneOf(DISK_CONTROLLERS, at(properties, 'storageProfile', 'diskControllerType')),
    securityType: oneOf(SECURITY_TYPES, at(properties, 'securityProfile', 'securityType')),
  };
}
