import {
  decideRegion,
  decideResourceGroup,
  decideVmName,
  namedSubnet,
  resourceGroupNameProblem,
  vmNameProblem,
  type PlanningSettings,
  type RestorePoint,
  type RestoreRequest,
  type TargetFacts,
} from '@landfall/domain';
import type { TargetReader } from './asked-once.js';

const NEEDED_PROVIDERS = ['Microsoft.Compute', 'Microsoft.Network'];

/**
 * What is at the place where the restore goes. Asks Azure only for what the request and the settings name, and never
 * with a name that Azure would refuse.
 * @throws RetryableError `AZURE_UNREACHABLE`, `AZURE_THROTTLED`; PermanentError `AZURE_DENIED`
 */
export async function lookAtTarget(
  cloud: TargetReader,
  request: RestoreRequest,
  point: RestorePoint,
  settings: PlanningSettings,
): Promise<TargetFacts> {
  const named = decideResourceGroup(request, settings);
  const groupName = named !== null && resourceGroupNameProblem(named) === null ? named : null;
  const [resourceGroup, regions, registered] = await Promise.all([
    groupName === null ? null : cloud.resourceGroup(groupName),
    cloud.regions(),
    Promise.all(NEEDED_PROVIDERS.map((namespace) => cloud.providerRegistered(namespace))),
  ]);
  const region = decideRegion(request, settings, resourceGroup);
  const regionExists = region !== null && regions.some((known) => known.toLowerCase() === region);
  const vmName = decideVmName(request, point);
  const subnetId = namedSubnet(request, settings);
  const [sizes, usages, subnet, subnetsInResourceGroup, workerSubnet, vm] = await Promise.all([
    regionExists ? cloud.sizes(region) : [],
    regionExists ? cloud.usages(region) : [],
    subnetId === null ? null : cloud.subnet(subnetId),
    resourceGroup === null ? [] : cloud.subnetsIn(resourceGroup.name),
    settings.workerSubnetId === null ? null : cloud.subnet(settings.workerSubnetId),
    resourceGroup === null || vmName === null || vmNameProblem(vmName) !== null
      ? null
      : cloud.vm(cloud.vmId(resourceGroup.name, vmName)),
  ]);
  return {
    resourceGroup,
    regions,
    sizes,
    usages,
    subnet,
    subnetsInResourceGroup,
    workerSubnet,
    vmExists: vm !== null,
    unregisteredProviders: NEEDED_PROVIDERS.filter((_, index) => registered[index] === false),
  };
}
