import {
  livingVm,
  originalDiskIds,
  originalVm,
  spelledRegion,
  type CloudDisk,
  type CloudVm,
  type OriginalFacts,
  type PlanningSettings,
  type RestorePoint,
  type TargetFacts,
} from '@landfall/domain';
import type { TargetReader } from './asked-once.js';
import { lookForSubnets } from './look-for-subnets.js';

/**
 * The machine that a restore to its original place replaces, and what is where it is. Azure is asked only for what lies in the
 * subscription of this installation, whatever the point's manifest names.
 * @throws RetryableError `AZURE_UNREACHABLE`, `AZURE_THROTTLED`, `AZURE_INCONSISTENT`; PermanentError `AZURE_DENIED`
 */
export async function lookAtOriginal(
  cloud: TargetReader,
  point: RestorePoint,
  settings: PlanningSettings,
): Promise<TargetFacts> {
  const original = await lookAtMachine(cloud, point, settings);
  const { vm, saved } = original;
  const region = vm === null ? null : spelledRegion(vm.region);
  const subnetId = vm === null || saved === null ? null : livingVm(vm, saved).subnetId;
  const [resourceGroup, regions, sizes, usages, subnets] = await Promise.all([
    vm === null ? null : cloud.resourceGroup(vm.resourceGroup),
    cloud.regions(),
    region === null ? [] : cloud.sizes(region),
    region === null ? [] : cloud.usages(region),
    lookForSubnets(cloud, null, subnetId, settings.workerSubnetId),
  ]);
  return {
    ...{ resourceGroup, regions, sizes, usages, ...subnets },
    // What a new machine must not find taken is what this one has.
    privateIpTaken: false,
    vmExists: false,
    // A machine that is there shows that all are.
    unregisteredProviders: [],
    original,
  };
}

async function lookAtMachine(
  cloud: TargetReader,
  point: RestorePoint,
  settings: PlanningSettings,
): Promise<OriginalFacts> {
  const named = originalVm(point, settings);
  const vm = named === null ? null : await cloud.vm(cloud.vmId(named.resourceGroup, named.name));
  if (vm === null) return { vm, saved: null, formerDisks: [], otherRestores: [], locks: [] };
  const [saved, locks, formerDisks] = await Promise.all([
    cloud.savedVm(vm.azureId),
    cloud.locks([vm.azureId, ...partsOf(vm)]),
    Promise.all(originalDiskIds(point, settings).map((id) => cloud.disk(id))),
  ]);
  return {
    vm,
    saved,
    locks,
    otherRestores: [],
    formerDisks: formerDisks.filter((disk): disk is CloudDisk => disk !== null),
  };
}

function partsOf({ osDiskId, dataDisks, nicIds }: CloudVm): readonly string[] {
  return [...(osDiskId === null ? [] : [osDiskId]), ...dataDisks.map(({ diskId }) => diskId), ...nicIds];
}
