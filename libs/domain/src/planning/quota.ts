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

export function shortageText(usages: readonly CloudUsage[], sizes: readonly VmSize[]): string {
  return coresShort(usages, sizes)
    .map(
      ({ quota, limit, current, needed }) =>
        `${quota} has ${current} of ${limit} cores in use and ${needed} more are needed`,
    )
    .join('; ');
}
