import { randomUUID } from 'node:crypto';
import {
  PermanentError,
  resourceGroupId,
  type CallIntent,
  type CallJournal,
  type Cloud,
  type CloudDisk,
  type CloudLock,
  type CloudNic,
  type CloudResource,
  type CloudResourceGroup,
  type CloudResourceKind,
  type CloudSnapshot,
  type CloudSubnet,
  type CloudVm,
  type DiskSpec,
  type ErrorDetails,
  type Tags,
  sameId,
} from '@landfall/domain';
import { refuse } from './refusals.js';
import type { SubscriptionSeed } from '@landfall/domain/builders';

/** Somebody has assigned a policy to a subscription or a resource group: it denies all of a kind that is made there, or notes it. */
export interface AssignedPolicy {
  readonly name: string;
  readonly scope: string;
  readonly kind: CloudResourceKind;
  readonly effect: 'deny' | 'audit';
}

export type Changeable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Of calls that change, or remove, what is ours. */
export const CHANGES_OURS = { changes: 'ours' } as const;
export const REMOVES_OURS = { removes: 'ours' } as const;

/** A change of the cloud, such as `disks.ensureEmpty`. */
export type CloudCall = {
  [Noun in ChangingNoun]: `${Noun}.${keyof Cloud[Noun] & string}`;
}[ChangingNoun];

type ChangingNoun = Exclude<keyof Cloud, 'reader' | 'policies'>;

/** What a subscription in memory holds, keyed by IDs in lower case, and what is done to it. */
export class MemorySubscription {
  readonly disks = new Map<string, Changeable<CloudDisk>>();
  readonly snapshots = new Map<string, Changeable<CloudSnapshot>>();
  readonly nics = new Map<string, Changeable<CloudNic>>();
  /** By network interface. */
  readonly subnetsOfNics = new Map<string, string>();
  readonly vms = new Map<string, Changeable<CloudVm>>();
  readonly groups = new Map<string, CloudResourceGroup>();
  /** Told of, and stopping nothing. */
  locks: CloudLock[] = [];
  /** Told of, and stopping nothing. */
  policies: readonly AssignedPolicy[] = [];
  /** Why nobody is told of policies. */
  policiesUntold: ErrorDetails | null = null;
  /** What no role allows, anywhere; such as `Microsoft.Compute/disks/write`. Told of, and stopping nothing. */
  actionsMissing: readonly string[] = [];
  /** By VM: what the worker was started with. */
  readonly environments = new Map<string, Readonly<Record<string, string>>>();
  /** Isolated networks by their IDs, with the one subnet that each has. */
  readonly networks = new Map<string, Changeable<CloudResource> & { readonly subnet: CloudSubnet }>();
  readonly securityGroups = new Map<string, Changeable<CloudResource>>();
  /** By VM: what it has printed on its serial console. */
  readonly serialLogs = new Map<string, string>();
  /** In which state VMs are that are made as copies, once they are. */
  copiesAre = 'running';
  /** By disk: the snapshot or the disk that it was made from, where it was made from one. */
  readonly origins = new Map<string, string>();
  /** By which Azure's clock is ahead of this process'. */
  clockAheadMs = 0;
  /** VMs whose OS disk was set to outlive them. */
  readonly keeping = new Set<string>();
  /** Other VMs than workers whose OS disk goes along with them. */
  readonly takingAlong = new Set<string>();
  /** By network interface: whether Azure may give its address to others, and Azure's own number for it. */
  readonly allocations = new Map<string, { isDynamic: boolean; readonly number: string }>();
  /** The changes that were made and to what, such as `disks.ensureEmpty web`, in order. */
  readonly changes: string[] = [];
  #ownerships = 0;
  readonly #failures = new Map<CloudCall, (Error | null)[]>();

  constructor(
    readonly seed: SubscriptionSeed,
    readonly applianceId: string,
  ) {
    for (const [name, region] of Object.entries(seed.resourceGroups)) this.newGroup(name, region, {});
  }

  get id(): string {
    return this.seed.subscriptionId;
  }

  /** IDs of everything that exists and was not there from the start, sorted. */
  get inventory(): readonly string[] {
    const groups = [...this.groups.values()].filter(({ name }) => this.seed.resourceGroups[name] === undefined);
    return [
      ...[...this.disks.values(), ...this.snapshots.values()],
      ...[...this.nics.values(), ...this.vms.values(), ...groups],
      ...[...this.networks.values(), ...this.securityGroups.values()],
    ]
      .map((each) => each.azureId)
      .sort();
  }

  /** The next such call fails so, after the intent was written down; or the one after so many that go well. */
  failNext(call: CloudCall, error: Error, afterCalls = 0): void {
    this.#failures.set(call, [...(this.#failures.get(call) ?? []), ...Array<null>(afterCalls).fill(null), error]);
  }

  newGroup(name: string, region: string, tags: Tags): CloudResourceGroup {
    const azureId = resourceGroupId(this.id, name);
    const group = { azureId, name, region, tags, provisioningState: 'Succeeded' };
    this.groups.set(name.toLowerCase(), group);
    return group;
  }

  /** @throws PermanentError `RESOURCE_GROUP_NOT_FOUND` */
  requireGroup(name: string): void {
    if (this.groups.has(name.toLowerCase())) return;
    throw refuse('RESOURCE_GROUP_NOT_FOUND', `There is no resource group ${name}.`);
  }

  /** IDs of all that lies in a resource group. */
  contentsOf(group: string): readonly string[] {
    const { disks, snapshots, nics, vms, seed, networks, securityGroups } = this;
    const closed = [...networks.values(), ...securityGroups.values()].map(({ azureId }) => ({
      ...{ azureId, resourceGroup: azureId.split('/')[4] ?? '' },
    }));
    return [...disks.values(), ...snapshots.values(), ...nics.values(), ...vms.values(), ...seed.subnets, ...closed]
      .filter(({ resourceGroup }) => sameId(resourceGroup, group))
      .map(({ azureId }) => azureId);
  }

  newDisk(
    spec: Pick<DiskSpec, 'name' | 'resourceGroup' | 'region' | 'zone' | 'sizeBytes' | 'sku' | 'tags'>,
    azureId: string,
    diskState: string,
  ): CloudDisk {
    const { name, resourceGroup, region, sizeBytes, sku, tags } = spec;
    const zone = sku.endsWith('_ZRS') ? null : spec.zone;
    const place = { azureId, uniqueId: randomUUID(), name, resourceGroup, region, zone };
    this.requireGroup(resourceGroup);
    const holder = { managedBy: null, ownershipUpdatedAt: null };
    const disk = { ...place, sizeBytes, sku, tags, diskState, ...holder, provisioningState: 'Succeeded' };
    this.disks.set(azureId.toLowerCase(), disk);
    return disk;
  }

  /** A disk comes to a VM, or goes from it, or its VM to a host, or away from it; each time at another time. */
  setHolder(disk: Changeable<CloudDisk>, managedBy: string | null): void {
    const ownershipUpdatedAt = new Date(++this.#ownerships * 1_000).toISOString();
    Object.assign(disk, { managedBy, diskState: managedBy === null ? 'Unattached' : 'Attached', ownershipUpdatedAt });
  }

  setPower(vm: Changeable<CloudVm>, powerState: 'running' | 'deallocated'): void {
    if (vm.powerState === powerState) return;
    vm.powerState = powerState;
    for (const id of [vm.osDiskId, ...vm.dataDisks.map(({ diskId }) => diskId)]) {
      if (id !== null) this.setHolder(this.require(this.disks, id), vm.azureId);
    }
  }

  /** So it is with a worker, which was made from an image. */
  osDiskGoesAlong({ azureId }: CloudVm): boolean {
    const id = azureId.toLowerCase();
    return (this.environments.has(id) || this.takingAlong.has(id)) && !this.keeping.has(id);
  }

  /** @throws PermanentError `AZURE_NOT_FOUND` */
  require<T>(resources: ReadonlyMap<string, T>, id: string): T {
    const found = resources.get(id.toLowerCase());
    if (found === undefined) throw refuse('AZURE_NOT_FOUND', `${id} does not exist.`);
    return found;
  }

  /** Does it as the real adapter does: intent before, end after. */
  async recorded<T>(
    call: CloudCall,
    what: Pick<CallIntent, 'key' | 'azureId' | 'effect'>,
    journal: CallJournal,
    act: () => T | Promise<T>,
    instanceOf?: (result: T) => string,
  ): Promise<T> {
    await journal.begin({ ...what, operation: call, bodyHash: what.key });
    const result = await this.#tried(call, what.key, journal, act);
    await journal.called?.(what.key);
    this.changes.push(`${call} ${nameOf(what.azureId)}`);
    const instanceId = instanceOf?.(result);
    await journal.succeeded(what.key, { azureId: what.azureId, ...(instanceId === undefined ? {} : { instanceId }) });
    return result;
  }

  async #tried<T>(call: CloudCall, key: string, journal: CallJournal, act: () => T | Promise<T>): Promise<T> {
    try {
      const failure = this.#failures.get(call)?.shift();
      if (failure) throw failure;
      return await act();
    } catch (error) {
      if (error instanceof PermanentError) await journal.failed(key, error.toDetails());
      throw error;
    }
  }
}

export function nameOf(id: string): string {
  return id.split('/').at(-1) ?? id;
}

export function isWithin(id: string, outer: string): boolean {
  return sameId(id, outer) || id.toLowerCase().startsWith(`${outer.toLowerCase()}/`);
}
