import { keyOf } from '../arm/resource-id.js';
import type { Call, Route } from '../arm/route.js';

/*
 * What a request works on, and what it does there, in the words of locks, policies and roles: the scope is a
 * subscription, a resource group or a resource, the action is like `Microsoft.Compute/disks/write`.
 */

/** Namespaces whose resources sit on other resources (`{scope}/providers/Microsoft.Authorization/locks/l`). */
const EXTENSIONS = ['microsoft.authorization', 'microsoft.resources'];
const GROUP_SEGMENTS = 4;
const VERBS = { GET: 'read', HEAD: 'read', PUT: 'write', PATCH: 'write', DELETE: 'delete', POST: 'action' } as const;

/**
 * Collections and actions belong to the scope that they are of: `…/disks/d/beginGetAccess` works on `…/disks/d`.
 * The fixed parts are written as Azure writes them, whatever the request's case.
 */
export function scopeOf(path: string): string {
  const segments = path.split('/').slice(1);
  const [, subscription = '', , group] = segments;
  if (segments[2]?.toLowerCase() !== 'resourcegroups' || group === undefined) return `/subscriptions/${subscription}`;
  const container = `/subscriptions/${subscription}/resourceGroups/${group}`;
  const [providers, namespace = '', ...types] = segments.slice(GROUP_SEGMENTS);
  if (!isProviders(providers) || EXTENSIONS.includes(namespace.toLowerCase())) return container;
  let end = 0;
  while (types[end + 1] !== undefined && !isProviders(types[end])) end += 2;
  return end === 0 ? container : `${container}/providers/${namespace}/${types.slice(0, end).join('/')}`;
}

/** True for the outer scope itself, too. */
export function isWithin(scope: string, outer: string): boolean {
  return keyOf(scope) === keyOf(outer) || keyOf(scope).startsWith(`${keyOf(outer)}/`);
}

/** As role definitions name it. */
export function actionOf(route: Route, call: Call): string {
  const segments = route.path.split('/').slice(1);
  const verb = route.verb ?? VERBS[route.method];
  const providers = segments.findLastIndex(isProviders);
  const given = segments[providers + 1];
  if (providers < 0 || given === undefined) return `Microsoft.Resources/${fixed(segments).join('/')}/${verb}`;
  const namespace = given.startsWith('{') ? (call.parameters[given.slice(1, -1)] ?? '') : given;
  const types = fixed(segments.slice(providers + 2));
  if (types.length === 0) return `Microsoft.Resources/subscriptions/providers/${verb}`;
  return `${namespace}/${types.join('/')}/${verb}`;
}

function fixed(segments: readonly string[]): readonly string[] {
  return segments.filter((segment) => !segment.startsWith('{'));
}

function isProviders(segment: string | undefined): boolean {
  return segment?.toLowerCase() === 'providers';
}
