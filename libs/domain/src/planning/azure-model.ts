import type { RestorePoint } from '../machine.js';
import type { DiskController } from '../ports/cloud/reader.js';

/*
 * What the manifest says of the Azure VM that was backed up. It is untrusted: what is not exactly as Azure would write it is
 * passed over.
 */
export interface AzureModel {
  readonly size: string | null;
  readonly diskController: DiskController | null;
  readonly securityType: 'TrustedLaunch' | 'ConfidentialVM' | null;
}

export function azureModel({ azure }: RestorePoint): AzureModel {
  const vm = azure?.['vm'];
  const properties = at(vm, 'properties') ?? vm;
  const size = at(at(properties, 'hardwareProfile'), 'vmSize');
  return {
    size: typeof size === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(size) ? size : null,
    diskController: oneOf(['SCSI', 'NVMe'], at(at(properties, 'storageProfile'), 'diskControllerType')),
    securityType: oneOf(['TrustedLaunch', 'ConfidentialVM'], at(at(properties, 'securityProfile'), 'securityType')),
  };
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T | null {
  return known.find((each) => each === value) ?? null;
}

function at(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}
