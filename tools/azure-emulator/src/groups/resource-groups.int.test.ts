import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
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
  beforeAll(async () => (azure = await startTestAzure()));
  afterAll(() => azure.close());

  it('has the seeded group, network and subnets at its first start', async () => {
    const group = await azure.resources.resourceGroups.get(GROUP);
    expect(group.id).toBe(IDS.resourceGroupId);
    expect(group.properties?.provisioningState).toBe('Succeeded');
    const subnet = await azure.network.subnets.get(GROUP, 'landfall-network', 'workers');
    expect(subnet.id).toBe(IDS.workerSubnetId);
    expect(subnet.addressPrefix).toBe('10.20.2.0/24');
  });

  it('creates, tells of, and deletes a group, whatever the case of its name', async () => {
    const made = await azure.resources.resourceGroups.createOrUpdate('Cased-RG', {
      location: 'West Europe',
      tags: { a: '1' },
    });
    expect(made.location).toBe('westeurope');
    expect((await azure.resources.resourceGroups.get('cased-rg')).tags).toStrictEqual({ a: '1' });
    expect((await azure.resources.resourceGroups.checkExistence('CASED-RG')).body).toBe(true);
    await azure.resources.resourceGroups.delete('cased-RG');
    expect((await azure.resources.resourceGroups.checkExistence('Cased-RG')).body).toBe(false);
    expect(await refusal(azure.resources.resourceGroups.get('Cased-RG'))).toStrictEqual({
      status: 404,
      code: 'ResourceGroupNotFound',
      message: "Resource group 'Cased-RG' could not be found.",
    });
  });

  it('answers 201 for a new group and 200 for one that exists', async () => {
    const path = `/subscriptions/${SUBSCRIPTION}/resourcegroups/fresh?api-version=2025-04-01`;
    const body = JSON.stringify({ location: 'westeurope' });
    expect((await raw(azure, 'PUT', path, { body })).status).toBe(201);
    expect((await raw(azure, 'PUT', path, { body })).status).toBe(200);
  });

  it('refuses to move a group to another region, and a region that does not exist', async () => {
    const moved = await refusal(azure.resources.resourceGroups.createOrUpdate(GROUP, { location: 'eastus' }));
    expect(moved.status).toBe(409);
    expect(moved.code).toBe('InvalidResourceGroupLocation');
    const nowhere = await refusal(azure.resources.resourceGroups.createOrUpdate('x', { location: 'atlantis' }));
    expect(nowhere.status).toBe(400);
    expect(nowhere.code).toBe('LocationNotAvailableForResourceType');
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
    expect(existsSync(String(json['path']))).toBe(false);
    await azure.resources.resourceGroups.createOrUpdate('doomed', { location: 'westeurope' });
    const left = await collect(azure.resources.resources.listByResourceGroup('doomed'));
    expect(left).toStrictEqual([]);
  });

  it('refuses new resources in a group that is being deleted', async () => {
    await raw(azure, 'PATCH', '/_emulator/settings', {
      body: JSON.stringify({ delaysMs: { 'resources.deleteGroup': 60_000 } }),
    });
    await azure.resources.resourceGroups.createOrUpdate('going', { location: 'westeurope' });
    await azure.resources.resourceGroups.delete('going').submitted();
    expect(await refusal(makeDisk(azure, 'd', { group: 'going' }))).toStrictEqual({
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
    await expect(async () => {
      await azure.resources.resourceGroups.delete('lender');
    }).rejects.toThrow();
    expect((await azure.compute.disks.get('lender', 'lent')).id).toBe(lent);
    expect((await azure.resources.resourceGroups.get('lender')).properties?.provisioningState).toBe('Succeeded');
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
    expect([blocked.status, blocked.code]).toStrictEqual([409, 'ResourceGroupDeletionBlocked']);
    expect(blocked.message).toMatch(
      /^Deletion of resource group 'mixed' failed as resources with identifiers 'Microsoft.Compute\/disks\/lent,Microsoft.Network\/virtualNetworks\/net' could not be deleted\./,
    );
    const left = await collect(azure.resources.resources.listByResourceGroup('mixed'));
    expect(left.map(({ name }) => name).sort()).toStrictEqual(['lent', 'net']);
    await azure.compute.virtualMachines.delete(GROUP, 'outside');
    await azure.network.networkInterfaces.delete(GROUP, 'guest');
    await resourceGroups.delete('mixed');
    expect((await resourceGroups.checkExistence('mixed')).body).toBe(false);
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
      expect([status, code]).toStrictEqual([409, 'ResourceGroupBeingDeleted']);
    }
    expect((await azure.resources.resourceGroups.get('fading')).properties?.provisioningState).toBe('Deleting');
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
    expect(await names()).toStrictEqual(['blue', 'nic', 'red']);
    expect(await names("tagName eq 'colour' and tagValue eq 'red'")).toStrictEqual(['red']);
    expect(await names("tagName eq 'Colour'")).toStrictEqual(['blue', 'red']);
    expect(await names("resourceType eq 'Microsoft.Network/networkInterfaces'")).toStrictEqual(['nic']);
    const bad = await refusal(names("colour like 'red'"));
    expect({ status: bad.status, code: bad.code }).toStrictEqual({ status: 400, code: 'InvalidFilterInQueryString' });
  });
});
