import { AzureError, conflict, resourceGroupBeingDeleted } from '../arm/errors.js';
import { parseResourceId, resourceGroupId, sameId } from '../arm/resource-id.js';
import type { Call, Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireSubscription } from '../groups/placement.js';
import { DELETE_NETWORK_RESOURCE } from '../network/settle.js';
import { RESOURCE_GROUP, type ResourceGroupRecord, type Tags } from '../state/records.js';
import { isAboutLocks, requireUnlocked } from './locks.js';
import { membersOf, requirePolicy, skuIn } from './policies.js';
import { requirePermission } from './principals.js';
import { requireRegistered } from './providers.js';
import { actionOf, scopeOf } from './scopes.js';

/*
 * What holds for every operation, whichever it is, in the order in which Azure asks: the subscription, the right to do
 * it, the provider, the state of the resource group, locks, policies, and whether the resource is busy.
 */

/** @throws AzureError */
export function requireAllowed(route: Route, call: Call, azure: Azure): void {
  const subscriptionId = call.parameters['subscriptionId'];
  if (subscriptionId === undefined) return;
  requireSubscription(subscriptionId, azure);
  const scope = scopeOf(call.path);
  if (!isAboutOperations(route)) requirePermission(call.principal, actionOf(route, call), scope);
  if (route.effect === 'read' || isAboutLocks(call.path)) return;
  requireRegistered(call.path, azure);
  requireSettledGroup(route, call, azure);
  requireUnlocked(scope, route.effect === 'delete' ? 'delete' : 'write', azure);
  if (route.effect === 'write') requirePolicies(scope, call, azure);
  requireIdleNetwork(route, scope, azure);
}

/** Whoever was allowed to begin an operation may ask how it is doing. */
function isAboutOperations(route: Route): boolean {
  return route.operation.startsWith('Operations_');
}

/** @throws AzureError 409 while the group is being deleted, or resources move out of it or into it */
function requireSettledGroup(route: Route, call: Call, azure: Azure): void {
  const group = groupOf(call, azure);
  if (group === undefined) return;
  if (group.provisioningState === 'Deleting' && route.effect !== 'delete') throw resourceGroupBeingDeleted(group.name);
  if (group.movingBy === null || /\/(validateM|m)oveResources$/i.test(call.path)) return;
  throw conflict(
    'Conflict',
    `The resource group '${group.name}' is locked for write and delete while a resource move operation is in progress. ` +
      'Please wait until it has ended and try again.',
  );
}

function groupOf(call: Call, azure: Azure): ResourceGroupRecord | undefined {
  const name = call.parameters['resourceGroupName'];
  return name === undefined ? undefined : azure.state.find(RESOURCE_GROUP, resourceGroupId(azure.subscriptionId, name));
}

/** A write is judged by what it would leave: what the body gives, and what is there already. */
function requirePolicies(scope: string, call: Call, azure: Azure): void {
  if (azure.settings.values.policies.length === 0) return;
  const isGroup = sameId(scope, call.path) && parseResourceId(scope) === null;
  const type = isGroup ? RESOURCE_GROUP : parseResourceId(scope)?.type;
  if (type === undefined || !sameId(scope, call.path)) return;
  const existing = azure.state.resource(scope);
  const body = membersOf(call.body);
  const isReplaced = call.method === 'PUT';
  requirePolicy(
    {
      id: scope,
      type: existing?.type ?? type,
      location: typeof body['location'] === 'string' ? body['location'] : (existing?.location ?? ''),
      tags: body['tags'] === undefined && !isReplaced ? (existing?.tags ?? {}) : (membersOf(body['tags']) as Tags),
      sku: skuIn(body),
    },
    azure,
  );
}

/** Subnets are changed through their network. @throws AzureError 429 RetryableErrorDueToAnotherOperation */
function requireIdleNetwork(route: Route, scope: string, azure: Azure): void {
  const id = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.Network\/[^/]+\/[^/]+/i.exec(
    scope,
  )?.[0];
  const running = id === undefined ? undefined : azure.operations.on(id);
  if (running === undefined || (running.kind === DELETE_NETWORK_RESOURCE.name && route.effect === 'delete')) return;
  const { provisioningState } = azure.state.resource(running.resourceId) ?? { provisioningState: 'Updating' };
  throw new AzureError(
    429,
    'RetryableErrorDueToAnotherOperation',
    `Cannot proceed with operation because resource ${running.resourceId} is in ${provisioningState} state: operation ` +
      `${running.kind} (${running.id}) is in progress on it. Please retry the operation later.`,
    { headers: { 'retry-after': String(Math.max(1, azure.settings.values.retryAfterSeconds)) } },
  );
}
