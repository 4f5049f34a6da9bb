import type {
  CloudSubnet,
  MachineFacts,
  PlanningFacts,
  PlanningSettings,
  RestorePoint,
  TargetFacts,
} from '../index.js';
import { seedOf, vmSize } from './subscription.js';
import { aRestorePoint } from './restore-point.js';
import { aRestoreRequest, type RequestChanges } from './restore-request.js';

export interface FactChanges {
  readonly point?: Partial<RestorePoint>;
  readonly request?: RequestChanges;
  readonly machine?: Partial<MachineFacts>;
  readonly target?: Partial<TargetFacts>;
  readonly settings?: Partial<PlanningSettings>;
  readonly hostedByProvider?: boolean;
  readonly policies?: PlanningFacts['policies'];
  readonly archive?: PlanningFacts['archive'];
  /** By the disk's name; the others have no data at all. */
  readonly usedBytes?: Readonly<Record<string, number>>;
}

const { subscriptionId, subnets } = seedOf();

export function aSubnet(changes: Partial<CloudSubnet> = {}): CloudSubnet {
  return { ...subnets[0]!, ...changes };
}

/** Sizes of a region: two general-purpose ones, the four of workers, one without premium disks, one for each generation. */
export const SIZES = [
  vmSize('Standard_D2s_v5', 2, 4, { family: 'standardDSv5Family' }),
  vmSize('Standard_D8s_v5', 8, 16, { family: 'standardDSv5Family' }),
  vmSize('Standard_F2s_v2', 2, 4, { family: 'standardFSv2Family' }),
  vmSize('Standard_F4s_v2', 4, 8, { family: 'standardFSv2Family' }),
  vmSize('Standard_F8s_v2', 8, 16, { family: 'standardFSv2Family' }),
  vmSize('Standard_F16s_v2', 16, 32, { family: 'standardFSv2Family' }),
  vmSize('Standard_D2_v2', 2, 8, { family: 'standardDv2Family', premiumIo: false }),
  vmSize('Standard_Gen2only', 2, 8, { generations: [2] }),
  vmSize('Standard_Gen1only', 2, 8, { generations: [1] }),
] as const;

/**
 * Facts of a restore that nothing stands against: the point `web`, whose disk boots with a BIOS, goes into the resource
 * group `apps` in `westeurope` with its one subnet.
 */
export function planningFacts(changes: FactChanges = {}): PlanningFacts {
  const point = aRestorePoint(changes.point);
  return {
    point,
    hostedByProvider: changes.hostedByProvider ?? false,
    request: aRestoreRequest(changes.request),
    disks: point.disks.map(({ name }) => ({ name, usedBytes: changes.usedBytes?.[name] ?? 0 })),
    machine: {
      boots: ['bios'],
      bootDisk: point.disks[0]?.name ?? null,
      os: { family: 'linux' },
      architecture: null,
      volumeGroups: [],
      problems: [],
      ...changes.machine,
    },
    archive: changes.archive ?? null,
    target: {
      resourceGroup: {
        azureId: `/subscriptions/${subscriptionId}/resourceGroups/apps`,
        name: 'apps',
        region: 'westeurope',
        tags: {},
        provisioningState: 'Succeeded',
      },
      regions: ['westeurope', 'northeurope'],
      sizes: SIZES,
      usages: [],
      subnet: null,
      subnetsInResourceGroup: subnets,
      privateIpTaken: false,
      workerSubnet: null,
      vmExists: false,
      unregisteredProviders: [],
      original: null,
      ...changes.target,
    },
    policies: changes.policies ?? [],
    settings: {
      subscriptionId,
      defaultRegion: null,
      defaultResourceGroup: 'apps',
      defaultSubnetId: null,
      workerSubnetId: null,
      archivePrices: null,
      applianceId: 'appliance-1',
      ...changes.settings,
    },
  };
}
