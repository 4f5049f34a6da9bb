import {
  addressToAskFor,
  chosenSubnet,
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
import { lookAtOriginal } from './look-at-original.js';
import { lookForSubnets } from './look-for-subnets.js';

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
  if (request.destination.kind === 'original') return lookAtOriginal(cloud, point, settings);
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
  const [sizes, usages, subnets, vm] = await Promise.all([
    regionExists ? cloud.sizes(region) : [],
    regionExists ? cloud.usages(region) : [],
    lookForSubnets(cloud, resourceGroup?.name ?? null, subnetId, settings.workerSubnetId),
    resourceGroup === null || vmName === null || vmNameProblem(vmName) !== null
      ? null
      : cloud.vm(cloud.vmId(resourceGroup.name, vmName)),
  ]);
  const chosen = chosenSubnet(request, settings, region ?? '', subnets);
  const address = addressToAskFor(request, chosen);
  return {
    resourceGroup,
    regions,
    sizes,
    usages,
    ...subnets,
    privateIpTaken: chosen !== null && address !== null && !(await cloud.addressIsFree(chosen.azureId, address)),
    vmExists: vm !== null,
    unregisteredProviders: NEEDED_PROVIDERS.filter((_, index) => registered[index] === false),
    original: null,
  };
}
