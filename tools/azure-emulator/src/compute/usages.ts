import { AzureError } from '../arm/errors.js';
import { list, parameter, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireRegion } from '../groups/regions.js';
import { VIRTUAL_MACHINE } from '../state/records.js';
import { VM_SIZES, vmSize, type VmSizeEntry } from './size-catalogue.js';

/*
 * Quotas on cores, per region: one for each family of sizes and one for all together. Deallocated machines count, as
 * they do in Azure.
 */
const CORES_PER_FAMILY = 100;
const CORES_PER_REGION = 350;
const MACHINES_PER_REGION = 25_000;

/** What quotas are told from. */
type Quotas = Pick<Azure, 'settings' | 'state'>;

export const USAGE_ROUTES: readonly Route[] = [
  {
    operation: 'Usage_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/Microsoft.Compute/locations/{location}/usages',
    handle: (call, azure) => {
      const region = requireRegion(parameter(call, 'location'), 'locations/usages').name;
      const families = [...new Set(VM_SIZES.map(({ family }) => family))];
      return list([
        usage('virtualMachines', 'Virtual Machines', machineCount(region, azure), MACHINES_PER_REGION),
        usage('cores', 'Total Regional vCPUs', coresInUse(region, null, azure), limitOf('cores', region, azure)),
        ...families.map((family) =>
          usage(family, displayName(family), coresInUse(region, family, azure), limitOf(family, region, azure)),
        ),
      ]);
    },
  },
];

function usage(value: string, localizedValue: string, currentValue: number, limit: number): unknown {
  return { unit: 'Count', currentValue, limit, name: { value, localizedValue } };
}

/**
 * @param replaced the size that the same machine has now, when it is resized
 * @throws AzureError 409 OperationNotAllowed, details QuotaExceeded, when the size's cores don't fit any more
 */
export function requireQuota(size: VmSizeEntry, region: string, azure: Quotas, replaced?: VmSizeEntry): void {
  for (const family of [size.family, null]) {
    const name = family ?? 'cores';
    const limit = limitOf(name, region, azure);
    const freed = replaced !== undefined && (family === null || replaced.family === family) ? replaced.vCpus : 0;
    const used = coresInUse(region, family, azure) - freed;
    if (used + size.vCpus <= limit) continue;
    throw quotaExceeded(size, family, region, { limit, used });
  }
}

export function quotaExceeded(
  size: VmSizeEntry,
  family: string | null,
  region: string,
  { limit, used }: { readonly limit: number; readonly used: number },
): AzureError {
  const message =
    `Operation could not be completed as it results in exceeding approved ${family ?? 'Total Regional'} Cores quota. ` +
    `Additional details - Deployment Model: Resource Manager, Location: ${region}, Current Limit: ${limit}, ` +
    `Current Usage: ${used}, Additional Required: ${size.vCpus}, (Minimum) New Limit Required: ${used + size.vCpus}.`;
  return new AzureError(409, 'OperationNotAllowed', message, { details: [{ code: 'QuotaExceeded', message }] });
}

export function limitOf(name: string, region: string, azure: Quotas): number {
  const { coreLimits } = azure.settings.values;
  return (
    coreLimits[`${name}@${region}`] ?? coreLimits[name] ?? (name === 'cores' ? CORES_PER_REGION : CORES_PER_FAMILY)
  );
}

function coresInUse(region: string, family: string | null, azure: Quotas): number {
  let cores = 0;
  for (const vm of azure.state.ofType(VIRTUAL_MACHINE)) {
    const size = vmSize(vm.properties.hardwareProfile?.vmSize ?? '');
    if (vm.location === region && size !== undefined && (family === null || size.family === family))
      cores += size.vCpus;
  }
  return cores;
}

function machineCount(region: string, azure: Quotas): number {
  return azure.state.ofType(VIRTUAL_MACHINE).filter((vm) => vm.location === region).length;
}

/** `standardFSv2Family` is shown as `Standard FSv2 Family vCPUs`. */
function displayName(family: string): string {
  return `Standard ${family.replace('standard', '').replace('Family', '')} Family vCPUs`;
}
