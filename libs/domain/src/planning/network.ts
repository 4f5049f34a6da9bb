import { BlockList, isIPv4 } from 'node:net';
import type { CloudSubnet } from '../ports/cloud/reader.js';
import type { RestoreRequest } from '../request.js';
import type { PlanningFacts, PlanningSettings, TargetFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';
import type { LivingVm } from './original/living-vm.js';
import type { Placement } from './placement.js';

/*
 * The subnet of the new VM: the one that the request names, else the default of the settings where it lies in the
 * right region, else the only one in the resource group's own networks.
 */
const SUBNET_ID =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Network\/virtualNetworks\/[^/]+\/subnets\/[^/]+$/i;

export function isSubnetId(text: string): boolean {
  return SUBNET_ID.test(text);
}

/** The subnet that Azure has to be asked for; null when none is named, or by something that is no ID. */
export function namedSubnet(request: RestoreRequest, settings: PlanningSettings): string | null {
  const id = request.destination.subnetId ?? settings.defaultSubnetId;
  return id !== null && isSubnetId(id) ? id : null;
}

/** The network that a subnet lies in, by ID. */
export function networkOf(subnetId: string): string {
  return subnetId.replace(/\/subnets\/[^/]*$/i, '');
}

/** The subnet of the new VM, right or wrong; null where nobody can say which. */
export function chosenSubnet(
  request: RestoreRequest,
  settings: PlanningSettings,
  region: string,
  { subnet, subnetsInResourceGroup }: Pick<TargetFacts, 'subnet' | 'subnetsInResourceGroup'>,
): CloudSubnet | null {
  if (request.destination.subnetId !== undefined) return subnet;
  const inRegion = (each: CloudSubnet): boolean => each.region.toLowerCase() === region;
  if (settings.defaultSubnetId !== null && subnet !== null && inRegion(subnet)) return subnet;
  const candidates = subnetsInResourceGroup.filter(inRegion);
  return candidates.length === 1 ? candidates[0]! : null;
}

/** The address that the request names, where only Azure can say whether it may be had; null where that need not be asked. */
export function addressToAskFor({ destination }: RestoreRequest, subnet: CloudSubnet | null): string | null {
  const { privateIp } = destination;
  if (privateIp === undefined || subnet === null || !isIPv4(privateIp)) return null;
  const prefix = subnet.prefixes.find((candidate) => contains(candidate, privateIp));
  return prefix === undefined || isReserved(prefix, privateIp) ? null : privateIp;
}

/** Null where no subnet is needed, and where none could be found; in the second case an error says why. */
export function decideSubnet(facts: PlanningFacts, placement: Placement, problems: FoundProblems): CloudSubnet | null {
  const { request, settings } = facts;
  const workerNeedsIt = request.transfer === 'worker' && settings.workerSubnetId === null;
  const machineNeedsIt = !request.disksOnly && !request.isolated;
  if (!machineNeedsIt && !workerNeedsIt) return null;
  const subnet = findSubnet(facts, placement, problems);
  if (subnet !== null && machineNeedsIt) checkPrivateIp(facts, subnet, problems);
  return subnet;
}

/** That of the machine's first network interface, where a worker can stand; the machine itself keeps its interfaces. */
export function subnetOf(source: LivingVm | null, facts: PlanningFacts, problems: FoundProblems): CloudSubnet | null {
  const { request, settings, target } = facts;
  const workerNeedsIt = request.transfer === 'worker' && settings.workerSubnetId === null;
  if (source !== null && target.subnet === null && workerNeedsIt) {
    problems.error(
      'NETWORK_NOT_FOUND',
      `The subnet of the first network interface of "${source.name}" is not to be seen, and a worker has no other to stand in.`,
      'Set LANDFALL_WORKER_SUBNET_ID to a subnet of that region, or restore with --transfer direct.',
    );
  }
  return source === null ? null : target.subnet;
}

/** The settings' subnet for workers, when one is named, has to exist in the right region. */
export function checkWorkerSubnet(
  { settings, target, request }: PlanningFacts,
  placement: Placement,
  problems: FoundProblems,
): void {
  if (request.transfer !== 'worker' || settings.workerSubnetId === null || placement.region === '') return;
  if (target.workerSubnet === null) {
    problems.error(
      'NETWORK_NOT_FOUND',
      `The workers' subnet ${settings.workerSubnetId} does not exist.`,
      'Set LANDFALL_WORKER_SUBNET_ID to a subnet that exists, or restore with --transfer direct.',
    );
  } else if (target.workerSubnet.region.toLowerCase() !== placement.region) {
    problems.error(
      'NETWORK_NOT_FOUND',
      `The workers' subnet ${target.workerSubnet.azureId} lies in ${target.workerSubnet.region} and the restore goes to ${placement.region}.`,
      request.destination.kind === 'original'
        ? 'Restore with --transfer direct.'
        : 'Restore with --transfer direct, or to the region of the workers.',
    );
  }
}

function findSubnet(facts: PlanningFacts, placement: Placement, problems: FoundProblems): CloudSubnet | null {
  const { request, target, settings } = facts;
  const asked = request.destination.subnetId;
  if (asked !== undefined) return checkAskedSubnet(asked, target.subnet, placement, problems);
  if (placement.region === '') return null;
  const chosen = chosenSubnet(request, settings, placement.region, target);
  if (chosen !== null) return chosen;
  const candidates = target.subnetsInResourceGroup.filter(({ region }) => region.toLowerCase() === placement.region);
  problems.error(
    'NETWORK_NOT_FOUND',
    candidates.length === 0
      ? `No subnet was named, and the resource group "${placement.resourceGroup}" has none in ${placement.region}.`
      : `No subnet was named, and the resource group "${placement.resourceGroup}" has ${candidates.length} of them in ${placement.region}.`,
    candidates.length === 0
      ? 'Name a subnet of that region by its full ID with --subnet.'
      : `Name one with --subnet, such as ${candidates[0]!.azureId}.`,
  );
  return null;
}

function checkAskedSubnet(
  id: string,
  found: CloudSubnet | null,
  placement: Placement,
  problems: FoundProblems,
): CloudSubnet | null {
  const fix = 'Name a subnet of the region by its full ID with --subnet.';
  if (!isSubnetId(id)) {
    problems.error(
      'NETWORK_NOT_FOUND',
      `"${id}" is not the full ID of a subnet (/subscriptions/…/virtualNetworks/NAME/subnets/NAME).`,
      fix,
    );
    return null;
  }
  if (found === null) {
    problems.error('NETWORK_NOT_FOUND', `The subnet ${id} does not exist, or Landfall may not see it.`, fix);
    return null;
  }
  if (placement.region !== '' && found.region.toLowerCase() !== placement.region) {
    problems.error(
      'NETWORK_NOT_FOUND',
      `The subnet ${found.azureId} lies in ${found.region} and the restore goes to ${placement.region}.`,
      `${fix.slice(0, -1)}, or restore to --region ${found.region}.`,
    );
  }
  return found;
}

function checkPrivateIp({ request, target }: PlanningFacts, subnet: CloudSubnet, problems: FoundProblems): void {
  const address = request.destination.privateIp;
  if (address === undefined) return;
  const fix = `Give a free address of ${subnet.prefixes.join(', ')} with --private-ip, or leave it out.`;
  if (!isIPv4(address)) {
    problems.error('CONTRADICTION', `"${address}" is not an IPv4 address.`, fix);
    return;
  }
  const prefix = subnet.prefixes.find((candidate) => contains(candidate, address));
  if (prefix === undefined) {
    problems.error('CONTRADICTION', `The address ${address} is not in the subnet "${subnet.name}".`, fix);
  } else if (isReserved(prefix, address)) {
    problems.error('IP_IN_USE', `Azure keeps the address ${address} of the subnet "${subnet.name}" for itself.`, fix);
  } else if (target.privateIpTaken) {
    problems.error('IP_IN_USE', `The address ${address} of the subnet "${subnet.name}" is in use.`, fix);
  }
}

function contains(prefix: string, address: string): boolean {
  const [network, bits] = splitPrefix(prefix);
  if (network === null) return false;
  const block = new BlockList();
  block.addSubnet(network, bits, 'ipv4');
  return block.check(address, 'ipv4');
}

/** The first four addresses and the last of a subnet are Azure's (Virtual Network FAQ). */
function isReserved(prefix: string, address: string): boolean {
  const [network, bits] = splitPrefix(prefix);
  if (network === null) return false;
  const hosts = 2 ** (32 - bits);
  const position = toNumber(address) % hosts;
  return position < 4 || position === hosts - 1;
}

function splitPrefix(prefix: string): readonly [string, number] | readonly [null, 0] {
  const [network = '', text = ''] = prefix.split('/');
  const bits = Number(text);
  if (!isIPv4(network) || text === '' || !Number.isInteger(bits) || bits < 0 || bits > 32) return [null, 0];
  return [network, bits];
}

function toNumber(address: string): number {
  return address.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}
