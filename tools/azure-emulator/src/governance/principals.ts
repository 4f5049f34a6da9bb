import { createHash, timingSafeEqual } from 'node:crypto';
import { AzureError } from '../arm/errors.js';
import { list, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { isWithin, scopeOf } from './scopes.js';
import { requireGroup } from '../groups/placement.js';
import type { Principal } from '../settings/principal.js';

/*
 * Who asks, and what they may do. The emulator's own token is the subscription's owner; other tokens stand for the
 * principals that the settings name, with what their roles allow.
 */
export const OWNER: Principal = { objectId: 'owner', permissions: [{ actions: ['*'], notActions: [] }] };

/** Null for a token that nobody has. */
export function principalOf(token: string, ownToken: string, azure: Pick<Azure, 'settings'>): Principal | null {
  if (sameSecret(token, ownToken)) return OWNER;
  const known = Object.entries(azure.settings.values.principals).find(([other]) => sameSecret(token, other));
  return known?.[1] ?? null;
}

/** @throws AzureError 403 AuthorizationFailed */
export function requirePermission(principal: Principal, action: string, scope: string): void {
  const isAllowed = principal.permissions.some(
    ({ actions, notActions, scope: assigned }) =>
      (assigned === undefined || isWithin(scope, assigned)) &&
      actions.some((pattern) => covers(pattern, action)) &&
      !notActions.some((pattern) => covers(pattern, action)),
  );
  if (isAllowed) return;
  throw new AzureError(
    403,
    'AuthorizationFailed',
    `The client '${principal.objectId}' with object id '${principal.objectId}' does not have authorization to perform action ` +
      `'${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  );
}

export const PERMISSION_ROUTES: readonly Route[] = [
  {
    operation: 'Permissions_ListForResourceGroup',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Authorization/permissions',
    handle: (call, azure) => {
      requireGroup(call.parameters['resourceGroupName'] ?? '', azure);
      return permissionsAt(scopeOf(call.path), call);
    },
  },
  {
    operation: 'Permissions_ListForResource',
    method: 'GET',
    effect: 'read',
    path: '/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/{namespace}/{resourceType}/{resourceName}/providers/Microsoft.Authorization/permissions',
    handle: (call) => permissionsAt(scopeOf(call.path), call),
  },
];

/** What the roles that hold at the scope allow, one entry for each. */
function permissionsAt(scope: string, call: Call): Answer {
  const held = call.principal.permissions.filter(({ scope: at }) => at === undefined || isWithin(scope, at));
  return list(held.map(({ actions, notActions }) => ({ actions, notActions, dataActions: [], notDataActions: [] })));
}

/** `*` in a role's action stands for any text. */
function covers(pattern: string, action: string): boolean {
  const text = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${text}$`, 'i').test(action);
}

function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
