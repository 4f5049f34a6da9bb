import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import {
  collect,
  GROUP,
  IDS,
  makeDisk,
  makeNic,
  makeVm,
  raw,
  REGION,
  refusal,
  startTestAzure,
  SUBSCRIPTION,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('resource groups', () => {
  let azure: TestAzure;
  before(async () => (azure = await startTestAzure()));
  after(() => azure.close());

  it('has the seeded group, network and subnets at its first start', async () => {
    const group = await azure.resources.resourceGroups.get(GROUP);
    assert.equal(group.id, IDS.resourceGroupId);
    assert.equal(group.properties?.provisioningState, 'Succeeded');
    const subnet = await azure.network.subnets.get(GROUP, 'landfall-network', 'workers');
    assert.equal(subnet.id, IDS.workerSubnetId);
    assert.equal(subnet.addressPrefix, '10.20.2.0/24');
  });

  it('creates, tells of, and deletes a group, whatever the case of its name', async () => {
    const made = await azure.resources.resourceGroups.createOrUpdate('Cased-RG', {
      location: 'West Europe',
      tags: { a: '1' },
    });
    assert.equal(made.location, 'westeurope');
    assert.deepEqual((await azure.resources.resourceGroups.get('cased-rg')).tags, { a: '1' });
    assert.equal((await azure.resources.resourceGroups.checkExistence('CASED-RG')).body, true);
    await azure.resources.resourceGroups.delete('cased-RG');
    assert.equal((await azure.resources.resourceGroups.checkExistence('Cased-RG')).body, false);
    assert.deepEqual(await refusal(azure.resources.resourceGroups.get('Cased-RG')), {
      status: 404,
      code: 'ResourceGroupNotFound',
      message: "Resource group 'Cased-RG' could not be found.",
    });
  });

  it('answers 201 for a new group and 200 for one that exists', async () => {
    const path = `/subscriptions/${SUBSCRIPTION}/resourcegroups/fresh?api-version=2025-04-01`;
    const body = JSON.stringify({ location: 'westeurope' });
    assert.equal((await raw(azure, 'PUT', path, { body })).status, 201);
    assert.equal((await raw(azure, 'PUT', path, { body })).status, 200);
  });

  it('refuses to move a group to another region, and a region that does not exist', async () => {
    const moved = await refusal(azure.resources.resourceGroups.createOrUpdate(GROUP, { location: 'eastus' }));
    assert.equal(moved.status, 409);
    assert.equal(moved.code, 'InvalidResourceGroupLocation');
    const nowhere = await refusal(azure.resources.resourceGroups.createOrUpdate('x', { location: 'atlantis' }));
    assert.equal(nowhere.status, 400);
    assert.equal(nowhere.code, 'LocationNotAvailableForResourceType');
  });

  it('refuses names that Azure refuses', async () => {
    for (const name of ['ends.', 'a*b', 'x'.repeat(91)]) {
      const { status, code } = await refusal(
        azure.resources.resourceGroups.createOrUpdate(name, { location: 'westeurope' }),
      );
      assert.deepEqual({ status, code }, { status: 400, code: 'InvalidResourceGroup' }, name);
    }
  });

  it('deletes everything in the group with it, and gives its names free', async () => {
    await azure.resources.resourceGroups.createOrUpdate('doomed', { location: 'westeurope' });
    await makeVm(azure, 'machine', { group: 'doomed' });
    const osDisk = await azure.compute.disks.get('doomed', 'machine-os');
    const { json } = await raw(azure, 'GET', `/_emulator/disk-path?id=${encodeURIComponent(osDisk.id ?? '')}`);
    await azure.resources.resourceGroups.delete('doomed');
    assert.equal(existsSync(String(json['path'])), false);
    await azure.resources.resourceGroups.createOrUpdate('doomed', { location: 'westeurope' });
    const left = await collect(azure.resources.resources.listByResourceGroup('doomed'));
    assert.deepEqual(left, []);
  });

  it('refuses new resources in a group that is being deleted', async () => {
    await raw(azure, 'PATCH', '/_emulator/settings', {
      body: JSON.stringify({ delaysMs: { 'resources.deleteGroup': 60_000 } }),
    });
    await azure.resources.resourceGroups.createOrUpdate('going', { location: 'westeurope' });
    await azure.resources.resourceGroups.delete('going').submitted();
    assert.deepEqual(await refusal(makeDisk(azure, 'd', { group: 'going' })), {
      status: 409,
      code: 'ResourceGroupBeingDeleted',
      message: "The resource group 'going' is in deprovisioning state and cannot perform this operation.",
    });
  });

  it('does not delete a group whose disk a VM of another group holds', async () => {
    await azure.resources.resourceGroups.createOrUpdate('lender', { location: 'westeurope' });
    const lent = await makeDisk(azure, 'lent', { group: 'lender' });
    await makeVm(azure, 'borrower', { dataDisks: [{ diskId: lent, lun: 0 }] });
    await raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify({ delaysMs: {} }) });
    await assert.rejects(async () => {
      await azure.resources.resourceGroups.delete('lender');
    });
    assert.equal((await azure.compute.disks.get('lender', 'lent')).id, lent);
    assert.equal((await azure.resources.resourceGroups.get('lender')).properties?.provisioningState, 'Succeeded');
  });

  it('deletes all else of a group in which something is held from outside, and names what is left', async () => {
    const { resourceGroups } = azure.resources;
    const groupPath = `/subscriptions/${SUBSCRIPTION}/resourceGroups/mixed`;
    await resourceGroups.createOrUpdate('mixed', { location: REGION });
    const lent = await makeDisk(azure, 'lent', { group: 'mixed' });
    await makeDisk(azure, 'free', { group: 'mixed' });
    await makeVm(azure, 'inside', { group: 'mixed' });
    await makeVm(azure, 'outside', { dataDisks: [{ diskId: lent, lun: 0 }] });
    await azure.network.virtualNetworks.createOrUpdate('mixed', 'net', {
      location: REGION,
      addressSpace: { addressPrefixes: ['10.8.0.0/16'] },
      subnets: [{ name: 's', addressPrefix: '10.8.1.0/24' }],
    });
    await azure.network.networkInterfaces.createOrUpdate(GROUP, 'guest', {
      location: REGION,
      ipConfigurations: [
        { name: 'ip', subnet: { id: `${groupPath}/providers/Microsoft.Network/virtualNetworks/net/subnets/s` } },
      ],
    });
    const blocked = await refusal(resourceGroups.delete('mixed'));
    assert.deepEqual([blocked.status, blocked.code], [409, 'ResourceGroupDeletionBlocked']);
    assert.match(
      blocked.message,
      /^Deletion of resource group 'mixed' failed as resources with identifiers 'Microsoft.Compute\/disks\/lent,Microsoft.Network\/virtualNetworks\/net' could not be deleted\./,
    );
    const left = await collect(azure.resources.resources.listByResourceGroup('mixed'));
    assert.deepEqual(left.map(({ name }) => name).sort(), ['lent', 'net']);
    await azure.compute.virtualMachines.delete(GROUP, 'outside');
    await azure.network.networkInterfaces.delete(GROUP, 'guest');
    await resourceGroups.delete('mixed');
    assert.equal((await resourceGroups.checkExistence('mixed')).body, false);
  });

  it('lets nobody act in a group that is being deleted, either', async () => {
    await azure.resources.resourceGroups.createOrUpdate('fading', { location: REGION });
    await makeDisk(azure, 'd', { group: 'fading' });
    await raw(azure, 'PATCH', '/_emulator/settings', {
      body: JSON.stringify({ delaysMs: { 'resources.deleteGroup': 60_000 } }),
    });
    await azure.resources.resourceGroups.delete('fading').submitted();
    await raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify({ delaysMs: {} }) });
    for (const call of [
      () => azure.compute.disks.grantAccess('fading', 'd', { access: 'Read', durationInSeconds: 60 }),
      () => azure.compute.disks.update('fading', 'd', { tags: {} }),
      () => azure.resources.resourceGroups.createOrUpdate('fading', { location: REGION }),
    ]) {
      const { status, code } = await refusal(call());
      assert.deepEqual([status, code], [409, 'ResourceGroupBeingDeleted']);
    }
    assert.equal((await azure.resources.resourceGroups.get('fading')).properties?.provisioningState, 'Deleting');
  });

  it('lists what is in a group, filtered by tag and type', async () => {
    await azure.resources.resourceGroups.createOrUpdate('listed', { location: 'westeurope' });
    await makeDisk(azure, 'red', { group: 'listed', tags: { colour: 'red' } });
    await makeDisk(azure, 'blue', { group: 'listed', tags: { colour: 'blue' } });
    await makeNic(azure, 'nic', 'listed');
    const names = async (filter?: string): Promise<string[]> => {
      const found = azure.resources.resources.listByResourceGroup('listed', filter === undefined ? {} : { filter });
      return (await collect(found)).map(({ name }) => name ?? '').sort();
    };
    assert.deepEqual(await names(), ['blue', 'nic', 'red']);
    assert.deepEqual(await names("tagName eq 'colour' and tagValue eq 'red'"), ['red']);
    assert.deepEqual(await names("tagName eq 'Colour'"), ['blue', 'red']);
    assert.deepEqual(await names("resourceType eq 'Microsoft.Network/networkInterfaces'"), ['nic']);
    const bad = await refusal(names("colour like 'red'"));
    assert.deepEqual({ status: bad.status, code: bad.code }, { status: 400, code: 'InvalidFilterInQueryString' });
  });
});
