import {
  addressToAskFor,
  chosenSubnet,
  decideRegion,
  decideResourceGroup,
  decideVmName,
  namedSubnet,
  networkOf,
  resourceGroupNameProblem,
  vmNameProblem,
  type CloudSubnet,
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
  };
}

/** Each network is read once, and nothing that lies in it. */
async function lookForSubnets(
  cloud: TargetReader,
  groupName: string | null,
  namedId: string | null,
  workerId: string | null,
): Promise<Pick<TargetFacts, 'subnet' | 'subnetsInResourceGroup' | 'workerSubnet'>> {
  const subnetsInResourceGroup = groupName === null ? [] : await cloud.subnetsIn(groupName);
  const known = new Set(subnetsInResourceGroup.map(({ azureId }) => networkOf(azureId).toLowerCase()));
  const elsewhere = new Set(
    [namedId, workerId]
      .flatMap((id) => (id === null ? [] : networkOf(id).toLowerCase()))
      .filter((id) => !known.has(id)),
  );
  const others = await Promise.all([...elsewhere].map((networkId) => cloud.subnetsOf(networkId)));
  const withId = (id: string | null): CloudSubnet | null =>
    [...subnetsInResourceGroup, ...others.flat()].find(({ azureId }) => azureId.toLowerCase() === id?.toLowerCase()) ??
    null;
  return { subnet: withId(namedId), subnetsInResourceGroup, workerSubnet: withId(workerId) };
}
