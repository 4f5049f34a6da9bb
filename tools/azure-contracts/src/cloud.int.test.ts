import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { connectAzure } from '@landfall/azure';
import type { Exchange } from '@landfall/azure-emulator';
import { newRestoreId, ownerTags, removeResource, Secret, type Cloud, type ResourceRole } from '@landfall/domain';
import { MemoryJournal } from '@landfall/testing';
import { cloudContract, emulatedPolicy } from '@landfall/testing/contracts';
import { ContractChecker } from './check/contract-checker.js';
import { PACKAGE_EXCEPTIONS, SPECIFICATION_EXCEPTIONS } from './check/exceptions.js';
import {
  GROUP,
  IDS,
  REGION,
  send,
  startRecordedAzure,
  SUBSCRIPTION,
  type RecordedAzure,
} from './fixtures/recorded-azure.fixture.test.js';
import { assertNoFindings } from './fixtures/report.fixture.test.js';
import { publishedFacts } from './published/facts.js';
import { OperationIndex } from './published/operation.js';
import { packageOperations } from './published/packages.js';

/*
 * Every request that the product's adapter makes, against what Microsoft publishes: the adapter goes through the same
 * contract that every cloud keeps to, and all that it sent, refused or not, is looked at afterwards.
 */
const APPLIANCE = 'appliance-under-contract';

/** What the adapter is known to use. A new call joins by being made; one that is gone is taken out of here. */
const USED = [
  ...[
    'resourceGroups.get',
    'providers.get',
    'subscriptions.listLocations',
    'resourceSkus.list',
    'usageOperations.list',
  ],
  ...['disks.get', 'disks.createOrUpdate', 'disks.grantAccess', 'disks.revokeAccess', 'disks.delete'],
  ...[
    'snapshots.get',
    'snapshots.createOrUpdate',
    'snapshots.grantAccess',
    'snapshots.revokeAccess',
    'snapshots.delete',
  ],
  ...['networkInterfaces.get', 'networkInterfaces.createOrUpdate', 'virtualNetworks.get', 'virtualNetworks.list'],
  'virtualNetworks.checkIPAddressAvailability',
  ...['virtualMachines.get', 'virtualMachines.createOrUpdate', 'virtualMachines.start', 'virtualMachines.deallocate'],
  'virtualMachines.update',
  ...['resources.moveResources', 'resources.validateMoveResources'],
  ...['virtualMachines.attachDetachDataDisks', 'virtualMachines.delete', 'networkInterfaces.delete'],
];

let azure: RecordedAzure;
beforeAll(async () => (azure = await startRecordedAzure()));
afterAll(() => azure.close());

function adapter(): Cloud {
  const { url, token } = azure.emulator;
  const settings = { subscriptionId: SUBSCRIPTION, endpoint: url, applianceId: APPLIANCE };
  return connectAzure({ ...settings, token: new Secret(token) });
}

cloudContract('Azure, with every request written down,', async () => ({
  cloud: adapter(),
  applianceId: APPLIANCE,
  resourceGroup: GROUP,
  region: REGION,
  subnetId: IDS.machineSubnetId,
  freeAddress: '10.20.1.77',
  smallSize: 'Standard_F2s_v2',
  async lock(scopeId, name, level) {
    const path = `${scopeId}/providers/Microsoft.Authorization/locks/${name}?api-version=2020-05-01`;
    if (level === null) await send(azure, 'DELETE', path);
    else await send(azure, 'PUT', path, { properties: { level } });
  },
  async assign(policies) {
    await send(azure, 'PATCH', '/_emulator/settings', { policies: policies.map(emulatedPolicy) });
  },
  dispose: () => Promise.resolve(),
}));

describe('every request that the adapter makes of Azure', () => {
  beforeAll(removeEachKind);

  it('has the path, the query and the body that Microsoft has published', async () => {
    const index = new OperationIndex(await packageOperations());
    const checker = new ContractChecker(index, { requests: 'all', source: 'whole', exceptions: PACKAGE_EXCEPTIONS });
    for (const exchange of azure.exchanges.filter(isOfInstalledPackage)) checker.check(exchange);
    assertNoFindings(checker.findings);
    expect(USED.filter((operation) => !checker.statuses.has(operation))).toStrictEqual([]);
  });

  it('agrees with the public specifications', () => {
    const index = new OperationIndex(publishedFacts());
    const checker = new ContractChecker(index, {
      requests: 'all',
      source: 'part',
      exceptions: SPECIFICATION_EXCEPTIONS,
    });
    for (const exchange of azure.exchanges) checker.check(exchange);
    assertNoFindings(checker.findings);
    assert.ok(checker.statuses.size > 10, `only ${checker.statuses.size} operations were looked at`);
  });

  it('names an api-version that is a date', () => {
    const versions = azure.exchanges.map(({ request }) => new URLSearchParams(request.query).get('api-version') ?? '');
    expect(versions.filter((version) => !/^\d{4}-\d{2}-\d{2}$/.test(version))).toStrictEqual([]);
  });

  it('is written down without a credential', () => {
    const text = JSON.stringify(azure.exchanges);
    assert.ok(text.includes('customData') && text.includes('sig='), 'nothing was sent that has to be kept secret');
    expect(text).not.toContain(azure.emulator.token);
    expect(
      [...text.matchAll(/"(?:customData|adminPassword)":"([^"]*)"|sig=([^&"]*)/g)]
        .map((match) => match[1] ?? match[2])
        .filter((value) => value !== 'REDACTED'),
    ).toStrictEqual([]);
  });
});

/** What the contract of every cloud leaves to its adapters: disks and interfaces that go away by themselves. */
async function removeEachKind(): Promise<void> {
  const cloud = adapter();
  const id = newRestoreId();
  const journal = new MemoryJournal(id);
  const place = (name: string, role: ResourceRole) => ({
    ...{ resourceGroup: GROUP, region: REGION, zone: '1', name, role, purpose: 'result' as const },
    tags: ownerTags(APPLIANCE, id, role),
  });
  const sized = { sizeBytes: 1024 ** 3, sku: 'Premium_LRS', os: { family: 'windows', generation: 2 } } as const;
  const disk = await cloud.disks.ensureEmpty({ ...place('gone-disk', 'disk'), ...sized }, journal);
  const wanted = { subnetId: IDS.workerSubnetId, privateIp: null };
  const nic = await cloud.network.ensureNic({ ...place('gone-nic', 'nic'), ...wanted }, journal);
  for (const [kind, azureId] of [['disk', disk.azureId] as const, ['nic', nic.azureId] as const]) {
    await removeResource(cloud, kind, { azureId, tags: ownerTags(APPLIANCE, id, kind) }, journal);
  }
}

/** The client of policies is no package here: what it is asked, and answers, is held against Microsoft's document in `libs/azure`. */
function isOfInstalledPackage({ request }: Exchange): boolean {
  return !/\/checkPolicyRestrictions$/i.test(request.path);
}
