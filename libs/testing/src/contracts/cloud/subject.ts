import assert from 'node:assert/strict';
import {
  CLOUD_KINDS,
  LandfallError,
  newRestoreId,
  ownerTags,
  type Cloud,
  type CloudLock,
  type DiskSpec,
  type NicSpec,
  type ResourceRole,
  type VmSpec,
  type WorkerSpec,
} from '@landfall/domain';
import type { AssignedPolicy } from '../../doubles/cloud/memory-subscription.js';
import { MemoryJournal } from '../../doubles/memory-journal.js';

export const GIB = 1024 ** 3;

/** A subscription with a resource group, a subnet in the same region, and sizes to choose from. */
export interface CloudSubject {
  readonly cloud: Cloud;
  readonly applianceId: string;
  readonly resourceGroup: string;
  readonly region: string;
  readonly subnetId: string;
  /** A free address of the subnet. */
  readonly freeAddress: string;
  /** A size that takes at least two and at most four data disks. */
  readonly smallSize: string;
  /** Somebody sets a lock on a subscription, a resource group or a resource, or takes it away again. */
  lock(scopeId: string, name: string, level: CloudLock['level'] | null): Promise<void>;
  /** Somebody assigns these policies, and takes away whichever there are. */
  assign(policies: readonly AssignedPolicy[]): Promise<void>;
  dispose(): Promise<void>;
}

export type { AssignedPolicy } from '../../doubles/cloud/memory-subscription.js';

/** As the emulator's settings have it. */
export function emulatedPolicy({ name, scope, kind, effect }: AssignedPolicy) {
  const type =
    kind === 'resource-group' ? 'Microsoft.Resources/subscriptions/resourceGroups' : CLOUD_KINDS[kind].armType;
  return { name, scope, effect, resourceTypes: [type] };
}

/** Builders for the resources of one new restore. */
export function restoreIn(subject: CloudSubject) {
  const id = newRestoreId();
  const journal = new MemoryJournal(id);
  const { resourceGroup, region } = subject;
  const tags = (role: ResourceRole) => ownerTags(subject.applianceId, id, role);
  const place = (name: string, role: ResourceRole) => ({
    ...{ resourceGroup, region, zone: null },
    ...{ name: `${name}-${id}`, tags: tags(role), role, purpose: 'result' as const },
  });
  const disk = (name: string, changes: Partial<DiskSpec> = {}): DiskSpec => ({
    ...place(name, 'disk'),
    ...{ sizeBytes: 2 * GIB, sku: 'StandardSSD_LRS', os: null },
    ...changes,
  });
  const nic = (name: string, privateIp: string | null = null): NicSpec => ({
    ...place(name, 'nic'),
    ...{ subnetId: subject.subnetId, privateIp },
  });
  const vm = (name: string, nicId: string, diskId: string): VmSpec => ({
    ...place(name, 'vm'),
    ...{ size: subject.smallSize, nicId, osDisk: { diskId, family: 'linux', caching: 'ReadWrite' }, dataDisks: [] },
  });
  const worker = async (cloud: Cloud) => {
    const card = await cloud.network.ensureNic(nic('worker-nic'), journal);
    const spec: WorkerSpec = {
      ...place('worker', 'worker'),
      ...{ size: subject.smallSize, nicId: card.azureId, image: 'Debian:debian-12:12-gen2:latest' },
      ...{ osDiskName: `worker-os-${id}`, environment: { LANDFALL_WORKER_ID: id } },
    };
    return { spec, vm: await cloud.machines.ensureWorker(spec, journal) };
  };
  return { id, journal, tags, place, disk, nic, vm, worker };
}

export function states(journal: MemoryJournal): [string, string][] {
  return journal.ledger.map((entry) => [entry.azureId.toLowerCase(), entry.state]);
}

export function hasCode(code: string, kind: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LandfallError, `not one of ours: ${String(error)}`);
    assert.deepEqual([error.code, error.kind], [code, kind], error.message);
    return true;
  };
}
