import { conflict, invalidParameter } from '../arm/errors.js';
import { list, parameter, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireRegion } from '../groups/regions.js';
import { VM_SIZES, vmSize, type VmSizeEntry } from './size-catalogue.js';

/*
 * Where a size can be had: everywhere but where it is restricted, by the catalogue or by a setting (`sizeRestrictions`).
 * The list of SKUs shows restrictions, and a request is refused with them; a lack of capacity is another matter, see
 * the fault `allocation-failed`.
 */
export interface Restriction {
  /** The whole region is closed. */
  readonly isRegional: boolean;
  readonly zones: readonly string[];
}

export const SIZE_ROUTES: readonly Route[] = [
  {
    operation: 'VirtualMachineSizes_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/Microsoft.Compute/locations/{location}/vmSizes',
    handle: (call, azure) => {
      const region = requireRegion(parameter(call, 'location'), 'locations/vmSizes').name;
      return sizeList(VM_SIZES.filter((size) => isOffered(size, region, [], azure)));
    },
  },
];

export function sizeList(sizes: readonly VmSizeEntry[]) {
  return list(
    sizes.map((size) => ({
      name: size.name,
      numberOfCores: size.vCpus,
      osDiskSizeInMB: 1_047_552,
      resourceDiskSizeInMB: 0,
      memoryInMB: size.memoryGb * 1024,
      maxDataDiskCount: size.maxDataDisks,
    })),
  );
}

export function restrictionOf(size: VmSizeEntry, region: string, azure: Azure): Restriction {
  const set = azure.settings.values.sizeRestrictions.filter(
    (restriction) => restriction.size.toLowerCase() === size.name.toLowerCase() && restriction.region === region,
  );
  return {
    isRegional: size.restrictedRegions.includes(region) || set.some(({ zones }) => zones === undefined),
    zones: [...new Set([...(size.restrictedZones[region] ?? []), ...set.flatMap(({ zones }) => zones ?? [])])].sort(),
  };
}

export function isOffered(size: VmSizeEntry, location: string, zones: readonly string[], azure: Azure): boolean {
  const restriction = restrictionOf(size, location, azure);
  return !restriction.isRegional && !zones.some((zone) => restriction.zones.includes(zone));
}

/** @throws AzureError 400 for a size that doesn't exist, 409 SkuNotAvailable for one that can't be had there */
export function requireSize(
  name: string | undefined,
  location: string,
  zones: readonly string[],
  azure: Azure,
): VmSizeEntry {
  const target = 'hardwareProfile.vmSize';
  if (name === undefined) throw invalidParameter(target, `Required parameter '${target}' is missing (null).`);
  const size = vmSize(name);
  if (size === undefined) {
    throw invalidParameter(
      target,
      `The value ${name} provided for the VM size is not valid. The valid sizes in the current region are: ` +
        `${VM_SIZES.map((known) => known.name).join(',')}.`,
    );
  }
  if (isOffered(size, location, zones, azure)) return size;
  throw conflict(
    'SkuNotAvailable',
    `The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: ${size.name}' is currently ` +
      `not available in location '${location}'${zones.length === 0 ? '' : ` zones '${zones.join(',')}'`}. ` +
      'Please try another size or deploy to a different location or different zone.',
  );
}
