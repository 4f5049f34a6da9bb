import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createHttpHeaders } from '@azure/core-rest-pipeline';
import { AzureCloud, connectClients } from '@landfall/azure';
import {
  LandfallError,
  newRestoreId,
  ownerTags,
  Secret,
  type CallJournal,
  type DiskSpec,
  type ResourceRole,
} from '@landfall/domain';
import { MemoryJournal } from '@landfall/testing';
import { recordings } from './recording.js';

/*
 * The product's adapter, with what Azure was recorded to answer in the network's place: it has to take for what it is what
 * no emulator has made up.
 */
const SUBSCRIPTION = '00000000-0000-4000-8000-0000000000aa';
const APPLIANCE = 'appliance-1';
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/apps`;
const COMPUTE = `${GROUP}/providers/Microsoft.Compute`;
const FOOTER_BYTES = 512;
/** As long as Azure's own: a signed certificate travels in the query. */
const OPERATION = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Compute/locations/westus/DiskOperations/1?p=1&api-version=2023-04-02&c=${'x'.repeat(2_500)}`;

describe('the adapter takes what Azure was recorded to answer', () => {
  it('of a disk that awaits its upload and shows no size: it is the one that was asked for', async () => {
    const upload = recordings().find(({ name }) => name === 'upload');
    const [, shown] = upload?.steps ?? [];
    assert.ok(shown, 'the recording of an upload has a second step');
    const uploadSizeBytes = Number(shown.shows?.['properties.creationData.uploadSizeBytes']);
    const spec = { ...located('up', 'disk'), sizeBytes: uploadSizeBytes - FOOTER_BYTES, sku: 'Premium_LRS', os: null };
    const { cloud, sent } = connected({
      'GET disks/up': ({ made }) => (made ? [200, asShown(shown.shows ?? {}, spec)] : notFound()),
      'PUT disks/up': () => [
        202,
        { name: 'up' },
        { 'azure-asyncoperation': `https://management.azure.com${OPERATION}` },
      ],
      'GET DiskOperations/1': () => [200, { status: 'Succeeded' }],
    });
    const journal = new MemoryJournal(newRestoreId());
    const disk = await cloud.disks.ensureUpload(spec, journal);
    expect([disk.diskState, sent('PUT disks/up')]).toStrictEqual(['ReadyToUpload', 1]);
    expect((await cloud.disks.ensureUpload(spec, journal)).azureId).toBe(disk.azureId);
    expect(sent('PUT disks/up')).toBe(1);
    const other = { ...spec, sizeBytes: spec.sizeBytes * 2 };
    await expect(cloud.disks.ensureUpload(other, new MemoryJournal(newRestoreId()))).rejects.toMatchObject({
      code: 'RESOURCE_CHANGED',
    });
  });

  for (const { source, call, status, code, message, means } of refusals()) {
    it(`of ${call}, refused with ${code}: ${means.join(' ')} (${source})`, async () => {
      const { cloud } = connected({ refused: () => [status, { error: { code, message } }] });
      const error = await CALLS[call]!(cloud, new MemoryJournal('r-1')).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof LandfallError, String(error));
      expect([error.kind, error.code]).toStrictEqual(means);
      expect(error.message).toContain(message.slice(0, 40));
    });
  }
});

interface Refusal {
  readonly source: string;
  readonly call: string;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Kind and code of ours. */
  readonly means: readonly [string, string];
}

function refusals(): readonly Refusal[] {
  const file = fileURLToPath(new URL('../../refusals.json', import.meta.url));
  return JSON.parse(readFileSync(file, 'utf8')) as Refusal[];
}

const VM_ID = `${COMPUTE}/virtualMachines/m`;
const DISK_ID = `${COMPUTE}/disks/d`;
const CALLS: Readonly<Record<string, (cloud: AzureCloud, journal: CallJournal) => Promise<unknown>>> = {
  attach: (cloud, journal) => cloud.machines.attach(VM_ID, [{ diskId: DISK_ID, lun: 0, caching: 'None' }], journal),
  grant: (cloud, journal) => cloud.disks.grantRead(DISK_ID, 600, journal),
  nic: (cloud, journal) =>
    cloud.network.ensureNic(
      {
        ...located('i', 'nic'),
        subnetId: `${GROUP}/providers/Microsoft.Network/virtualNetworks/n/subnets/s`,
        privateIp: null,
      },
      journal,
    ),
  vm: (cloud, journal) =>
    cloud.machines.ensure(
      {
        ...located('new', 'vm'),
        ...{ size: 'Standard_F2s_v2', nicId: `${GROUP}/providers/Microsoft.Network/networkInterfaces/i` },
        osDisk: { diskId: DISK_ID, family: 'linux', caching: 'ReadWrite' },
        dataDisks: [],
      },
      journal,
    ),
  remove: (cloud, journal) =>
    cloud.disks.remove({ azureId: DISK_ID, tags: { 'landfall-appliance': APPLIANCE } }, journal),
};

function located(name: string, role: ResourceRole): Omit<DiskSpec, 'sizeBytes' | 'sku' | 'os'> {
  const place = { resourceGroup: 'apps', region: 'westus', zone: null, name, role, purpose: 'result' as const };
  return { ...place, tags: ownerTags(APPLIANCE, 'r-1', role) };
}

type Answered = readonly [status: number, body: unknown, headers?: Readonly<Record<string, string>>];
type Answers = Readonly<Record<string, (state: { readonly made: boolean }) => Answered>>;

/** A VM `m` and a disk `d` are there, and whatever `answers` says; any change that it does not name is `refused`. */
function connected(answers: Answers) {
  const asked: string[] = [];
  const given: Answers = {
    'GET virtualMachines/m': () => [
      200,
      { id: VM_ID, name: 'm', location: 'westus', properties: { provisioningState: 'Succeeded', storageProfile: {} } },
    ],
    'GET disks/d': () => [
      200,
      {
        ...{ id: DISK_ID, name: 'd', location: 'westus', tags: ownerTags(APPLIANCE, 'r-1', 'disk') },
        properties: { provisioningState: 'Succeeded', diskState: 'Unattached', diskSizeGB: 1 },
      },
    ],
    ...answers,
  };
  const settings = { subscriptionId: SUBSCRIPTION, applianceId: APPLIANCE, token: new Secret('t') };
  const connection = connectClients(settings, {
    sendRequest: async (request) => {
      const { pathname } = new URL(request.url);
      const asking = `${request.method} ${pathname.split('/').slice(-2).join('/')}`;
      asked.push(asking);
      const answer = given[asking] ?? (request.method === 'GET' ? notFound : given['refused']);
      assert.ok(answer, `${asking} was not to be sent`);
      const [status, body, headers] = answer({ made: asked.some((each) => each.startsWith('PUT')) });
      return {
        request,
        status,
        headers: createHttpHeaders({ 'content-type': 'application/json', ...headers }),
        bodyAsText: JSON.stringify(body),
      };
    },
  });
  const sent = (asking: string): number => asked.filter((each) => each === asking).length;
  return { cloud: new AzureCloud(connection, APPLIANCE), sent };
}

function notFound(): Answered {
  return [404, { error: { code: 'NotFound', message: 'Not found.' } }];
}

/** A disk as Azure shows it: what was sent, and at their paths the members that were recorded. */
function asShown(members: Readonly<Record<string, unknown>>, { name, region, sku, tags }: DiskSpec): unknown {
  const disk: Record<string, unknown> = {
    id: `${COMPUTE}/disks/${name}`,
    name,
    location: region,
    sku: { name: sku },
    tags,
  };
  for (const [path, value] of [...Object.entries(members), ['properties.provisioningState', 'Succeeded'] as const]) {
    const steps = path.split('.');
    let place = disk;
    for (const step of steps.slice(0, -1)) place = (place[step] ??= {}) as Record<string, unknown>;
    place[steps.at(-1)!] = value;
  }
  return disk;
}
