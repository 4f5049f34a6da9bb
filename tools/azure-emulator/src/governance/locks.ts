import { z } from 'zod';
import { parseBody, READ_ONLY_MEMBERS } from '../arm/body.js';
import { AzureError, badRequest, conflict, resourceNotFound } from '../arm/errors.js';
import { keyOf, parseResourceId } from '../arm/resource-id.js';
import { list, ok, parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { requireGroup, requireOpenGroup } from '../groups/placement.js';
import { requireNamedSubnet, requireNetwork } from '../network/subnets.js';
import { VIRTUAL_NETWORK, type LockRecord } from '../state/records.js';
import type { Change } from '../state/state.js';
import { isWithin, scopeOf } from './scopes.js';

/*
 * Management locks. One on a scope holds for everything beneath it, too; whoever deletes a scope is stopped by the
 * locks beneath it as well. ReadOnly stops what changes anything, actions (POST) included.
 */
const TYPE = 'Microsoft.Authorization/locks';
const SUBSCRIPTION = '/subscriptions/{subscriptionId}';
const GROUP = `${SUBSCRIPTION}/resourceGroups/{resourceGroupName}`;
const RESOURCE = `${GROUP}/providers/{namespace}/{resourceType}/{resourceName}`;

const SCOPES = [
  { name: 'SubscriptionLevel', path: SUBSCRIPTION },
  { name: 'ResourceGroupLevel', path: GROUP },
  { name: 'ResourceLevel', path: RESOURCE },
  { name: 'ChildResourceLevel', path: `${RESOURCE}/{childType}/{childName}` },
];

const BODY = z.strictObject({
  ...READ_ONLY_MEMBERS,
  properties: z.strictObject({
    level: z.enum(['CanNotDelete', 'ReadOnly']),
    notes: z.string().max(512).optional(),
    owners: z.array(z.strictObject({ applicationId: z.string().optional() })).optional(),
  }),
});

export const LOCK_ROUTES: readonly Route[] = SCOPES.flatMap(({ name, path }): Route[] => {
  const collection = `${path}/providers/${TYPE}`;
  const lock = `${collection}/{lockName}`;
  return [
    {
      operation: `ManagementLocks_CreateOrUpdateAt${name}`,
      method: 'PUT',
      effect: 'write',
      path: lock,
      handle: createOrUpdate,
    },
    {
      operation: `ManagementLocks_GetAt${name}`,
      method: 'GET',
      effect: 'read',
      path: lock,
      handle: (call, azure) => ok(lockView(named(call, azure))),
    },
    { operation: `ManagementLocks_DeleteAt${name}`, method: 'DELETE', effect: 'delete', path: lock, handle: takeAway },
    {
      operation: `ManagementLocks_ListAt${name}`,
      method: 'GET',
      effect: 'read',
      path: collection,
      handle: (call, azure) => list(locksAt(call, azure).map(lockView)),
    },
  ];
});

/** Whether a path is about a lock itself: locks never stop whoever may take them away. */
export function isAboutLocks(path: string): boolean {
  return /\/providers\/Microsoft\.Authorization\/locks(\/[^/]+)?$/i.test(path);
}

/** @throws AzureError 409 ScopeLocked */
export function requireUnlocked(scope: string, operation: 'write' | 'delete', azure: Azure): void {
  const stopping = azure.state
    .all('locks')
    .filter((lock) =>
      operation === 'delete'
        ? isWithin(scope, lock.scope) || isWithin(lock.scope, scope)
        : lock.level === 'ReadOnly' && isWithin(scope, lock.scope),
    );
  if (stopping.length === 0) return;
  const scopes = [...new Set(stopping.map((lock) => lock.scope))].join(',');
  throw conflict(
    'ScopeLocked',
    `The scope '${scope}' cannot perform ${operation} operation because following scope(s) are locked: '${scopes}'. ` +
      'Please remove the lock and try again.',
  );
}

/** The lock moves along with its resource. */
export function lockChange(lock: LockRecord, scope: string): readonly Change[] {
  const id = `${scope}/providers/${TYPE}/${lock.name}`;
  return [
    { table: 'locks', key: keyOf(lock.id), value: null },
    { table: 'locks', key: keyOf(id), value: { ...lock, id, scope } },
  ];
}

function createOrUpdate(call: Call, azure: Azure): Answer {
  const name = parameter(call, 'lockName');
  if (name.length > 260 || /[<>%&\\?/]/.test(name)) {
    throw badRequest(
      'InvalidLockName',
      `The lock name '${name}' is invalid: at most 260 characters and none of <>%&\\?/.`,
    );
  }
  const scope = scopeOf(call.path);
  requireScope(scope, azure);
  const { properties } = parseBody(BODY, call.body);
  const id = `${scope}/providers/${TYPE}/${name}`;
  const existing = azure.state.get('locks', keyOf(id));
  const lock: LockRecord = {
    id: existing?.id ?? id,
    name: existing?.name ?? name,
    scope: existing?.scope ?? scope,
    level: properties.level,
    notes: properties.notes ?? null,
  };
  azure.state.commit([{ table: 'locks', key: keyOf(id), value: lock }]);
  return { status: existing === undefined ? 201 : 200, body: lockView(lock) };
}

function takeAway(call: Call, azure: Azure): Answer {
  const key = keyOf(call.path);
  if (azure.state.get('locks', key) === undefined) return { status: 204 };
  azure.state.commit([{ table: 'locks', key, value: null }]);
  return { status: 200 };
}

function named(call: Call, azure: Azure): LockRecord {
  const lock = azure.state.get('locks', keyOf(call.path));
  if (lock !== undefined) return lock;
  throw new AzureError(404, 'LockNotFound', `The lock '${parameter(call, 'lockName')}' could not be found.`);
}

/** Those that hold at the scope, and, unless the filter is `atScope()`, those beneath it. */
function locksAt(call: Call, azure: Azure): readonly LockRecord[] {
  const scope = scopeOf(call.path);
  const isAtScope = /^\s*atScope\(\)\s*$/i.test(call.query.get('$filter') ?? '');
  return azure.state
    .all('locks')
    .filter((lock) => isWithin(scope, lock.scope) || (!isAtScope && isWithin(lock.scope, scope)));
}

/** @throws AzureError 404 when there is nothing to lock */
function requireScope(scope: string, azure: Azure): void {
  const group = /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)/i.exec(scope)?.[1];
  if (group === undefined) return;
  requireOpenGroup(group, azure);
  const address = parseResourceId(scope);
  if (address === null || azure.state.resource(scope) !== undefined) return;
  if (address.type.toLowerCase() === `${VIRTUAL_NETWORK}/subnets`.toLowerCase()) {
    requireNamedSubnet(requireNetwork(address.resourceGroup, address.names[0] ?? '', azure), address.name);
    return;
  }
  throw resourceNotFound(address.type, address.name, requireGroup(group, azure).name);
}

function lockView(lock: LockRecord): unknown {
  return {
    id: lock.id,
    type: TYPE,
    name: lock.name,
    properties: { level: lock.level, ...(lock.notes === null ? {} : { notes: lock.notes }) },
  };
}
