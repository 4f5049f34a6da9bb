import { AzureError, badRequest, invalidParameter } from '../arm/errors.js';
import { keyOf, parseResourceId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { invalidReference } from '../network/subnets.js';
import { REFERRED_TYPES, type RecordOf, type ReferredRecord, type ReferredType } from '../state/records.js';
import { REFERRED } from './types.js';

/*
 * That what a request names is there. Compute says `NotFound` of what it misses, the network `InvalidResourceReference`.
 */

/**
 * What a machine, a disk or a snapshot names.
 * @param location of what names it; both have to be in the same region
 * @throws AzureError 404 NotFound, 400 for what is no such id or in another region
 */
export function requireReferred<T extends ReferredType>(
  type: T,
  id: string,
  target: string,
  location: string,
  azure: Azure,
): RecordOf<T> {
  if (keyOf(parseResourceId(id)?.type ?? '') !== keyOf(type)) {
    throw invalidParameter(target, `Entity with ID '${id}' is not a valid '${type}' resource identifier.`);
  }
  const found = azure.state.find(type, id);
  const { label } = REFERRED[type];
  if (found === undefined) {
    throw new AzureError(404, 'NotFound', `The ${label} '${id}' cannot be found.`, { target });
  }
  if ((found as ReferredRecord).location === location) return found;
  throw badRequest(
    'BadRequest',
    `The ${label} '${id}' is in location '${(found as ReferredRecord).location}' and cannot be used in location '${location}'.`,
    target,
  );
}

/**
 * What a network resource names: another one, or a child of it, such as a load balancer's pool.
 * @throws AzureError 400 InvalidResourceReference
 */
export function requireNetworkReferences(
  ids: readonly string[],
  referrer: string,
  location: string,
  azure: Azure,
): void {
  for (const id of ids) {
    const [, owner = id, child] = /^(.*\/providers\/[^/]+\/[^/]+\/[^/]+)(?:\/([^/]+\/[^/]+))?$/.exec(id) ?? [];
    const found = azure.state.resource(owner);
    const isThere = found?.location === location && (child === undefined || hasChild(found, child));
    if (!isThere) throw invalidReference(id, referrer);
  }
}

function hasChild(owner: object, child: string): boolean {
  if (!('kept' in owner)) return false;
  const [collection = '', name = ''] = child.split('/');
  const entries = Object.entries(owner.kept as Record<string, unknown>).find(
    ([key]) => keyOf(key) === keyOf(collection),
  );
  const list = Array.isArray(entries?.[1]) ? (entries[1] as readonly { readonly name?: string }[]) : [];
  return list.some((entry) => keyOf(entry.name ?? '') === keyOf(name));
}

/** The ids at a member of a body's part: `{id}`, or a list of such. */
export function idsAt(part: Readonly<Record<string, unknown>>, ...members: readonly string[]): readonly string[] {
  return members.flatMap((member) => {
    const value = part[member];
    return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).flatMap((entry) =>
      typeof entry === 'object' && entry !== null && typeof (entry as { id?: unknown }).id === 'string'
        ? [(entry as { readonly id: string }).id]
        : [],
    );
  });
}

/** The ids of what names this resource, or a part of it. */
export function referrersOf(id: string, azure: Azure): readonly string[] {
  return azure.state
    .all('resources')
    .filter((resource) => keyOf(resource.id) !== keyOf(id) && mentions({ ...resource, id: null }, keyOf(id)))
    .map((resource) => resource.id);
}

function mentions(value: unknown, key: string): boolean {
  if (typeof value === 'string') return keyOf(value) === key || keyOf(value).startsWith(`${key}/`);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, member]) => keyOf(name) === key || mentions(member, key));
}

export function isReferred(resource: { readonly type: string }): resource is ReferredRecord {
  return (REFERRED_TYPES as readonly string[]).includes(resource.type);
}
