import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ResourceSku } from '@azure/arm-compute';
import {
  collect,
  makeDisk,
  raw,
  refusal,
  startTestAzure,
  SUBSCRIPTION,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('what a subscription can have', () => {
  let azure: TestAzure;
  before(async () => (azure = await startTestAzure()));
  after(() => azure.close());

  const skusIn = async (region: string): Promise<Map<string, ResourceSku>> => {
    const skus = await collect(azure.compute.resourceSkus.list({ filter: `location eq '${region}'` }));
    return new Map(
      skus.filter(({ resourceType }) => resourceType === 'virtualMachines').map((sku) => [sku.name ?? '', sku]),
    );
  };
  const capability = (sku: ResourceSku | undefined, name: string): string | undefined =>
    sku?.capabilities?.find((entry) => entry.name === name)?.value;

  it('lists sizes with what they can do', async () => {
    const skus = await skusIn('westeurope');
    const f4 = skus.get('Standard_F4s_v2');
    assert.equal(f4?.family, 'standardFSv2Family');
    assert.equal(capability(f4, 'vCPUs'), '4');
    assert.equal(capability(f4, 'MemoryGB'), '8');
    assert.equal(capability(f4, 'MaxDataDiskCount'), '8');
    assert.equal(capability(f4, 'HyperVGenerations'), 'V1,V2');
    assert.equal(capability(f4, 'PremiumIO'), 'True');
    assert.deepEqual(f4?.locationInfo?.[0]?.zones, ['1', '2', '3']);
    assert.equal(capability(skus.get('Standard_D2_v2'), 'PremiumIO'), 'False');
    assert.equal(capability(skus.get('Standard_DC2s_v3'), 'HyperVGenerations'), 'V2');
  });

  it('tells which sizes are restricted in a region or a zone', async () => {
    const north = await skusIn('northeurope');
    assert.deepEqual(
      north.get('Standard_L8s_v3')?.restrictions?.map(({ type }) => type),
      ['Location'],
    );
    const west = await skusIn('westeurope');
    assert.deepEqual(west.get('Standard_L8s_v3')?.restrictions, []);
    const zonal = west.get('Standard_E4ds_v5')?.restrictions?.[0];
    assert.equal(zonal?.type, 'Zone');
    assert.deepEqual(zonal?.restrictionInfo?.zones, ['2']);
  });

  it('answers for every region without a filter, and refuses filters that Azure does not know', async () => {
    const all = await collect(azure.compute.resourceSkus.list());
    const regions = new Set(all.flatMap(({ locations }) => locations ?? []));
    assert.ok(regions.has('westeurope') && regions.has('eastus'));
    const { status } = await refusal(collect(azure.compute.resourceSkus.list({ filter: "name eq 'x'" })));
    assert.equal(status, 400);
  });

  it('counts cores against a limit for each family and one for all', async () => {
    const usages = await collect(azure.compute.usage.list('westeurope'));
    const cores = usages.find(({ name }) => name?.value === 'cores');
    assert.deepEqual([cores?.currentValue, cores?.limit], [0, 350]);
    const family = usages.find(({ name }) => name?.value === 'standardFSv2Family');
    assert.deepEqual([family?.currentValue, family?.limit], [0, 100]);
  });

  it('knows its regions', async () => {
    const { json } = await raw(azure, 'GET', `/subscriptions/${SUBSCRIPTION}/locations?api-version=2022-12-01`);
    const names = (json['value'] as { name: string }[]).map(({ name }) => name);
    assert.ok(names.includes('westeurope') && names.includes('northeurope') && names.includes('eastus'));
  });

  it('refuses changes through a provider that is not registered, until it is', async () => {
    await raw(azure, 'PATCH', '/_emulator/settings', {
      body: JSON.stringify({ unregisteredProviders: ['Microsoft.Compute'] }),
    });
    assert.equal((await azure.resources.providers.get('Microsoft.Compute')).registrationState, 'NotRegistered');
    const { status, code } = await refusal(makeDisk(azure, 'x'));
    assert.deepEqual({ status, code }, { status: 409, code: 'MissingSubscriptionRegistration' });
    await azure.resources.providers.register('Microsoft.Compute');
    assert.equal((await azure.resources.providers.get('Microsoft.Compute')).registrationState, 'Registered');
    await makeDisk(azure, 'x');
  });
});
