import { randomUUID } from 'node:crypto';
import { AzureError, badRequest, conflict, resourceNotFound, type ErrorDetail } from '../arm/errors.js';
import { keyOf, nameOf, parseResourceId, resourceId, sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { hasActiveSas } from '../compute/disk-rules.js';
import { requireUnlocked } from '../governance/locks.js';
import { denyingPolicy } from '../governance/policies.js';
import { requirePermission } from '../governance/principals.js';
import { referrersOf } from '../referred/references.js';
import { REFERRED } from '../referred/types.js';
import type { Principal } from '../settings/principal.js';
import {
  DISK,
  NETWORK_INTERFACE,
  PUBLIC_IP,
  REFERRED_TYPES,
  SECURITY_GROUP,
  SNAPSHOT,
  VIRTUAL_MACHINE,
  VIRTUAL_NETWORK,
  type DiskRecord,
  type Kept,
  type ResourceGroupRecord,
  type ResourceRecord,
} from '../state/records.js';
import { requireOpenGroup, requireSubscription } from './placement.js';

/* What makes Azure refuse to move resources: at once, or, where their providers are asked, when the move takes place. */
export interface Move {
  readonly sourceGroup: string;
  readonly sourceGroupId: string;
  readonly targetGroup: string;
  readonly targetGroupId: string;
  readonly resourceIds: readonly string[];
}

const MOVABLE: readonly string[] = [
  DISK,
  SNAPSHOT,
  VIRTUAL_MACHINE,
  NETWORK_INTERFACE,
  VIRTUAL_NETWORK,
  PUBLIC_IP,
  SECURITY_GROUP,
  ...REFERRED_TYPES.filter((type) => REFERRED[type].moves === true),
].map(keyOf);

/** @throws AzureError 404 for a target or a resource that doesn't exist, 400 for what is no id, 409 for one group */
export function moveOf(
  source: ResourceGroupRecord,
  resourceIds: readonly string[],
  targetId: string,
  azure: Azure,
): { readonly move: Move; readonly target: ResourceGroupRecord } {
  const [, subscriptionId, name] = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)$/i.exec(targetId) ?? [];
  if (subscriptionId === undefined || name === undefined) {
    throw badRequest(
      'InvalidResourceGroup',
      `The target resource group '${targetId}' is not the id of a resource group.`,
      'targetResourceGroup',
    );
  }
  requireSubscription(subscriptionId, azure);
  const target = requireOpenGroup(name, azure);
  requireOpenGroup(source.name, azure);
  if (sameId(source.id, target.id)) {
    throw conflict('ConflictingUserInput', 'Source and destination resource groups are the same.');
  }
  const ids = [...new Map(resourceIds.map((id) => [keyOf(id), id])).values()];
  for (const id of ids) requireInGroup(id, source, azure);
  return {
    move: {
      sourceGroup: source.name,
      sourceGroupId: source.id,
      targetGroup: target.name,
      targetGroupId: target.id,
      resourceIds: ids,
    },
    target,
  };
}

function requireInGroup(id: string, group: ResourceGroupRecord, azure: Azure): void {
  const address = parseResourceId(id);
  if (address === null || address.resourceGroup.toLowerCase() !== group.name.toLowerCase()) {
    throw badRequest(
      'InvalidRequestContent',
      `The resource '${id}' is not the id of a resource in resource group '${group.name}'. All resources of a move must be in its source resource group.`,
      'resources',
    );
  }
  requireSubscription(address.subscriptionId, azure);
  if (!isMovable(address.type) || azure.state.resource(id) !== undefined) return;
  throw resourceNotFound(address.type, address.name, group.name);
}

/**
 * What Resource Manager checks itself, before it accepts.
 * @throws AzureError 403 AuthorizationFailed; 409 ScopeLocked, MoveResourcesHavePendingOperations
 */
export function requireAdmissible(
  move: Move,
  source: ResourceGroupRecord,
  target: ResourceGroupRecord,
  principal: Principal,
  azure: Azure,
): void {
  requirePermission(principal, 'Microsoft.Resources/subscriptions/resourceGroups/write', target.id);
  for (const scope of [source.id, target.id, ...move.resourceIds]) requireUnlocked(scope, 'write', azure);
  const busy = move.resourceIds.filter((id) => isBusy(id, azure));
  if (source.movingBy === null && target.movingBy === null && busy.length === 0) return;
  const names = (
    busy.length > 0 ? busy : [source, target].flatMap(({ id, movingBy }) => (movingBy === null ? [] : [id]))
  ).join("', '");
  throw conflict(
    'MoveResourcesHavePendingOperations',
    `The move resources request cannot be completed because there are pending operations on: '${names}'. Please wait until they have ended and try again.`,
  );
}

/** What works on a machine works on its disks and interfaces, too. */
function isBusy(id: string, azure: Azure): boolean {
  const resource = azure.state.resource(id);
  const holder = resource === undefined ? null : holderOf(resource);
  if (resource?.type === DISK && resource.detaching) return true;
  return azure.operations.on(id) !== undefined || (holder !== null && azure.operations.on(holder) !== undefined);
}

/**
 * What the resources' providers check.
 * @throws AzureError 409 ResourceMoveProviderValidationFailed or ResourceMovePolicyValidationFailed, with details
 */
export function requireMovable(move: Move, azure: Azure): void {
  const moving = new Set(move.resourceIds.map(keyOf));
  const reasons = move.resourceIds.flatMap((id) => reasonAgainst(id, moving, move, azure) ?? []);
  if (reasons.length > 0) throw validationFailed('ResourceMoveProviderValidationFailed', byType(reasons), azure);
  const denied = move.resourceIds.flatMap((id) => {
    const resource = azure.state.resource(id);
    const policy =
      resource === undefined ? undefined : denyingPolicy({ ...resource, id: targetOf(id, move, azure) }, azure);
    if (policy === undefined) return [];
    const message = `Resource '${nameOf(id)}' was disallowed by policy '${policy.displayName ?? policy.name}' of the target resource group.`;
    return [{ code: 'RequestDisallowedByPolicy', target: id, message }];
  });
  if (denied.length === 0) return;
  throw validationFailed('ResourceMovePolicyValidationFailed', denied, azure);
}

/** Each provider tells of its own type; what is wrong with a resource lies one level deeper, with the id in its text. */
function byType(reasons: readonly Reason[]): readonly ErrorDetail[] {
  const types = [...new Set(reasons.map(({ type }) => type))];
  return types.map((type) => {
    const own = reasons.filter((reason) => reason.type === type);
    const isUnsettled = own.every(({ isState }) => isState === true);
    return {
      code: isUnsettled ? 'MoveCannotProceedWithResourcesNotInSucceededState' : (own[0]?.code ?? ''),
      target: type,
      message: isUnsettled
        ? 'One of the resources being migrated or its dependency is not in Succeeded state. Please check details for information about each resource/operation.'
        : 'Some of the resources cannot be moved. Please check details for information about each resource.',
      details: own.map(({ code, message }) => ({ code, message })),
    };
  });
}

function validationFailed(code: string, details: readonly ErrorDetail[], azure: Azure): AzureError {
  const timestamp = azure
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+/g, '');
  return new AzureError(
    409,
    code,
    `Resource move validation failed. Please see details. Diagnostic information: timestamp '${timestamp}', ` +
      `subscription id '${azure.subscriptionId}', tracking id '${randomUUID()}', request correlation id '${randomUUID()}'.`,
    { details },
  );
}

/** The id that a resource has after the move. */
export function targetOf(id: string, move: Move, azure: Azure): string {
  const resource = azure.state.resource(id);
  const address = parseResourceId(id);
  return resourceId(
    azure.subscriptionId,
    move.targetGroup,
    resource?.type ?? address?.type ?? '',
    resource?.name ?? address?.name ?? '',
  );
}

function hasOwnKey({ kept }: DiskRecord): boolean {
  return typeof (kept['encryption'] as Kept | undefined)?.['diskEncryptionSetId'] === 'string';
}

interface Reason {
  /** Of the resource. */
  readonly type: string;
  readonly code: string;
  readonly message: string;
  /** It is not in the state Succeeded, and nothing else is wrong. */
  readonly isState?: true;
}

function reasonAgainst(id: string, moving: ReadonlySet<string>, move: Move, azure: Azure): Reason | null {
  const type = parseResourceId(id)?.type ?? '';
  if (!isMovable(type)) {
    return reason(
      'MoveNotSupported',
      id,
      `Resource move is not supported for resource types '${type}': '${id}' cannot be moved.`,
    );
  }
  const resource = azure.state.resource(id);
  if (resource?.type === SNAPSHOT && resource.incremental) {
    return reason('MoveNotSupported', id, `The incremental snapshot '${id}' cannot be moved.`);
  }
  if (resource?.type === DISK && resource.diskState === 'Attached' && hasOwnKey(resource)) {
    return reason(
      'MoveNotSupported',
      id,
      `The disk '${id}' is encrypted with a customer-managed key and cannot be moved while its VM is allocated.`,
    );
  }
  const isTaken = azure.state.resource(targetOf(id, move, azure)) !== undefined;
  // A run that was cut short and begins anew finds what it has moved at the target.
  if (resource === undefined)
    return isTaken ? null : reason('ResourceNotFound', id, `The resource '${id}' was not found.`);
  if (isTaken) {
    return reason(
      'ResourceAlreadyExistsInTarget',
      id,
      `The resource '${id}' cannot be moved: there is a '${resource.type}/${resource.name}' in the target resource group '${move.targetGroup}' already.`,
    );
  }
  const unsettled = [resource, ...dependencies(resource, azure)].find(
    ({ provisioningState }) => provisioningState !== 'Succeeded',
  );
  if (unsettled !== undefined) return stateReason(resource, unsettled);
  if ((resource.type === DISK || resource.type === SNAPSHOT) && hasActiveSas(resource)) {
    return reason(
      'OperationNotAllowed',
      id,
      `There is an active shared access signature outstanding for disk ${resource.name}. Call EndGetAccess before moving '${id}'.`,
    );
  }
  const left = apartFrom(resource, moving, azure);
  if (left.length === 0) return null;
  return reason(
    'MissingMoveDependentResources',
    id,
    `The move resources request does not contain all the dependent resources of '${id}'. Missing: '${left.join("', '")}'.`,
  );
}

/** A machine and its disks of the same group move together or not at all, and so do all machines of a set with it. */
function apartFrom(resource: ResourceRecord, moving: ReadonlySet<string>, azure: Azure): readonly string[] {
  if (resource.type === 'Microsoft.Compute/availabilitySets') {
    const machines = referrersOf(resource.id, azure).filter(
      (id) => azure.state.find(VIRTUAL_MACHINE, id) !== undefined,
    );
    return machines.filter((id) => !moving.has(keyOf(id)));
  }
  if (resource.type === DISK) {
    return resource.managedBy === null || moving.has(keyOf(resource.managedBy)) ? [] : [resource.managedBy];
  }
  if (resource.type !== VIRTUAL_MACHINE) return [];
  const group = keyOf(parseResourceId(resource.id)?.resourceGroup ?? '');
  const { osDisk, dataDisks } = resource.properties.storageProfile;
  const set = resource.properties.availabilitySet?.id;
  const left = set === undefined || moving.has(keyOf(set)) ? [] : [set];
  return [osDisk, ...dataDisks].reduce<readonly string[]>((missing, { managedDisk }) => {
    const id = managedDisk?.id ?? '';
    const isHere =
      keyOf(parseResourceId(id)?.resourceGroup ?? '') === group && azure.state.find(DISK, id) !== undefined;
    return isHere && !moving.has(keyOf(id)) ? [...missing, id] : missing;
  }, left);
}

function holderOf(resource: ResourceRecord): string | null {
  if (resource.type === DISK) return resource.managedBy;
  return resource.type === NETWORK_INTERFACE ? resource.virtualMachineId : null;
}

function isMovable(type: string): boolean {
  return MOVABLE.includes(keyOf(type));
}

function reason(code: string, id: string, message: string): Reason {
  return { type: parseResourceId(id)?.type ?? '', code, message };
}

/** @param unsettled the resource itself or what it depends on */
function stateReason({ type, id }: ResourceRecord, unsettled: ResourceRecord): Reason {
  const { provisioningState } = unsettled;
  const isBusyNow =
    provisioningState === 'Updating' || provisioningState === 'Creating' || provisioningState === 'Deleting';
  return {
    type,
    code: isBusyNow ? 'AnotherOperationInProgress' : 'ResourceNotInSucceededState',
    message: isBusyNow
      ? `Another operation on this or dependent resource is in progress. Resource: '${id}', in progress on: '${unsettled.id}'.`
      : `The resource '${id}' cannot be moved while '${unsettled.id}' is in the provisioning state '${provisioningState}'.`,
    isState: true,
  };
}

/** What a machine and an interface are made of, whose states are looked at with theirs. */
function dependencies(resource: ResourceRecord, azure: Azure): readonly ResourceRecord[] {
  const ids =
    resource.type === VIRTUAL_MACHINE
      ? (resource.properties.networkProfile?.networkInterfaces ?? []).map(({ id }) => id)
      : resource.type === NETWORK_INTERFACE
        ? resource.ipConfigurations.map(({ properties }) => properties.subnet?.id.replace(/\/subnets\/.*$/i, '') ?? '')
        : [];
  return ids.flatMap((id) => azure.state.resource(id) ?? []);
}
