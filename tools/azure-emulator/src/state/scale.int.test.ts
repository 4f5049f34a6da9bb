import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  diskId,
  GROUP,
  IDS,
  makeDisk,
  makeNic,
  makeVm,
  raw,
  REGION,
  startTestAzure,
  SUBSCRIPTION,
  versionOf,
  vmId,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';
import { newGroup } from '../groups/resource-groups.js';
import { newNetwork } from '../network/virtual-networks.js';
import { resourceGroupId, resourceId } from '../arm/resource-id.js';
import { DISK, NETWORK_INTERFACE, VIRTUAL_NETWORK, type DiskRecord, type NetworkInterfaceRecord } from './records.js';
import { put, State } from './state.js';

/*
 * Counts the records that a request looks at, with few resources around and with many: the same number means that the
 * time it takes does not grow with them, on whatever machine.
 */
const CROWD = 'crowd';
const now = new Date('2026-01-01T00:00:00Z');

describe('an Azure with 10,000 resources', () => {
  const directories: string[] = [];
  let few: TestAzure;
  let many: TestAzure;
  beforeAll(async () => {
    few = await crowded(10);
    many = await crowded(10_000);
  });
  afterAll(async () => {
    await few.close();
    await many.close();
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
  });

  /** So many resources in a group of their own, half of them disks and half interfaces of one subnet. */
  async function crowded(count: number): Promise<TestAzure> {
    const directory = await mkdtemp(join(tmpdir(), 'landfall-emulator-'));
    directories.push(directory);
    const state = new State(directory);
    const networkId = resourceId(SUBSCRIPTION, CROWD, VIRTUAL_NETWORK, 'net');
    const subnets = [{ name: 's', prefixes: ['10.0.0.0/16'], properties: { addressPrefix: '10.0.0.0/16' } }];
    state.commit([
      put(newGroup({ subscriptionId: SUBSCRIPTION, now: () => now }, CROWD, REGION)),
      put(newNetwork(networkId, 'net', REGION, ['10.0.0.0/8'], subnets, now)),
      ...Array.from({ length: count / 2 }, (_, index) => put(disk(index))),
      ...Array.from({ length: count / 2 }, (_, index) => put(nic(index, `${networkId}/subnets/s`))),
    ]);
    state.close();
    const azure = await startTestAzure({ dataDirectory: directory });
    await makeDisk(azure, 'data');
    await makeVm(azure, 'vm');
    return azure;
  }

  const looks = async (azure: TestAzure): Promise<number> =>
    Number((await raw(azure, 'GET', '/_emulator/statistics')).json['recordsLookedAt']);

  async function cost(azure: TestAzure, request: (azure: TestAzure) => Promise<unknown>): Promise<number> {
    await azure.emulator.idle();
    const before = await looks(azure);
    await request(azure);
    return (await looks(azure)) - before;
  }

  const get = (path: string) => async (azure: TestAzure) => {
    const { status, text } = await raw(azure, 'GET', `${path}?api-version=${versionOf(path)}`);
    assert.equal(status, 200, text);
  };

  it('has them', async () => {
    const counted = async (azure: TestAzure) =>
      Number((await raw(azure, 'GET', '/_emulator/statistics')).json['resources']);
    expect((await counted(many)) - (await counted(few))).toBe(9_990);
  });

  it('looks at no more of them to show one than an Azure with ten', async () => {
    const group = resourceGroupId(SUBSCRIPTION, GROUP);
    for (const path of [
      diskId('data'),
      diskId('disk-3', CROWD),
      vmId('vm'),
      `${vmId('vm')}/instanceView`,
      `${group}/providers/Microsoft.Network/networkInterfaces/vm-nic`,
      IDS.networkId,
      IDS.machineSubnetId,
      group,
      `${group}/resources`,
      `${group}/providers/Microsoft.Compute/disks`,
      `${group}/providers/Microsoft.Authorization/locks`,
    ]) {
      const costs = [await cost(few, get(path)), await cost(many, get(path))];
      assert.equal(costs[1], costs[0], path);
      assert.ok((costs[1] ?? 0) < 50, `${path} looks at ${costs[1]} records`);
    }
  });

  it('looks at no more of them to change one', async () => {
    for (const [what, change] of [
      ['make a disk', (azure: TestAzure) => makeDisk(azure, 'another')],
      ['make an interface', (azure: TestAzure) => makeNic(azure, 'another')],
      [
        'grant access',
        (azure: TestAzure) => azure.compute.disks.grantAccess(GROUP, 'data', { access: 'Read', durationInSeconds: 60 }),
      ],
      ['revoke access', (azure: TestAzure) => azure.compute.disks.revokeAccess(GROUP, 'data')],
      ['tag a machine', (azure: TestAzure) => azure.compute.virtualMachines.update(GROUP, 'vm', { tags: { a: 'b' } })],
      ['delete a disk', (azure: TestAzure) => azure.compute.disks.delete(GROUP, 'another')],
    ] as const) {
      // How often a client polls is not up to the emulator, so a few looks more or less are no difference.
      const costs = [await cost(few, change), await cost(many, change)] as const;
      assert.ok(
        Math.abs(costs[1] - costs[0]) < 50,
        `to ${what} takes ${costs[0]} looks with few and ${costs[1]} with many`,
      );
    }
  });
});

function common(name: string, type: typeof DISK | typeof NETWORK_INTERFACE) {
  return {
    id: resourceId(SUBSCRIPTION, CROWD, type, name),
    name,
    location: REGION,
    tags: {},
    provisioningState: 'Succeeded',
    createdAt: now.toISOString(),
    changedAt: now.toISOString(),
  } as const;
}

function disk(index: number): DiskRecord {
  return {
    ...common(`disk-${index}`, DISK),
    type: DISK,
    zones: [],
    sku: 'Premium_LRS',
    sizeBytes: 1024 ** 3,
    osType: null,
    hyperVGeneration: null,
    creationData: { createOption: 'Empty' },
    kept: {},
    uniqueId: randomUUID(),
    diskState: 'Unattached',
    managedBy: null,
    detaching: false,
    ownershipChangedAt: null,
    unusable: null,
  };
}

function nic(index: number, subnetId: string): NetworkInterfaceRecord {
  const address = `10.0.${4 + Math.floor(index / 250)}.${1 + (index % 250)}`;
  return {
    ...common(`nic-${index}`, NETWORK_INTERFACE),
    type: NETWORK_INTERFACE,
    etag: randomUUID(),
    ipConfigurations: [{ name: 'ip', properties: { subnet: { id: subnetId }, privateIPAddress: address } }],
    kept: {},
    virtualMachineId: null,
    macAddress: '00-0D-3A-00-00-02',
    reservedFor: null,
  };
}
