import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { RestError } from '@azure/arm-compute';
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline';
import { SEED, seedIds } from '@landfall/azure-emulator';
import {
  newRestoreId,
  ownerTags,
  REMOVAL_WAVES,
  removeResource,
  Secret,
  SOURCE_CHANGES,
  type CallJournal,
  type ResourceRole,
} from '@landfall/domain';
import { MemoryJournal, throughEveryCrash } from '@landfall/testing';
import { cloudContract, diskTargetContract } from '@landfall/testing/contracts';
import { AzureCloud } from './azure-cloud.js';
import { PageBlobTarget } from './blob/page-blob-target.js';
import { connectClients, type ArmCall } from './connection.js';
import { APPLIANCE, EmulatedAzure } from './emulated-azure.fixture.test.js';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000aa';
const SUBNET = seedIds(SUBSCRIPTION).machineSubnetId;

let azure: EmulatedAzure;
let cloud: AzureCloud;

beforeAll(async () => {
  azure = await EmulatedAzure.start(SUBSCRIPTION);
  cloud = azure.cloud;
});
afterAll(() => azure.close());

cloudContract('Azure through its SDK', async () => ({
  cloud,
  applianceId: APPLIANCE,
  resourceGroup: SEED.resourceGroup,
  region: SEED.region,
  subnetId: SUBNET,
  freeAddress: '10.20.1.77',
  smallSize: 'Standard_F2s_v2',
  lock: (scopeId, name, level) => azure.lock(scopeId, name, level),
  assign: (policies) => azure.assign(policies),
  dispose: () => Promise.resolve(),
}));

diskTargetContract('a managed disk behind its SAS', async (sizeBytes) => {
  const { spec, journal } = diskOf('target');
  const disk = await cloud.disks.ensureUpload({ ...spec, sizeBytes: Math.max(GIB, sizeBytes) }, journal);
  return { target: new PageBlobTarget(await cloud.disks.grantWrite(disk.azureId, 600, journal), sizeBytes) };
});

describe('an uploaded disk', () => {
  it('is a disk with these bytes, and without the footer, once its access has ended', async () => {
    const { spec, journal } = diskOf('uploaded');
    const disk = await cloud.disks.ensureUpload(spec, journal);
    const target = new PageBlobTarget(await cloud.disks.grantWrite(disk.azureId, 600, journal), spec.sizeBytes);
    const bytes = randomBytes(MIB);
    await target.write(GIB - MIB, bytes);
    await target.finishUpload('uploaded');
    await target.finishUpload('uploaded');
    await cloud.disks.revokeAccess(disk.azureId, journal);
    const uploaded = await cloud.reader.disk(disk.azureId);
    expect([uploaded?.diskState, uploaded?.sizeBytes]).toStrictEqual(['Unattached', GIB]);
    await expect(target.read(0, 512)).rejects.toMatchObject({ code: 'TARGET_DENIED' });
    await expect(target.write(0, Buffer.alloc(512, 1))).rejects.toMatchObject({ code: 'TARGET_DENIED' });
    const reader = new PageBlobTarget(await cloud.disks.grantRead(disk.azureId, 600, journal), spec.sizeBytes);
    expect((await reader.read(GIB - MIB, MIB)).equals(bytes)).toBe(true);
    await expect(reader.write(0, Buffer.alloc(512, 1))).rejects.toMatchObject({ code: 'TARGET_DENIED' });
    await expect(target.write(0, Buffer.alloc(512, 1))).rejects.toMatchObject({ code: 'TARGET_DENIED' });
    await cloud.disks.revokeAccess(disk.azureId, journal);
    const { path } = (await inspected(`disk-path?id=${encodeURIComponent(disk.azureId)}`)) as { path: string };
    expect((await stat(path)).size).toBe(GIB);
    const image = await open(path);
    const written = Buffer.alloc(MIB);
    await image.read(written, 0, MIB, GIB - MIB);
    await image.close();
    expect(written.equals(bytes)).toBe(true);
  });
});

describe('a size that has its disks on NVMe controllers alone', () => {
  it('is known as such, and starts a VM whose OS disk was made for it, and no other', async () => {
    const size = (await cloud.reader.sizes(SEED.region)).find(
      ({ diskControllers }) => diskControllers.join() === 'NVMe',
    );
    assert.ok(size, 'the emulated region offers no such size');
    const make = async (name: string, startsFromNvme: boolean) => {
      const { spec, located, journal } = diskOf(name);
      const os = { family: 'linux' as const, generation: 2 as const, ...(startsFromNvme ? { startsFromNvme } : {}) };
      const disk = await cloud.disks.ensureEmpty({ ...spec, os }, journal);
      const card = { ...located(`${name}-nic`, 'nic'), subnetId: SUBNET, privateIp: null };
      const nic = await cloud.network.ensureNic(card, journal);
      const osDisk = { diskId: disk.azureId, family: 'linux' as const, caching: 'ReadWrite' as const };
      const wanted = { ...located(name, 'vm'), size: size.name, nicId: nic.azureId, osDisk, dataDisks: [] };
      return cloud.machines.ensure(
        { ...wanted, ...(startsFromNvme ? { diskController: 'NVMe' as const } : {}) },
        journal,
      );
    };
    expect((await make('with-nvme', true)).powerState).toBe('running');
    await expect(make('without-nvme', false)).rejects.toMatchObject({ code: 'DISK_CONTROLLER', kind: 'permanent' });
  });
});

describe('a VM of somebody with a public address and an extension', () => {
  it('is saved with both, and not removed while its address would go along', async () => {
    const { spec, located, journal } = diskOf('source');
    const name = spec.name;
    const group = cloud.reader.resourceGroupId(SEED.resourceGroup);
    const addressId = await azure.putByHand(`${group}/providers/Microsoft.Network/publicIPAddresses/${name}`, {
      sku: { name: 'Standard' },
      properties: { publicIPAllocationMethod: 'Static' },
    });
    const publicIPAddress = { id: addressId, properties: { deleteOption: 'Delete' } };
    const address = { primary: true, subnet: { id: SUBNET }, publicIPAddress };
    const nicId = await azure.putByHand(cloud.reader.nicId(SEED.resourceGroup, name), {
      properties: { ipConfigurations: [{ name: 'primary', properties: address }] },
    });
    const os = { family: 'linux' as const, generation: 1 as const };
    const disk = await cloud.disks.ensureEmpty({ ...spec, os, tags: {} }, journal);
    const osDisk = { diskId: disk.azureId, family: 'linux' as const, caching: 'ReadWrite' as const };
    const wanted = { ...located('source', 'vm'), tags: {}, size: 'Standard_F2s_v2', nicId, osDisk, dataDisks: [] };
    const vm = await cloud.machines.ensure(wanted, journal);
    await azure.putByHand(`${vm.azureId}/extensions/script`, {
      properties: {
        ...{ publisher: 'Microsoft.Azure.Extensions', type: 'CustomScript', typeHandlerVersion: '2.1' },
        ...{ settings: { timestamp: 7 }, protectedSettings: { commandToExecute: 'true' } },
      },
    });
    await azure.byHand('PATCH', vm.azureId, { properties: { userData: 'dXNlciBkYXRh' } });
    const saved = await cloud.reader.savedVm(vm.azureId);
    expect(saved?.vm.body).toMatchObject({ properties: { userData: 'dXNlciBkYXRh' } });
    expect(saved?.publicIps.map(({ azureId }) => azureId)).toStrictEqual([addressId]);
    expect(saved?.extensions.map(({ body }) => body)).toMatchObject([
      { name: 'script', properties: { type: 'CustomScript', settings: { timestamp: 7 } } },
    ]);
    await cloud.machines.deallocate(vm.azureId, journal);
    await expect(cloud.machines.removeSource(vm, journal)).rejects.toMatchObject({ code: 'SOURCE_PARTS_GO_ALONG' });
    expect(await cloud.reader.vm(vm.azureId)).not.toBe(null);
  });
});

describe('a VM of somebody with addresses that are not its own and parts that go along', () => {
  it('is made ready to be replaced, and in the end is what it was, wherever the process dies', async () => {
    const { spec, located, journal } = diskOf('ready');
    const { name } = spec;
    const group = cloud.reader.resourceGroupId(SEED.resourceGroup);
    const addressId = await azure.putByHand(`${group}/providers/Microsoft.Network/publicIPAddresses/${name}`, {
      ...{ sku: { name: 'Basic' }, properties: { publicIPAllocationMethod: 'Dynamic' } },
    });
    const publicIPAddress = { id: addressId, properties: { deleteOption: 'Delete' } };
    const nicId = await azure.putByHand(cloud.reader.nicId(SEED.resourceGroup, name), {
      ...{ tags: { net: 'theirs' } },
      properties: {
        ipConfigurations: [{ name: 'primary', properties: { primary: true, subnet: { id: SUBNET }, publicIPAddress } }],
      },
    });
    const os = { family: 'linux' as const, generation: 1 as const };
    const disk = await cloud.disks.ensureEmpty({ ...spec, os, tags: {} }, journal);
    const osDisk = { diskId: disk.azureId, family: 'linux' as const, caching: 'ReadWrite' as const };
    const wanted = { ...located('ready', 'vm'), tags: { cost: '7' }, size: 'Standard_F2s_v2', nicId, osDisk };
    const vm = await cloud.machines.ensure({ ...wanted, dataDisks: [] }, journal);
    await azure.byHand('PATCH', vm.azureId, {
      properties: {
        networkProfile: { networkInterfaces: [{ id: nicId, properties: { primary: true, deleteOption: 'Delete' } }] },
      },
    });
    const before = await partsOf(vm.azureId);

    const ready = new MemoryJournal(journal.ownerId);
    await throughEveryCrash(ready, async (crashing) => {
      await cloud.sources.claim(vm, { claim: 'ours' }, crashing);
      await cloud.sources.keepParts(vm, crashing);
      await cloud.sources.holdAddresses(vm, crashing);
    });
    expect(new Set(ready.changes.map(({ what }) => what))).toStrictEqual(new Set(Object.values(SOURCE_CHANGES)));
    const options = (await cloud.reader.parts(vm.azureId))?.map(({ azureId, deleteOption }) => [azureId, deleteOption]);
    expect(options).toStrictEqual([disk.azureId, nicId, addressId].map((id) => [id, 'Detach']));
    const held = await partsOf(vm.azureId);
    const addresses = ({ nics, publicIps }: typeof held) => [nics, publicIps].map((each) => addressesIn(each));
    expect(addresses(held)).toStrictEqual(addresses(before));
    await cloud.machines.stopSource(vm, ready);
    expect(await cloud.machines.startSource(vm, ready)).toBe(true);
    expect(addresses(await partsOf(vm.azureId))).toStrictEqual(addresses(before));

    const open = ready.changes;
    await throughEveryCrash(ready, async (crashing) => {
      for (const change of open) await cloud.sources.undo(change, crashing);
    });
    expect(ready.changes).toStrictEqual([]);
    expect(await partsOf(vm.azureId)).toStrictEqual(before);
  });

  /** As Azure shows it, but for what changes with every write, and with every start. */
  async function partsOf(vmId: string) {
    const saved = await cloud.reader.savedVm(vmId);
    assert.ok(saved);
    const text = JSON.stringify(saved, (name, value: unknown) =>
      /^(etag|LastOwnershipUpdateTime)$/.test(name) ? undefined : value,
    );
    return JSON.parse(text) as typeof saved;
  }

  function addressesIn(resources: unknown): string[] {
    return [...JSON.stringify(resources).matchAll(/"(?:private)?IPAddress":"([^"]+)"/gi)].map(
      ([, address]) => address!,
    );
  }
});

describe('a process that dies', () => {
  it('leaves one of each thing, and all of them in the ledger, wherever it is', async () => {
    const restoreId = newRestoreId();
    const books = new MemoryJournal(restoreId);
    const crashes = await throughEveryCrash(books, (crashing) => provision(restoreId, crashing));
    assert.ok(crashes > 20, `only ${crashes} boundaries were visited`);
    const made = await resourcesOf(restoreId);
    const names = ['data', 'nic', 'worker', 'worker-os'].map((name) => `${name}-${restoreId}`);
    expect(made.map((id) => id.split('/').at(-1)).sort()).toStrictEqual(names.sort());
    expect(books.ledger.map((entry) => entry.azureId.toLowerCase()).sort()).toStrictEqual(made);
    expect(books.ledger.every((entry) => entry.state === 'created')).toBe(true);

    await throughEveryCrash(books, (crashing) => tearDown(restoreId, books, crashing));
    expect(await resourcesOf(restoreId)).toStrictEqual([]);
    expect(books.ledger.every((entry) => entry.state === 'removed')).toBe(true);
  });
});

describe('an answer that is lost', () => {
  it('is found out by looking: the disk is made once and adopted', async () => {
    const { spec, journal } = diskOf('lost');
    const lossy = azure.connect(losing((method) => method === 'PUT'));
    const disk = await lossy.disks.ensureEmpty(spec, journal);
    expect(disk.diskState).toBe('Unattached');
    expect(journal.ledger[0]?.state).toBe('created');
  });

  it('is Azure being unreachable when nothing was made', async () => {
    const { spec, journal } = diskOf('unreached');
    const cut = azure.connect(refusing((method) => method === 'PUT'));
    await expect(cut.disks.ensureEmpty(spec, journal)).rejects.toMatchObject({
      code: 'AZURE_UNREACHABLE',
      kind: 'retryable',
    });
    expect(journal.ledger[0]?.state).toBe('intended');
    expect((await cloud.disks.ensureEmpty(spec, journal)).diskState).toBe('Unattached');
  });
});

describe('what Azure refuses', () => {
  it('a VM of a size that does not boot the disk’s generation', async () => {
    const { spec, journal, located } = diskOf('gen2');
    const disk = await cloud.disks.ensureEmpty({ ...spec, os: { family: 'linux', generation: 2 } }, journal);
    const nic = await cloud.network.ensureNic(
      { ...located('gen2-nic', 'nic'), subnetId: SUBNET, privateIp: null },
      journal,
    );
    const sizes = await cloud.reader.sizes(SEED.region);
    const onlyFirst = sizes.find((size) => !size.generations.includes(2) && !size.restrictedInRegion);
    assert.ok(onlyFirst);
    const osDisk = { diskId: disk.azureId, family: 'linux' as const, caching: 'ReadWrite' as const };
    await expect(
      cloud.machines.ensure(
        { ...located('gen2', 'vm'), size: onlyFirst.name, nicId: nic.azureId, osDisk, dataDisks: [] },
        journal,
      ),
    ).rejects.toMatchObject({ code: 'GENERATION_SIZE', kind: 'permanent' });
  });

  it('a token that is not the one', async () => {
    const settings = { ...azure.settings(), token: new Secret('wrong') };
    const stranger = new AzureCloud(connectClients(settings), APPLIANCE);
    await expect(stranger.reader.resourceGroup(SEED.resourceGroup)).rejects.toMatchObject({
      code: 'AZURE_DENIED',
      kind: 'permanent',
    });
  });
});

describe('the roles in deploy/azure', () => {
  it('cover every call that was made', () => {
    const allowed = new Set(['reader', 'provisioner', 'finalizer'].flatMap((role) => actionsOf(role)));
    const needed = new Set(azure.calls.map(actionFor).filter((action) => action !== null));
    assert.ok(needed.size > 15, `only ${needed.size} kinds of calls were seen`);
    expect([...needed].filter((action) => !allowed.has(action)).sort()).toStrictEqual([]);
  });
});

function diskOf(name: string) {
  const restoreId = newRestoreId();
  const located = locatedIn(restoreId);
  const spec = { ...located(name, 'disk'), sizeBytes: GIB, sku: 'StandardSSD_LRS', os: null };
  return { spec, located, journal: new MemoryJournal(restoreId) };
}

function locatedIn(restoreId: string) {
  return (name: string, role: ResourceRole) => ({
    ...{ resourceGroup: SEED.resourceGroup, region: SEED.region, zone: null, name: `${name}-${restoreId}`, role },
    purpose: role.startsWith('worker') ? ('help' as const) : ('result' as const),
    tags: ownerTags(APPLIANCE, restoreId, role),
  });
}

/** What the provisioner does, in short. */
async function provision(restoreId: string, journal: CallJournal): Promise<void> {
  const located = locatedIn(restoreId);
  const disk = await cloud.disks.ensureEmpty(
    { ...located('data', 'disk'), sizeBytes: GIB, sku: 'StandardSSD_LRS', os: null },
    journal,
  );
  const nic = await cloud.network.ensureNic(
    { ...located('nic', 'worker-nic'), subnetId: SUBNET, privateIp: null },
    journal,
  );
  const worker = await cloud.machines.ensureWorker(
    {
      ...located('worker', 'worker'),
      ...{ size: 'Standard_F2s_v2', nicId: nic.azureId, image: 'Debian:debian-12:12-gen2:latest' },
      ...{ osDiskName: `worker-os-${restoreId}`, environment: { LANDFALL_WORKER_ID: 'w' } },
    },
    journal,
  );
  await cloud.machines.attach(worker.azureId, [{ diskId: disk.azureId, lun: 0, caching: 'None' }], journal);
}

/** What the finalizer does when it cleans up, in short. */
async function tearDown(restoreId: string, books: MemoryJournal, journal: CallJournal): Promise<void> {
  for (const kind of REMOVAL_WAVES.flat()) {
    for (const entry of books.ledger.filter((each) => each.kind === kind)) {
      const tags = ownerTags(APPLIANCE, restoreId, entry.role as ResourceRole);
      await removeResource(cloud, kind, { azureId: entry.azureId, tags }, journal);
    }
  }
}

/** IDs, in lower case, of what carries the restore's tag. */
async function resourcesOf(restoreId: string): Promise<string[]> {
  const all = (await inspected('resources')) as { id: string; tags: Record<string, string> }[];
  return all
    .filter((each) => each.tags?.['landfall-restore'] === restoreId)
    .map((each) => each.id.toLowerCase())
    .sort();
}

async function inspected(path: string): Promise<unknown> {
  const answer = await fetch(`${azure.emulator.url}/_emulator/${path}`, {
    headers: { authorization: `Bearer ${azure.emulator.token}` },
  });
  return answer.json();
}

/** Requests arrive; the answers to some do not. */
function losing(which: (method: string) => boolean): HttpClient {
  const real = createDefaultHttpClient();
  return {
    async sendRequest(request) {
      const response = await real.sendRequest(request);
      if (which(request.method)) throw new RestError('socket hang up', { code: 'ECONNABORTED', request });
      return response;
    },
  };
}

/** Some requests do not even arrive. */
function refusing(which: (method: string) => boolean): HttpClient {
  const real = createDefaultHttpClient();
  return {
    sendRequest: (request) =>
      which(request.method)
        ? Promise.reject(new RestError('connect ECONNABORTED', { code: 'ECONNABORTED', request }))
        : real.sendRequest(request),
  };
}

function actionsOf(role: string): string[] {
  const path = fileURLToPath(new URL(`../../../deploy/azure/role-${role}.json`, import.meta.url));
  return (JSON.parse(readFileSync(path, 'utf8')) as { Actions: string[] }).Actions.map((each) => each.toLowerCase());
}

/** The action that Azure asks for a call; null for the emulator's own. */
function actionFor(call: ArmCall): string | null {
  const path = call.path.toLowerCase();
  const byMethod = { GET: 'read', PUT: 'write', PATCH: 'write', DELETE: 'delete', POST: 'action' }[call.method] ?? '?';
  const verb = path.endsWith('/checkpolicyrestrictions') ? 'read' : byMethod;
  // The last one's: a lock on a disk is no disk.
  const provider = /^.*\/providers\/(microsoft\.[a-z]+)\/(.+)$/.exec(path);
  if (provider !== null) {
    const [, namespace = '', rest = ''] = provider;
    const kinds = rest.split('/').filter((_, index) => index % 2 === 0);
    return [namespace, ...kinds, verb].join('/');
  }
  const [, , , kind, , ...below] = path.split('/');
  if (kind === 'resourcegroups') return ['microsoft.resources/subscriptions/resourcegroups', ...below, verb].join('/');
  return kind === undefined ? null : `microsoft.resources/subscriptions/${kind}/${verb}`;
}
