import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { RestError } from '@azure/arm-compute';
import { createDefaultHttpClient, type HttpClient } from '@azure/core-rest-pipeline';
import { SEED, seedIds } from '@landfall/azure-emulator';
import { newRestoreId, ownerTags, type RecreateSpec, type SavedVm } from '@landfall/domain';
import { CrashingJournal, MemoryJournal, SimulatedCrash, throughEveryCrash } from '@landfall/testing';
import type { AzureCloud } from './azure-cloud.js';
import { APPLIANCE, EmulatedAzure } from './emulated-azure.fixture.test.js';

/* A VM of somebody, with what Azure has to offer, saved, removed and made anew. */
const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000ac';
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${SEED.resourceGroup}/providers`;

/** Disks, and what belongs to them, have versions of their own. */
const DISKS_VERSION = '2026-03-02';

let azure: EmulatedAzure;
let cloud: AzureCloud;

beforeAll(async () => {
  azure = await EmulatedAzure.start(SUBSCRIPTION);
  cloud = azure.cloud;
});
afterAll(() => azure.close());

describe('a VM that is made anew', () => {
  it('is what it was, but for what is told, wherever the process dies; and it is made once', async () => {
    const { spec, saved, journal } = await removed('web');
    const before = azure.calls.length;
    const crashes = await throughEveryCrash(journal, (crashing) => cloud.machines.recreate(spec, crashing));
    assert.equal(crashes, 4, 'before and after begin, before submitted, and after succeeded');
    const puts = azure.calls.slice(before).filter(({ method, status }) => method === 'PUT' && status < 300);
    expect(puts.map(({ path }) => path.split('/').at(-1))).toStrictEqual([saved.vm.azureId.split('/').at(-1)]);
    const { vm, notSent } = await cloud.machines.recreate(spec, journal);
    expect(notSent.map(({ path }) => path)).toContain('properties.osProfile');
    const made = await cloud.reader.savedVm(saved.vm.azureId);
    assert.ok(made);
    expect(membersOf(made)).toStrictEqual({ ...membersOf(saved), tags: { cost: '7', ...spec.tags } });
    expect(propertiesOf(made)).toMatchObject({ userData: 'aGVsbG8=', storageProfile: { osDisk: { osType: 'Linux' } } });
    expect(journal.ledger).toMatchObject([{ kind: 'vm', state: 'created', instanceId: vm.instanceId }]);
  });

  it('is waited for where the operation was begun by a process that has died', async () => {
    const { spec, journal } = await removed('begun');
    await expect(cloud.machines.recreate(spec, new CrashingJournal(journal, 3))).rejects.toThrow(SimulatedCrash);
    const before = azure.calls.length;
    expect((await cloud.machines.recreate(spec, journal)).vm.powerState).toBe('running');
    const [first] = azure.calls.slice(before);
    expect([first?.method, /\/operations\//i.test(first?.path ?? '')]).toStrictEqual(['GET', true]);
    expect(azure.calls.slice(before).filter(({ method }) => method === 'PUT')).toStrictEqual([]);
  });

  it('is found out by looking when the answer to it is lost', async () => {
    const { spec, journal } = await removed('lost');
    const { vm } = await azure.connect(losingFirstPut()).machines.recreate(spec, journal);
    expect([vm.powerState, vm.tags['cost']]).toStrictEqual(['running', '7']);
  });

  it('is asked for in the version of the API whose words were saved', async () => {
    const { spec, journal } = await removed('versioned');
    const versions: (string | null)[] = [];
    const saved = { ...spec.saved, vm: { ...spec.saved.vm, apiVersion: '2024-07-01' } };
    const client = azure.connect(seeing((url) => versions.push(new URL(url).searchParams.get('api-version'))));
    await client.machines.recreate({ ...spec, saved }, journal);
    expect(versions).toStrictEqual(['2024-07-01']);
  });

  it('waits until the one that it replaces is gone', async () => {
    const { spec, source, journal } = await stopped('going');
    await azure.faults.change({ delaysMs: { 'virtualMachines.delete': 200 } });
    const removal = cloud.machines.removeSource(source, new MemoryJournal(journal.ownerId));
    while ((await cloud.reader.vm(source.azureId))?.provisioningState !== 'Deleting') await pause(5);
    const { vm } = await cloud.machines.recreate(spec, journal);
    expect(vm.instanceId).not.toBe(source.instanceId);
    await removal;
    await azure.faults.change({ delaysMs: {} });
  });

  it('does not take the place of one that somebody makes after the look', async () => {
    const { spec, journal } = await removed('raced');
    const { azureId } = spec.saved.vm;
    const nicId = await azure.putByHand(`${GROUP}/Microsoft.Network/networkInterfaces/raced-theirs`, nic());
    const raced = azure.connect(first(() => azure.putByHand(azureId, theirVm('raced-theirs', nicId))));
    const before = azure.calls.length;
    await expect(raced.machines.recreate(spec, journal)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    const ours = azure.calls.slice(before).find(({ method }) => method === 'PUT');
    expect(ours?.status).toBe(412);
    const [other] = (await cloud.reader.savedVm(azureId))?.disks ?? [];
    expect(other?.azureId).not.toBe(spec.osDiskId);
  });

  it('is refused for the reason that Azure gives', async () => {
    const { spec, journal } = await removed('refused');
    const none = { ...spec, size: 'Standard_None_v9' };
    await expect(cloud.machines.recreate(none, journal)).rejects.toMatchObject({ kind: 'permanent' });
    expect((await cloud.machines.recreate(spec, journal)).vm.powerState).toBe('running');
  });
});

describe('a disk that is made anew from a snapshot', () => {
  it('holds the same bytes, and is shown as the original was, wherever the process dies', async () => {
    const { saved, journal } = await stopped('copied');
    const [original] = saved.disks;
    assert.ok(original);
    const encryptionType = 'EncryptionAtRestWithCustomerKey';
    const setId = `${GROUP}/Microsoft.Compute/diskEncryptionSets/copied`;
    const set = await azure.putByHand(setId, { properties: { encryptionType } }, DISKS_VERSION);
    const properties = {
      encryption: { type: encryptionType, diskEncryptionSetId: set },
      ...{ networkAccessPolicy: 'DenyAll', publicNetworkAccess: 'Disabled' },
    };
    await azure.byHand('PATCH', original.azureId, { tags: { cost: '8' }, properties }, DISKS_VERSION);
    await writeTo(await fileOf(original.azureId), Buffer.from('what was there before'), 4_096);
    const ownerId = journal.ownerId;
    const place = { resourceGroup: SEED.resourceGroup, region: SEED.region, name: 'copied-snapshot' };
    const ours = { role: 'snapshot', purpose: 'safety' as const, tags: ownerTags(APPLIANCE, ownerId, 'snapshot') };
    const snapshot = await cloud.snapshots.ensure({ ...place, ...ours, diskId: original.azureId }, journal);
    await writeTo(await fileOf(original.azureId), Buffer.from('what came afterwards!'), 4_096);
    const before = (await cloud.reader.savedVm(saved.vm.azureId))?.disks[0];
    assert.ok(before);
    const tags = ownerTags(APPLIANCE, ownerId, 'disk');
    const spec = { saved: before, snapshotId: snapshot.azureId, name: 'copied-anew', tags, role: 'disk' };
    const wanted = { ...spec, purpose: 'result' as const };
    await throughEveryCrash(journal, (crashing) => cloud.disks.recreate(wanted, crashing));
    const { disk, notSent } = await cloud.disks.recreate(wanted, journal);
    expect(notSent).toStrictEqual([]);
    const made = await shownBy(disk.azureId);
    const { sku, zones, location } = before.body;
    expect(made).toMatchObject({ sku, location, tags: { cost: '8', ...tags } });
    expect(made['zones']).toStrictEqual(zones);
    const { osType, hyperVGeneration, diskSizeGB, encryption, networkAccessPolicy, publicNetworkAccess } = before.body[
      'properties'
    ] as Record<string, unknown>;
    expect(made['properties']).toMatchObject({
      ...{ osType, hyperVGeneration, diskSizeGB, encryption, networkAccessPolicy, publicNetworkAccess },
      creationData: { createOption: 'Copy', sourceResourceId: snapshot.azureId },
    });
    const bytes = await readFrom(await fileOf(disk.azureId), 21, 4_096);
    expect(bytes.toString()).toBe('what was there before');
  });
});

async function shownBy(azureId: string): Promise<Record<string, unknown>> {
  const url = `${azure.emulator.url}${azureId}?api-version=${DISKS_VERSION}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${azure.emulator.token}` } });
  return (await answer.json()) as Record<string, unknown>;
}

/** Where the emulator keeps the bytes of a disk. */
async function fileOf(azureId: string): Promise<string> {
  const url = `${azure.emulator.url}/_emulator/disk-path?id=${encodeURIComponent(azureId)}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${azure.emulator.token}` } });
  return ((await answer.json()) as { path: string }).path;
}

async function writeTo(path: string, bytes: Buffer, position: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, position);
  await file.close();
}

async function readFrom(path: string, length: number, position: number): Promise<Buffer> {
  const file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, position);
  await file.close();
  return buffer;
}

/** A VM of somebody that was saved, and is gone; its disks are there. */
async function removed(name: string) {
  const { source, ...made } = await stopped(name);
  await cloud.machines.removeSource(source, new MemoryJournal(made.journal.ownerId));
  return made;
}

/** A VM of somebody that was saved, and is deallocated. */
async function stopped(name: string) {
  const restoreId = newRestoreId();
  const journal = new MemoryJournal(restoreId);
  const set = await azure.putByHand(`${GROUP}/Microsoft.Compute/availabilitySets/${name}`, {
    ...{ sku: { name: 'Aligned' }, properties: { platformFaultDomainCount: 2, platformUpdateDomainCount: 5 } },
  });
  const nicId = await azure.putByHand(`${GROUP}/Microsoft.Network/networkInterfaces/${name}`, nic());
  const vm = theirVm(name, nicId);
  const azureId = await azure.putByHand(`${GROUP}/Microsoft.Compute/virtualMachines/${name}`, {
    ...{ tags: { cost: '7' }, identity: { type: 'SystemAssigned' } },
    properties: {
      ...{ ...vm.properties, availabilitySet: { id: set }, userData: 'aGVsbG8=', licenseType: 'SLES_BYOS' },
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    },
  });
  const saved = await cloud.reader.savedVm(azureId);
  assert.ok(saved);
  const instanceId = String(propertiesOf(saved)['vmId']);
  await cloud.machines.deallocate(azureId, new MemoryJournal(restoreId));
  const spec: RecreateSpec = {
    ...{ saved, osDiskId: saved.disks[0]?.azureId ?? '', dataDisks: [], instanceId: null },
    ...{ tags: ownerTags(APPLIANCE, restoreId, 'vm'), role: 'vm', purpose: 'result' },
  };
  return { spec, saved, source: { azureId, instanceId }, journal };
}

function theirVm(name: string, nicId: string) {
  const networkInterfaces = [{ id: nicId, properties: { primary: true, deleteOption: 'Detach' } }];
  const image = { publisher: 'Debian', offer: 'debian-12', sku: '12', version: 'latest' };
  return {
    properties: {
      hardwareProfile: { vmSize: 'Standard_F2s_v2' },
      storageProfile: {
        imageReference: image,
        osDisk: { name: `${name}-os`, createOption: 'FromImage', caching: 'ReadWrite', deleteOption: 'Detach' },
      },
      osProfile: { computerName: 'web', adminUsername: 'me', adminPassword: 'Not-a-real-0ne' },
      networkProfile: { networkInterfaces },
    },
  };
}

function nic() {
  const subnet = { id: seedIds(SUBSCRIPTION).machineSubnetId };
  return { properties: { ipConfigurations: [{ name: 'primary', properties: { primary: true, subnet } }] } };
}

/** What of a saved model has to be the same afterwards. */
function membersOf(saved: SavedVm): Record<string, unknown> {
  const { location, tags, zones, plan, identity, properties } = saved.vm.body as Record<string, unknown>;
  const {
    hardwareProfile,
    networkProfile,
    availabilitySet,
    userData,
    licenseType,
    diagnosticsProfile,
    storageProfile,
  } = properties as Record<string, Record<string, unknown>>;
  const { osDisk, dataDisks, diskControllerType } = storageProfile ?? {};
  const { osType, caching, managedDisk, diskSizeGB, deleteOption } = osDisk as Record<string, unknown>;
  return {
    ...{ location, tags, zones, plan, identity: (identity as { type?: unknown } | undefined)?.type },
    ...{ hardwareProfile, networkProfile, availabilitySet, userData, licenseType, diagnosticsProfile },
    ...{ dataDisks, diskControllerType, osDisk: { osType, caching, managedDisk, diskSizeGB, deleteOption } },
  };
}

function propertiesOf({ vm }: SavedVm): Readonly<Record<string, unknown>> {
  return vm.body['properties'] as Record<string, unknown>;
}

/** The first put arrives, and the answer to it does not. */
function losingFirstPut(): HttpClient {
  const real = createDefaultHttpClient();
  let isFirst = true;
  return {
    async sendRequest(request) {
      const response = await real.sendRequest(request);
      if (request.method !== 'PUT' || !isFirst) return response;
      isFirst = false;
      throw new RestError('socket hang up', { code: 'ECONNABORTED', request });
    },
  };
}

/** Shows the addresses of puts. */
function seeing(see: (url: string) => void): HttpClient {
  const real = createDefaultHttpClient();
  return {
    sendRequest(request) {
      if (request.method === 'PUT') see(request.url);
      return real.sendRequest(request);
    },
  };
}

/** Does something else right before the first put. */
function first(act: () => Promise<unknown>): HttpClient {
  const real = createDefaultHttpClient();
  let isFirst = true;
  return {
    async sendRequest(request) {
      if (request.method === 'PUT' && isFirst) {
        isFirst = false;
        await act();
      }
      return real.sendRequest(request);
    },
  };
}
