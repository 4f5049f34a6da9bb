import { notFound, refused, type Answer } from './answers.js';
import type { AnyResource, DiskResource, GroupResource } from './resources.js';

/*
 * Moving disks to another resource group, as Resource Manager has it: what it refuses, and what it makes of the resources. Both
 * groups show that they are being moved out of or into, and take no other move meanwhile.
 */
export interface Move {
  readonly from: GroupResource;
  readonly to: GroupResource;
  readonly disks: readonly DiskResource[];
}

type Resources = ReadonlyMap<string, AnyResource>;

export function readMove(
  fromId: string,
  body: Readonly<Record<string, unknown>>,
  resources: Resources,
): Move | { readonly refusal: Answer } {
  const { resources: ids, targetResourceGroup } = body as { resources: string[]; targetResourceGroup: string };
  const from = resources.get(fromId.toLowerCase());
  const to = resources.get(targetResourceGroup.toLowerCase());
  if (from?.kind !== 'resource-group') return { refusal: noGroup(fromId) };
  if (to?.kind !== 'resource-group') return { refusal: noGroup(targetResourceGroup) };
  if (from === to) return { refusal: refused(409, 'ConflictingUserInput', SAME_GROUP) };
  const disks: DiskResource[] = [];
  for (const id of ids) {
    const disk = resources.get(id.toLowerCase());
    if (disk?.kind !== 'disk') return { refusal: notFound(id) };
    disks.push(disk);
  }
  const busy = [from, to, ...disks].find(({ provisioningState }) => !/^(Succeeded|Failed)$/.test(provisioningState));
  if (busy !== undefined) {
    const message = `The move resources request cannot be completed because there are pending operations on: '${busy.id}'.`;
    return { refusal: refused(409, 'MoveResourcesHavePendingOperations', message) };
  }
  const reasons = disks.flatMap((disk) => reasonAgainst(disk, to, resources) ?? []);
  return reasons.length === 0 ? { from, to, disks } : { refusal: invalid(reasons) };
}

/** The disk as it is afterwards. */
export function moved(disk: DiskResource, to: GroupResource): DiskResource {
  return { ...disk, id: idIn(to, disk) };
}

const SAME_GROUP = 'Source and destination resource groups are the same.';
const DISKS = 'Microsoft.Compute/disks';

interface Reason {
  readonly code: string;
  readonly message: string;
}

function reasonAgainst(disk: DiskResource, to: GroupResource, resources: Resources): Reason | null {
  const { id, name, managedBy, diskState } = disk;
  if (resources.has(idIn(to, disk).toLowerCase())) {
    const message = `The resource '${id}' cannot be moved: '${to.name}' has a '${DISKS}/${name}' already.`;
    return { code: 'ResourceAlreadyExistsInTarget', message };
  }
  if (/^Active/.test(diskState)) {
    const message = `There is an active shared access signature outstanding for disk ${name}.`;
    return { code: 'OperationNotAllowed', message };
  }
  if (managedBy === null) return null;
  const message = `The move resources request does not contain all the dependent resources of '${id}'. Missing: '${managedBy}'.`;
  return { code: 'MissingMoveDependentResources', message };
}

/** Each type of resource has an entry, with what is wrong below it. */
function invalid(details: readonly Reason[]): Answer {
  const code = 'ResourceMoveProviderValidationFailed';
  const entry = { code, target: DISKS, message: 'Please check details.', details };
  const message = 'Resource move validation failed. Please see details.';
  return { status: 409, body: { error: { code, message, details: [entry] } } };
}

function idIn(group: GroupResource, { name }: DiskResource): string {
  return `${group.id}/providers/${DISKS}/${name}`;
}

function noGroup(id: string): Answer {
  return refused(404, 'ResourceGroupNotFound', `Resource group '${id.split('/').at(-1)}' could not be found.`);
}
