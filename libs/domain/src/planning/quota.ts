import type { CloudUsage, VmSize } from '../ports/cloud/reader.js';

/** Cores that are missing for VMs of these sizes to run at once: per family, and in all. */
export interface Shortage {
  readonly quota: string;
  readonly limit: number;
  readonly current: number;
  readonly needed: number;
}

/** A quota that Azure does not report is not held against the sizes. */
export function coresShort(usages: readonly CloudUsage[], sizes: readonly VmSize[]): readonly Shortage[] {
  const needed = new Map<string, number>();
  const add = (quota: string, cores: number): void => {
    needed.set(quota.toLowerCase(), (needed.get(quota.toLowerCase()) ?? 0) + cores);
  };
  for (const size of sizes) {
    add(size.family, size.vCpus);
    add('cores', size.vCpus);
  }
  return usages.flatMap((usage) => {
    const cores = needed.get(usage.name.toLowerCase());
    if (cores === undefined || usage.current + cores <= usage.limit) return [];
    return [{ quota: usage.name, limit: usage.limit, current: usage.current, needed: cores }];
  });
}

/** How quotas on managed disks are named, by the kind of storage; those that are not listed have none that Azure reports. */
const DISK_QUOTAS: Readonly<Record<string, string>> = {
  Standard_LRS: 'StandardDiskCount',
  StandardSSD_LRS: 'StandardSSDDiskCount',
  StandardSSD_ZRS: 'StandardSSDZRSDiskCount',
  Premium_LRS: 'PremiumDiskCount',
  Premium_ZRS: 'PremiumZRSDiskCount',
  PremiumV2_LRS: 'PremiumV2DiskCount',
  UltraSSD_LRS: 'UltraSSDDiskCount',
};

/** What is missing for one more VM of this size with that many more disks to exist; empty: nothing. */
export function vmShortage(
  usages: readonly CloudUsage[],
  size: VmSize,
  disks: readonly { readonly sku: string }[],
): string {
  const more = new Map([['virtualmachines', 1]]);
  for (const { sku } of disks) {
    const quota = DISK_QUOTAS[sku]?.toLowerCase();
    if (quota !== undefined) more.set(quota, (more.get(quota) ?? 0) + 1);
  }
  const short = usages.flatMap(({ name, current, limit }) => {
    const needed = more.get(name.toLowerCase()) ?? 0;
    if (needed === 0 || current + needed <= limit) return [];
    return [`${name} has ${current} of ${limit} in use and ${needed} more are needed`];
  });
  return [shortageText(usages, [size]), ...short].filter((text) => text !== '').join('; ');
}

export function shortageText(usages: readonly CloudUsage[], sizes: readonly VmSize[]): string {
  return coresShort(usages, sizes)
    .map(
      ({ quota, limit, current, needed }) =>
        `${quota} has ${current} of ${limit} cores in use and ${needed} more are needed`,
    )
    .join('; ');
}
