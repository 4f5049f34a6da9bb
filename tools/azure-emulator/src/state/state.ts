import { keyOf, resourceGroupOf } from '../arm/resource-id.js';
import { Journal, type Entry } from './journal.js';
import type { FaultRecord } from '../faults/fault.js';
import {
  NETWORK_INTERFACE,
  RESOURCE_GROUP,
  type GrantRecord,
  type LockRecord,
  type NetworkInterfaceRecord,
  type OperationRecord,
  type RecordOf,
  type ResourceRecord,
  type ResourceType,
  type SettingRecord,
  type WorkerRecord,
} from './records.js';

export interface Tables {
  resources: ResourceRecord;
  operations: OperationRecord;
  grants: GrantRecord;
  workers: WorkerRecord;
  guests: WorkerRecord;
  locks: LockRecord;
  settings: SettingRecord;
  faults: FaultRecord;
}

/** One row to put, or with `null` to remove. Resource rows are keyed by `keyOf(id)`. */
export type Change = {
  [T in keyof Tables]: { readonly table: T; readonly key: string; readonly value: Tables[T] | null };
}[keyof Tables];

export function put(resource: ResourceRecord): Change {
  return { table: 'resources', key: keyOf(resource.id), value: resource };
}

export function remove(id: string): Change {
  return { table: 'resources', key: keyOf(id), value: null };
}

/**
 * All records, in memory and in the journal. Resources are indexed by type, by resource group and, network interfaces,
 * by subnet; signatures by what they are on: so no question has to look at all of them.
 */
export class State {
  private readonly tables: { readonly [T in keyof Tables]: Map<string, Tables[T]> } = {
    resources: new Map(),
    operations: new Map(),
    grants: new Map(),
    workers: new Map(),
    guests: new Map(),
    locks: new Map(),
    settings: new Map(),
    faults: new Map(),
  };
  private readonly keysByGroup = new Map<string, Set<string>>();
  private readonly keysByType = new Map<string, Set<string>>();
  private readonly interfaceKeysBySubnet = new Map<string, Set<string>>();
  private readonly grantKeysByResource = new Map<string, Set<string>>();
  private looked = 0;
  private readonly journal: Journal;

  constructor(directory: string) {
    this.journal = new Journal(directory);
    this.journal.replay(([table, key, value]) => {
      if (table in this.tables) this.apply({ table, key, value } as Change);
    });
  }

  /** How many records were looked at so far: what a request costs, whatever the machine's speed. */
  get recordsLookedAt(): number {
    return this.looked;
  }

  get<T extends keyof Tables>(table: T, key: string): Tables[T] | undefined {
    this.looked++;
    return this.tables[table].get(key);
  }

  all<T extends keyof Tables>(table: T): readonly Tables[T][] {
    this.looked += this.tables[table].size;
    return [...this.tables[table].values()];
  }

  count(table: keyof Tables): number {
    return this.tables[table].size;
  }

  /** The first `limit` rows in order of writing. */
  oldest<T extends keyof Tables>(table: T, limit: number): readonly Tables[T][] {
    const rows: Tables[T][] = [];
    for (const row of this.tables[table].values()) {
      if (rows.length === limit) break;
      rows.push(row);
    }
    this.looked += rows.length;
    return rows;
  }

  resource(id: string): ResourceRecord | undefined {
    this.looked++;
    return this.tables.resources.get(keyOf(id));
  }

  find<T extends ResourceType>(type: T, id: string): RecordOf<T> | undefined {
    const resource = this.resource(id);
    return resource !== undefined && isOfType(resource, type) ? resource : undefined;
  }

  ofType<T extends ResourceType>(type: T): readonly RecordOf<T>[] {
    return this.rows(this.keysByType.get(type)).flatMap((resource) => (isOfType(resource, type) ? [resource] : []));
  }

  /** What lies in a resource group, the group itself not included. */
  inGroup(groupName: string): readonly ResourceRecord[] {
    return this.rows(this.keysByGroup.get(groupName.toLowerCase()));
  }

  /** The network interfaces that have an address in a subnet. */
  inSubnet(subnetId: string): readonly NetworkInterfaceRecord[] {
    return this.rows(this.interfaceKeysBySubnet.get(keyOf(subnetId))).flatMap((resource) =>
      isOfType(resource, NETWORK_INTERFACE) ? [resource] : [],
    );
  }

  /** The signatures on a disk or a snapshot. */
  grantsOn(resourceId: string): readonly GrantRecord[] {
    return [...(this.grantKeysByResource.get(keyOf(resourceId)) ?? [])].flatMap((key) => this.get('grants', key) ?? []);
  }

  /** Makes all changes, or none; they are on disk when this returns. */
  commit(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    this.journal.append(changes.map(({ table, key, value }): Entry => [table, key, value]));
    for (const change of changes) this.apply(change);
    if (this.journal.isDueForCompaction) this.journal.compact(this.entries());
  }

  close(): void {
    this.journal.compact(this.entries());
    this.journal.close();
  }

  private *entries(): Iterable<Entry> {
    for (const [table, rows] of Object.entries(this.tables)) {
      for (const [key, value] of rows) yield [table, key, value];
    }
  }

  private apply(change: Change): void {
    if (change.table === 'resources') this.index(change.key, change.value);
    if (change.table === 'grants') this.indexGrant(change.key, change.value);
    const rows: Map<string, unknown> = this.tables[change.table];
    if (change.value === null) rows.delete(change.key);
    else rows.set(change.key, change.value);
  }

  private index(key: string, next: ResourceRecord | null): void {
    const previous = this.tables.resources.get(key);
    if (previous !== undefined) {
      takeFrom(this.keysByType, previous.type, key);
      takeFrom(this.keysByGroup, groupKey(previous), key);
      for (const subnet of subnetKeys(previous)) takeFrom(this.interfaceKeysBySubnet, subnet, key);
    }
    if (next === null) return;
    addTo(this.keysByType, next.type, key);
    if (next.type !== RESOURCE_GROUP) addTo(this.keysByGroup, groupKey(next), key);
    for (const subnet of subnetKeys(next)) addTo(this.interfaceKeysBySubnet, subnet, key);
  }

  private indexGrant(key: string, next: GrantRecord | null): void {
    const previous = this.tables.grants.get(key);
    if (previous !== undefined) takeFrom(this.grantKeysByResource, keyOf(previous.resourceId), key);
    if (next !== null) addTo(this.grantKeysByResource, keyOf(next.resourceId), key);
  }

  private rows(keys: ReadonlySet<string> | undefined): readonly ResourceRecord[] {
    this.looked += keys?.size ?? 0;
    return [...(keys ?? [])].flatMap((key) => this.tables.resources.get(key) ?? []);
  }
}

function subnetKeys(resource: ResourceRecord): readonly string[] {
  if (resource.type !== NETWORK_INTERFACE) return [];
  return resource.ipConfigurations.flatMap(({ properties }) => {
    return properties.subnet === undefined ? [] : [keyOf(properties.subnet.id)];
  });
}

function isOfType<T extends ResourceType>(resource: ResourceRecord, type: T): resource is RecordOf<T> {
  return resource.type === type;
}

function groupKey(resource: ResourceRecord): string {
  return resourceGroupOf(resource.id).toLowerCase();
}

function addTo(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys === undefined) index.set(name, new Set([key]));
  else keys.add(key);
}

function takeFrom(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(name);
}
