import { CLAIM_TAG, networkOf, OWNER_TAGS, sameId, tagOf, type ReplacedVm } from '@landfall/domain';
import type { Violation } from '@landfall/testing';
import type { MemoryAzure } from './azure/memory-azure.js';
import type { VmResource } from './azure/resources.js';

/** What must hold of a machine that is booted to see whether one can be replaced, at the moment at which it starts. */
export function violationsOfCopy(azure: MemoryAzure, vm: VmResource, replaced: ReplacedVm | undefined): Violation[] {
  const evidence = vm.id;
  const disks = [vm.osDiskId, ...vm.dataDisks.map(({ diskId }) => diskId)].map((id) =>
    azure.resources.get(id.toLowerCase()),
  );
  const areCopies = disks.every((disk) => disk !== undefined && tagOf(disk.tags, OWNER_TAGS.role) === 'copy-disk');
  const source = azure.resources.get(replaced?.azureId.toLowerCase() ?? '');
  const isTouched = source !== undefined && tagOf(source.tags, CLAIM_TAG) !== null;
  return [
    ...(isClosed(azure, vm) ? [] : [violation('I8', 'A copy is booted where it can reach others.', evidence)]),
    ...(areCopies ? [] : [violation('I7', 'A disk is booted that was verified.', evidence)]),
    ...(isTouched ? [violation('I2', 'Copies are booted once the source is being replaced.', evidence)] : []),
  ];
}

function violation(invariant: Violation['invariant'], what: string, evidence: string): Violation {
  return { invariant, what, evidence };
}

/** It stands in a network that somebody has made for it, that a security group closes, and that has no way out. */
function isClosed({ resources }: MemoryAzure, { nicId }: VmResource): boolean {
  const nic = resources.get(nicId.toLowerCase());
  if (nic?.kind !== 'nic') return false;
  const network = resources.get(networkOf(nic.subnetId).toLowerCase());
  if (network?.kind !== 'network') return false;
  const subnet = network.subnets.find(({ name }) => sameId(`${network.id}/subnets/${name}`, nic.subnetId));
  return subnet !== undefined && !subnet.hasWayOut && resources.has(subnet.securityGroupId?.toLowerCase() ?? '');
}
