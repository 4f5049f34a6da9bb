import { keyOf } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { lockChange } from '../governance/locks.js';
import { isWithin } from '../governance/scopes.js';
import { isReferred } from '../referred/references.js';
import {
  DISK,
  NETWORK_INTERFACE,
  REFERRED_TYPES,
  VIRTUAL_MACHINE,
  VIRTUAL_NETWORK,
  type ResourceRecord,
} from '../state/records.js';
import { put, remove, type Change } from '../state/state.js';
import { targetOf, type Move } from './move-rules.js';

/*
 * The records of a move: the resources under their new ids, and whatever refers to them. What only tells of the past,
 * such as the `sourceResourceId` of a snapshot, keeps the old id, as it does in Azure.
 */
export interface MovedRecords {
  readonly records: readonly { readonly before: ResourceRecord; readonly after: ResourceRecord }[];
  readonly changes: readonly Change[];
}

/** New ids by the keys of the old ones. */
type NewIds = ReadonlyMap<string, string>;

const REFERRERS = [DISK, VIRTUAL_MACHINE, NETWORK_INTERFACE, VIRTUAL_NETWORK] as const;

export function movedRecords(move: Move, azure: Azure): MovedRecords {
  const found = move.resourceIds.flatMap((id) => azure.state.resource(id) ?? []);
  const newIds: NewIds = new Map(found.map(({ id }) => [keyOf(id), targetOf(id, move, azure)]));
  const changedAt = azure.now().toISOString();
  const records = found.map((before) => ({
    before,
    after: { ...pointed(before, newIds), id: newIds.get(keyOf(before.id)) ?? before.id, changedAt },
  }));
  const referrers = [...REFERRERS, ...REFERRED_TYPES]
    .flatMap((type): readonly ResourceRecord[] => azure.state.ofType(type))
    .filter(({ id }) => !newIds.has(keyOf(id)));
  const locks = azure.state.all('locks').flatMap((lock) => {
    const before = found.find(({ id }) => isWithin(lock.scope, id));
    if (before === undefined) return [];
    return lockChange(lock, `${newIds.get(keyOf(before.id))}${lock.scope.slice(before.id.length)}`);
  });
  return {
    records,
    changes: [
      ...records.flatMap(({ before, after }) => [remove(before.id), put(after)]),
      ...referrers.flatMap((record) => {
        const next = pointed(record, newIds);
        return next === record ? [] : [put(next)];
      }),
      ...locks,
    ],
  };
}

/** The record itself when nothing in it refers to what has moved. */
function pointed(record: ResourceRecord, newIds: NewIds): ResourceRecord {
  switch (record.type) {
    case DISK:
      return patched(record, newIds, ['managedBy']);
    case VIRTUAL_MACHINE:
      return patched(record, newIds, ['properties']);
    case NETWORK_INTERFACE:
      return patched(record, newIds, ['ipConfigurations', 'kept', 'virtualMachineId', 'reservedFor']);
    case VIRTUAL_NETWORK:
      return patched(record, newIds, ['subnets', 'kept']);
    default:
      return isReferred(record) ? patched(record, newIds, ['kept']) : record;
  }
}

function patched<T extends object>(record: T, newIds: NewIds, members: readonly (keyof T)[]): T {
  const next = { ...record };
  for (const member of members) next[member] = followed(record[member], newIds);
  return members.every((member) => next[member] === record[member]) ? record : next;
}

/** Every id in the value, of what has moved or of what is part of it, replaced by the new one. */
function followed<T>(value: T, newIds: NewIds): T {
  if (typeof value === 'string') return newIdOf(value, newIds) as T;
  if (Array.isArray(value)) {
    const items = value as readonly unknown[];
    const next = items.map((item) => followed(item, newIds));
    return next.some((item, index) => item !== items[index]) ? (next as T) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, followed<unknown>(member, newIds)] as const);
  const isSame = entries.every(([name, member]) => member === (value as Record<string, unknown>)[name]);
  return isSame ? value : (Object.fromEntries(entries) as T);
}

function newIdOf(text: string, newIds: NewIds): string {
  if (!text.startsWith('/')) return text;
  for (let end = text.length; end > 0; end = text.lastIndexOf('/', end - 1)) {
    const newId = newIds.get(keyOf(text.slice(0, end)));
    if (newId !== undefined) return newId + text.slice(end);
  }
  return text;
}
