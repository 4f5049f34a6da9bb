import type { CloudSubnet, CloudUsage, VmSize } from '../index.js';

/** What a subscription holds from the start. */
export interface SubscriptionSeed {
  readonly subscriptionId: string;
  readonly regions: readonly string[];
  /** Region by name. */
  readonly resourceGroups: Readonly<Record<string, string>>;
  readonly subnets: readonly CloudSubnet[];
  readonly sizes: readonly VmSize[];
  readonly usages: readonly CloudUsage[];
}

/** A subscription with the group `apps` in `westeurope`, the network `net` with one subnet in it, and three sizes. */
export function seedOf(changes: Partial<SubscriptionSeed> = {}): SubscriptionSeed {
  const subscriptionId = changes.subscriptionId ?? '00000000-0000-4000-8000-000000000001';
  return {
    subscriptionId,
    regions: ['westeurope', 'northeurope'],
    resourceGroups: { apps: 'westeurope' },
    subnets: [
      {
        azureId: `/subscriptions/${subscriptionId}/resourceGroups/apps/providers/Microsoft.Network/virtualNetworks/net/subnets/machines`,
        region: 'westeurope',
        resourceGroup: 'apps',
        networkName: 'net',
        name: 'machines',
        prefixes: ['10.0.0.0/24'],
      },
    ],
    sizes: [vmSize('Standard_B1s', 1, 2), vmSize('Standard_F2s_v2', 2, 4), vmSize('Standard_D8s_v5', 8, 16)],
    usages: [{ name: 'cores', current: 0, limit: 100 }],
    ...changes,
  };
}

export function vmSize(name: string, vCpus: number, maxDataDisks: number, changes: Partial<VmSize> = {}): VmSize {
  return {
    name,
    family: 'standardFamily',
    vCpus,
    memoryGiB: vCpus * 4,
    maxDataDisks,
    generations: [1, 2],
    premiumIo: true,
    diskControllers: ['SCSI', 'NVMe'],
    architecture: 'x64',
    trustedLaunch: true,
    zones: ['1', '2', '3'],
    restrictedInRegion: false,
    restrictedZones: [],
    ...changes,
  };
}
