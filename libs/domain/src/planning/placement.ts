import type { CloudResourceGroup } from '../ports/cloud/reader.js';
import { vmNameOf, resourceGroupNameProblem, vmNameProblem } from '../names.js';
import type { RestoreRequest } from '../request.js';
import type { RestorePoint } from '../machine.js';
import type { PlanningFacts, PlanningSettings } from './facts.js';
import type { FoundProblems } from './found-problems.js';
import type { LivingVm } from './original/living-vm.js';

/*
 * Where the machine goes: what the request says, else the appliance's defaults. The three `decide…` functions are
 * used by the planner service as well, to know what it has to ask Azure for.
 */

/** Null when neither the request nor the settings name one. */
export function decideResourceGroup(request: RestoreRequest, settings: PlanningSettings): string | null {
  return request.destination.resourceGroup ?? settings.defaultResourceGroup;
}

/** The named region, else that of the resource group, else the default; in Azure's spelling (`westeurope`). */
export function decideRegion(
  request: RestoreRequest,
  settings: PlanningSettings,
  resourceGroup: CloudResourceGroup | null,
): string | null {
  const region = request.destination.region ?? resourceGroup?.region ?? settings.defaultRegion;
  return region === null ? null : spelledRegion(region);
}

/** Azure takes "West Europe" for "westeurope". */
export function spelledRegion(region: string): string {
  return region.toLowerCase().replaceAll(' ', '');
}

/** Null where only disks are wanted. */
export function decideVmName(request: RestoreRequest, point: RestorePoint): string | null {
  return request.disksOnly ? null : (request.destination.name ?? vmNameOf(point.machineName));
}

export interface Placement {
  /** Empty when it could not be decided. */
  readonly resourceGroup: string;
  /** Empty when it could not be decided. */
  readonly region: string;
  readonly zone: string | null;
  readonly vmName: string | null;
}

export function decidePlacement(facts: PlanningFacts, problems: FoundProblems): Placement {
  const { request, settings, target, point } = facts;
  const resourceGroup = decideResourceGroup(request, settings);
  checkResourceGroup(resourceGroup, target.resourceGroup, problems);
  const region = decideRegion(request, settings, target.resourceGroup);
  checkRegion(region, target.regions, problems);
  for (const namespace of target.unregisteredProviders) {
    problems.error(
      'PROVIDER_NOT_REGISTERED',
      `The resource provider ${namespace} is not registered in subscription ${settings.subscriptionId}.`,
      `Register it: az provider register --namespace ${namespace}.`,
    );
  }
  const vmName = decideVmName(request, point);
  checkVmName(vmName, resourceGroup, facts, problems);
  return {
    resourceGroup: target.resourceGroup?.name ?? resourceGroup ?? '',
    region: region ?? '',
    zone: request.destination.zone ?? null,
    vmName,
  };
}

/** Where the machine that is replaced is; null: nobody can say which that is. */
export function placeOf(source: LivingVm | null, { target }: PlanningFacts): Placement {
  return {
    resourceGroup: source === null ? '' : (target.resourceGroup?.name ?? source.resourceGroup),
    region: source === null ? '' : spelledRegion(source.region),
    zone: source?.zone ?? null,
    vmName: source?.name ?? null,
  };
}

function checkResourceGroup(name: string | null, found: CloudResourceGroup | null, problems: FoundProblems): void {
  if (name === null) {
    problems.error(
      'RESOURCE_GROUP_NOT_FOUND',
      'No resource group was named, and this installation has no default.',
      'Name an existing resource group with --resource-group.',
    );
    return;
  }
  const wrong = resourceGroupNameProblem(name);
  if (wrong !== null) {
    problems.error(
      'NAME_INVALID',
      `"${name}" can't be a resource group's name: ${wrong}.`,
      'Name an existing resource group with --resource-group.',
    );
  } else if (found === null) {
    problems.error(
      'RESOURCE_GROUP_NOT_FOUND',
      `The resource group "${name}" does not exist, or Landfall may not see it.`,
      'Create it, or name another with --resource-group.',
    );
  } else if (found.provisioningState.toLowerCase() === 'deleting') {
    problems.error(
      'RESOURCE_GROUP_NOT_FOUND',
      `The resource group "${found.name}" is being deleted.`,
      'Name another with --resource-group.',
    );
  }
}

function checkRegion(region: string | null, regions: readonly string[], problems: FoundProblems): void {
  if (region === null) {
    problems.error(
      'REGION_NOT_FOUND',
      'No region was named, and neither a resource group nor a default tells one.',
      'Name a region with --region.',
    );
  } else if (!regions.some((known) => known.toLowerCase() === region)) {
    problems.error(
      'REGION_NOT_FOUND',
      `The subscription has no region "${region}".`,
      `Name one of its regions with --region${regions.length === 0 ? '' : `, such as ${regions.slice(0, 3).join(', ')}`}.`,
    );
  }
}

function checkVmName(
  vmName: string | null,
  resourceGroup: string | null,
  { request, target }: PlanningFacts,
  problems: FoundProblems,
): void {
  // With disks only, a given name still names the disks: it has to be fit for that.
  const name = vmName ?? request.destination.name ?? null;
  if (name === null) return;
  const wrong = vmNameProblem(name);
  if (wrong !== null) {
    problems.error('NAME_INVALID', `"${name}" can't be the VM's name: ${wrong}.`, 'Give another name with --name.');
  } else if (vmName !== null && target.vmExists) {
    problems.error(
      'NAME_TAKEN',
      `A VM named "${vmName}" exists already in the resource group "${resourceGroup ?? ''}".`,
      'Give another name with --name, or another resource group with --resource-group.',
    );
  }
}
