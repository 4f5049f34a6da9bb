import type { CloudVm, OriginalFacts, PlanningFacts, PointDisk, RestorePoint, SavedResource } from '../index.js';
import { planningFacts, type FactChanges } from './planning-facts.js';
import { aPointDisk, GIB } from './restore-point.js';
import { seedOf } from './subscription.js';

/*
 * A living VM of which a point was made, and what the point's manifest says of it.
 */
const { subscriptionId, subnets } = seedOf();
const GROUP = `/subscriptions/${subscriptionId}/resourceGroups/apps/providers`;
export const LIVING_VM_ID = `${GROUP}/Microsoft.Compute/virtualMachines/web`;
export const LIVING_INSTANCE = '5f0c2c1e-8f0a-4a58-9d3e-1f5c7a6b2d10';
const NIC = `${GROUP}/Microsoft.Network/networkInterfaces/web-nic`;
const ADDRESS = `${GROUP}/Microsoft.Network/publicIPAddresses/web-ip`;

/** A disk of the VM: its number is `unique-NAME`. */
export interface AnAttachedDisk {
  readonly name: string;
  /** Null for the OS disk. */
  readonly lun: number | null;
  readonly uniqueId?: string;
  readonly caching?: 'None' | 'ReadOnly' | 'ReadWrite';
  readonly sku?: string;
  readonly maxShares?: number;
  /** More members of the disk's `properties`. */
  readonly properties?: Readonly<Record<string, unknown>>;
}

export interface LivingChanges {
  readonly vm?: Partial<CloudVm>;
  /** All, the OS disk first. */
  readonly disks?: readonly AnAttachedDisk[];
  /** Members of the VM's body, and of its `properties` and `storageProfile`. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly storage?: Readonly<Record<string, unknown>>;
  readonly extensions?: readonly string[];
}

export const TWO_DISKS: readonly AnAttachedDisk[] = [
  { name: 'web-os', lun: null, caching: 'ReadWrite', sku: 'Premium_LRS' },
  { name: 'web-data', lun: 0, caching: 'ReadOnly', sku: 'StandardSSD_LRS' },
];

export function diskIdOf({ name }: Pick<AnAttachedDisk, 'name'>): string {
  return `${GROUP}/Microsoft.Compute/disks/${name}`;
}

/** The VM `web` with an OS disk and a data disk, a network interface and a public address; it runs. */
export function aLivingVm(changes: LivingChanges = {}): OriginalFacts {
  const disks = changes.disks ?? TWO_DISKS;
  const vm: CloudVm = {
    azureId: LIVING_VM_ID,
    instanceId: LIVING_INSTANCE,
    name: 'web',
    resourceGroup: 'apps',
    region: 'westeurope',
    size: 'Standard_D2s_v5',
    osDiskId: diskIdOf(disks[0]!),
    dataDisks: disks.flatMap((disk) => (disk.lun === null ? [] : [{ diskId: diskIdOf(disk), lun: disk.lun }])),
    nicIds: [NIC],
    tags: {},
    provisioningState: 'Succeeded',
    powerState: 'running',
    ...changes.vm,
  };
  return {
    vm,
    saved: {
      vm: saved(vm.azureId, { location: vm.region, ...changes.body, properties: propertiesOf(vm, disks, changes) }),
      disks: disks.map(diskModel),
      nics: [
        saved(NIC, {
          properties: { ipConfigurations: [{ properties: { subnet: { id: subnets[0]!.azureId } } }] },
        }),
      ],
      publicIps: [saved(ADDRESS, {})],
      extensions: (changes.extensions ?? []).map((name) => saved(`${LIVING_VM_ID}/extensions/${name}`, { name })),
    },
    formerDisks: [],
    otherRestores: [],
    locks: [],
  };
}

function propertiesOf(vm: CloudVm, disks: readonly AnAttachedDisk[], changes: LivingChanges): unknown {
  const [osDisk, ...dataDisks] = disks.map((disk) => {
    const { lun, caching } = disk;
    return { ...(lun === null ? {} : { lun }), caching: caching ?? 'None', managedDisk: { id: diskIdOf(disk) } };
  });
  return {
    vmId: vm.instanceId,
    hardwareProfile: { vmSize: vm.size },
    storageProfile: { osDisk, dataDisks, ...changes.storage },
    networkProfile: { networkInterfaces: vm.nicIds.map((id) => ({ id })) },
    ...changes.properties,
  };
}

function diskModel(disk: AnAttachedDisk): SavedResource {
  const { name, uniqueId, sku, maxShares, properties } = disk;
  return saved(diskIdOf(disk), {
    sku: { name: sku ?? 'StandardSSD_LRS' },
    properties: {
      uniqueId: uniqueId ?? `unique-${name}`,
      ...(maxShares === undefined ? {} : { maxShares }),
      ...properties,
    },
  });
}

function saved(azureId: string, body: Readonly<Record<string, unknown>>): SavedResource {
  return { azureId, apiVersion: '2026-04-01', body: { id: azureId, ...body } };
}

/** What the manifest of a point says that was made of this VM at that time. */
export function azureOf({ vm, saved: model }: OriginalFacts): NonNullable<RestorePoint['azure']> {
  return {
    id: vm?.azureId,
    vmId: vm?.instanceId,
    vm: model?.vm.body,
    disks: model?.disks.map(({ body }) => body),
  };
}

/** The disks of such a point: `os`, and `lun0` and so on. */
export function pointDisksOf(disks: readonly AnAttachedDisk[] = TWO_DISKS): readonly PointDisk[] {
  return disks.map(({ lun, sku, caching }) =>
    aPointDisk({
      ...(lun === null ? { name: 'os', role: 'os' as const } : { name: `lun${lun}`, role: 'data' as const, lun }),
      ...(sku === undefined ? {} : { sku }),
      ...(caching === undefined ? {} : { caching }),
      sizeBytes: 10 * GIB,
    }),
  );
}

export interface OriginalChanges extends FactChanges {
  /** As it was backed up; left out: as `aLivingVm` gives it. */
  readonly then?: LivingChanges;
  /** As it is now; left out: as it was backed up. */
  readonly now?: LivingChanges;
}

/** Facts of a restore to the original place that nothing stands against but that this version has no such place. */
export function originalFacts({ then = {}, now = then, ...changes }: OriginalChanges = {}): PlanningFacts {
  return planningFacts({
    ...changes,
    point: { azure: azureOf(aLivingVm(then)), disks: pointDisksOf(then.disks), ...changes.point },
    request: { ...changes.request, destination: { kind: 'original', ...changes.request?.destination } },
    target: { original: aLivingVm(now), subnet: subnets[0]!, ...changes.target },
  });
}
