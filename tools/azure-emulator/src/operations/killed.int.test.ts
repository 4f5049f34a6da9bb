import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultControl } from '../index.js';
import {
  diskId,
  eventually,
  GROUP,
  IDS,
  makeDisk,
  makeNic,
  makeVm,
  raw,
  REGION,
  snapshotId,
  SUBSCRIPTION,
  TOKEN,
  versionOf,
  vmBody,
  vmId,
  type Reachable,
} from '../fixtures/azure.fixture.test.js';
import { startProcess, type EmulatorProcess } from '../fixtures/process.fixture.test.js';

/*
 * Twenty-odd operations, of every kind that takes its time, are begun in an emulator that is a process of its own. Once
 * it is left alone; once it is killed while all of them are in progress, killed again while they take their effect, and
 * started anew. Both times each operation ends alike, and the same things exist in the end.
 */
const NEVER_MS = 86_400_000;
const EMPTY = { creationData: { createOption: 'Empty' }, diskSizeGB: 2 };

interface Begun {
  readonly what: string;
  readonly url: string;
}

/** What the operations work on; none has to do with another's. */
async function prepare(azure: EmulatorProcess): Promise<void> {
  const { compute, resources } = azure;
  for (const name of ['copied', 'grown', 'doomed', 'read', 'released', 'pictured', 'spare'])
    await makeDisk(azure, name);
  await compute.disks.grantAccess(GROUP, 'released', { access: 'Read', durationInSeconds: 3600 });
  const snapshot = { location: REGION, creationData: { createOption: 'Copy', sourceResourceId: diskId('pictured') } };
  await compute.snapshots.createOrUpdate(GROUP, 'faded', snapshot);
  const held = await makeDisk(azure, 'held');
  for (const name of ['attaching', 'tagged', 'restarted', 'halted', 'parked', 'deleted']) await makeVm(azure, name);
  await makeVm(azure, 'detaching', { dataDisks: [{ diskId: held, lun: 3 }] });
  await makeVm(azure, 'woken');
  await compute.virtualMachines.deallocate(GROUP, 'woken');
  await makeNic(azure, 'loose');
  for (const name of ['vanishing', 'from', 'to'])
    await resources.resourceGroups.createOrUpdate(name, { location: REGION });
  await makeDisk(azure, 'lost', { group: 'vanishing' });
  for (const name of ['moved-1', 'moved-2']) await makeDisk(azure, name, { group: 'from' });
}

async function begin(azure: EmulatorProcess, delayMs: number): Promise<readonly Begun[]> {
  const faults = new FaultControl({ url: azure.emulator.url, caPath: azure.emulator.caPath, token: TOKEN });
  const newVm = await vmBody(azure, 'new');
  const { hardwareProfile, storageProfile, networkProfile, location } = newVm;
  await faults.add({ kind: 'fail-late', operation: 'disks.create', resource: 'failing', code: 'Broken' });
  await faults.add({ kind: 'cancel', operation: 'virtualMachines.update', resource: 'tagged' });
  await faults.change({ delayMs });
  const begun: Begun[] = [];
  const send = async (method: string, path: string, body?: unknown): Promise<void> => {
    const options = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await raw(azure, method, `${path}?api-version=${versionOf(path)}`, options);
    assert.ok([200, 201, 202].includes(answer.status), `${method} ${path}: ${answer.text}`);
    const url = new URL(String(answer.headers['azure-asyncoperation'] ?? answer.headers['location']));
    begun.push({ what: `${method} ${path}`, url: url.pathname + url.search });
  };
  const nicId = (name: string): string =>
    diskId(name).replace('Microsoft.Compute/disks', 'Microsoft.Network/networkInterfaces');
  const group = (name: string): string => `/subscriptions/${SUBSCRIPTION}/resourceGroups/${name}`;
  const copyOf = (name: string) => ({ creationData: { createOption: 'Copy', sourceResourceId: diskId(name) } });

  await send('PUT', diskId('new-disk'), { location: REGION, properties: EMPTY });
  await send('PUT', diskId('failing'), { location: REGION, properties: EMPTY });
  await send('PUT', diskId('copy'), { location: REGION, properties: copyOf('copied') });
  await send('PATCH', diskId('grown'), { properties: { diskSizeGB: 5 } });
  await send('DELETE', diskId('doomed'));
  await send('POST', `${diskId('read')}/beginGetAccess`, { access: 'Read', durationInSeconds: 3600 });
  await send('POST', `${diskId('released')}/endGetAccess`);
  await send('PUT', snapshotId('picture'), { location: REGION, properties: copyOf('pictured') });
  await send('DELETE', snapshotId('faded'));
  const properties = { hardwareProfile, storageProfile, networkProfile };
  await send('PUT', vmId('new'), { location, properties });
  await send('POST', `${vmId('attaching')}/attachDetachDataDisks`, {
    dataDisksToAttach: [{ diskId: diskId('spare'), lun: 1 }],
  });
  await send('POST', `${vmId('detaching')}/attachDetachDataDisks`, { dataDisksToDetach: [{ diskId: diskId('held') }] });
  await send('PATCH', vmId('tagged'), { tags: { patched: 'yes' } });
  await send('POST', `${vmId('woken')}/start`);
  await send('POST', `${vmId('restarted')}/restart`);
  await send('POST', `${vmId('halted')}/powerOff`);
  await send('POST', `${vmId('parked')}/deallocate`);
  await send('DELETE', vmId('deleted'));
  const ipConfigurations = [{ name: 'ip', properties: { subnet: { id: IDS.machineSubnetId } } }];
  await send('PUT', nicId('new-nic'), { location: REGION, properties: { ipConfigurations } });
  await send('DELETE', nicId('loose'));
  await send('DELETE', group('vanishing'));
  await send('POST', `${group('from')}/moveResources`, {
    resources: ['moved-1', 'moved-2'].map((name) => diskId(name, 'from')),
    targetResourceGroup: group('to'),
  });
  return begun;
}

/** How an operation stands: its status, or what its `Location` answers. */
async function stand(azure: Reachable, { url }: Begun): Promise<string> {
  const { status, json } = await raw(azure, 'GET', url);
  const { error } = json as { error?: { code: string } };
  const named = json['status'] ?? (status === 202 ? 'InProgress' : String(status));
  return [named, error?.code].filter(Boolean).join(' ');
}

async function ends(azure: Reachable, begun: readonly Begun[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const operation of begun) {
    await eventually(`${operation.what} ends`, async () => (await stand(azure, operation)) !== 'InProgress');
    found[operation.what] = await stand(azure, operation);
  }
  return found;
}

async function inventory(azure: Reachable): Promise<readonly unknown[]> {
  return JSON.parse((await raw(azure, 'GET', '/_emulator/resources')).text) as unknown[];
}

describe('operations of an emulator that is killed', () => {
  let directory = '';
  const started: EmulatorProcess[] = [];
  beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'landfall-killed-'))));
  afterAll(async () => {
    await Promise.all(started.map((emulator) => emulator.end('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
  });

  const start = async (folder: string): Promise<EmulatorProcess> => {
    const emulator = await startProcess(folder);
    started.push(emulator);
    return emulator;
  };

  it('end as they would have, whatever they were doing', async () => {
    const alone = await start(join(directory, 'alone'));
    await prepare(alone);
    const expectedEnds = await ends(alone, await begin(alone, 0));
    const expected = await inventory(alone);
    await alone.end('SIGTERM');
    expect(Object.keys(expectedEnds).length).toBe(22);
    const bad = Object.values(expectedEnds).filter((end) => !/^(Succeeded|20[04])$/.test(end));
    expect(bad.sort()).toStrictEqual(['Canceled OperationPreempted', 'Failed Broken']);

    const folder = join(directory, 'killed');
    const first = await start(folder);
    await prepare(first);
    const begun = await begin(first, NEVER_MS);
    for (const operation of begun) assert.equal(await stand(first, operation), 'InProgress', operation.what);
    await first.end('SIGKILL');
    // Their time comes while nobody is there.
    const journal = join(folder, 'state.jsonl');
    await writeFile(journal, (await readFile(journal, 'utf8')).replaceAll(/"dueAt":\d+/g, '"dueAt":0'));
    const second = await start(folder);
    await second.end('SIGKILL');

    const third = await start(folder);
    expect(await ends(third, begun)).toStrictEqual(expectedEnds);
    expect(await inventory(third)).toStrictEqual(expected);
    await third.end('SIGTERM');
  });
});
