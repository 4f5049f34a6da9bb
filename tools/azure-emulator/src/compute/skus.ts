import { badRequest } from '../arm/errors.js';
import { list, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { REGIONS, regionName, type Region } from '../groups/regions.js';
import { restrictionOf, type Restriction } from './size-availability.js';
import { VM_SIZES, type VmSizeEntry } from './size-catalogue.js';

/* What can be had where: VM sizes and disk types, with capabilities and restrictions. */
export const SKU_ROUTES: readonly Route[] = [
  {
    operation: 'ResourceSkus_List',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/providers/Microsoft.Compute/skus',
    handle: (call, azure) => list(regionsOf(call.query.get('$filter')).flatMap((region) => skusIn(region, azure))),
  },
];

/** Azure documents one filter: `location eq 'name'`. @throws AzureError 400 */
function regionsOf(filter: string | null): readonly Region[] {
  if (filter === null || filter === '') return REGIONS;
  const location = /^\s*location\s+eq\s+'([^']*)'\s*$/i.exec(filter)?.[1];
  if (location === undefined) {
    throw badRequest('InvalidFilterInQueryString', `Invalid $filter '${filter}': only 'location eq ...' is supported.`);
  }
  return REGIONS.filter((region) => region.name === regionName(location));
}

function skusIn(region: Region, azure: Azure): readonly unknown[] {
  return [...VM_SIZES.map((size) => sizeSku(size, region, azure)), ...DISK_SKUS.map((sku) => diskSku(sku, region))];
}

function sizeSku(size: VmSizeEntry, region: Region, azure: Azure): unknown {
  return {
    resourceType: 'virtualMachines',
    name: size.name,
    tier: 'Standard',
    size: size.name.replace('Standard_', ''),
    family: size.family,
    locations: [region.name],
    locationInfo: [{ location: region.name, zones: region.zones, zoneDetails: [] }],
    capabilities: capabilities({
      vCPUs: size.vCpus,
      vCPUsAvailable: size.vCpus,
      MemoryGB: size.memoryGb,
      MaxDataDiskCount: size.maxDataDisks,
      HyperVGenerations: size.generations.join(','),
      PremiumIO: size.premiumIo ? 'True' : 'False',
      ...(size.tellsControllers ? { DiskControllerTypes: size.controllers.join(',') } : {}),
      CpuArchitectureType: size.architecture,
      ...(size.trustedLaunch ? {} : { TrustedLaunchDisabled: 'True' }),
      EphemeralOSDiskSupported: size.ephemeralOsDisk ? 'True' : 'False',
      VMDeploymentTypes: 'IaaS',
      UncachedDiskIOPS: size.uncachedIops,
      UncachedDiskBytesPerSecond: size.uncachedMbPerSecond * 1_000_000,
      EncryptionAtHostSupported: 'True',
      AcceleratedNetworkingEnabled: size.vCpus > 1 ? 'True' : 'False',
      MaxNetworkInterfaces: Math.min(8, Math.max(2, size.vCpus)),
    }),
    restrictions: restrictions(restrictionOf(size, region.name, azure), region),
  };
}

function restrictions({ isRegional, zones }: Restriction, region: Region): readonly unknown[] {
  const found: unknown[] = [];
  if (isRegional) {
    found.push({
      type: 'Location',
      values: [region.name],
      restrictionInfo: { locations: [region.name] },
      reasonCode: 'NotAvailableForSubscription',
    });
  }
  if (zones.length > 0) {
    found.push({
      type: 'Zone',
      values: [region.name],
      restrictionInfo: { locations: [region.name], zones },
      reasonCode: 'NotAvailableForSubscription',
    });
  }
  return found;
}

/** Throughput in MB/s and IOPS of the named sizes (Azure documentation, managed disk types). */
const DISK_SKUS: readonly {
  name: string;
  size: string;
  maxGiB: number;
  mbPerSecond: number;
  iops: number;
}[] = [
  { name: 'Standard_LRS', size: 'S10', maxGiB: 128, mbPerSecond: 60, iops: 500 },
  { name: 'StandardSSD_LRS', size: 'E10', maxGiB: 128, mbPerSecond: 100, iops: 500 },
  { name: 'StandardSSD_ZRS', size: 'E10', maxGiB: 128, mbPerSecond: 100, iops: 500 },
  { name: 'Premium_LRS', size: 'P10', maxGiB: 128, mbPerSecond: 100, iops: 500 },
  { name: 'Premium_LRS', size: 'P20', maxGiB: 512, mbPerSecond: 150, iops: 2300 },
  { name: 'Premium_LRS', size: 'P30', maxGiB: 1024, mbPerSecond: 200, iops: 5000 },
  { name: 'Premium_LRS', size: 'P40', maxGiB: 2048, mbPerSecond: 250, iops: 7500 },
  { name: 'Premium_LRS', size: 'P50', maxGiB: 4096, mbPerSecond: 250, iops: 7500 },
  { name: 'Premium_ZRS', size: 'P10', maxGiB: 128, mbPerSecond: 100, iops: 500 },
];

function diskSku(sku: (typeof DISK_SKUS)[number], region: Region): unknown {
  return {
    resourceType: 'disks',
    name: sku.name,
    tier: sku.name.slice(0, sku.name.indexOf('_')),
    size: sku.size,
    locations: [region.name],
    locationInfo: [{ location: region.name, zones: region.zones, zoneDetails: [] }],
    capabilities: capabilities({
      MaxSizeGiB: sku.maxGiB,
      MaxBandwidthMBps: sku.mbPerSecond,
      MaxIOps: sku.iops,
    }),
    restrictions: [],
  };
}

function capabilities(values: Readonly<Record<string, string | number>>): readonly unknown[] {
  return Object.entries(values).map(([name, value]) => ({ name, value: String(value) }));
}
