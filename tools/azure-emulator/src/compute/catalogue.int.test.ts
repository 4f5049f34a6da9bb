import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
  beforeAll(async () => (azure = await startTestAzure()));
  afterAll(() => azure.close());

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
    expect(f4?.family).toBe('standardFSv2Family');
    expect(capability(f4, 'vCPUs')).toBe('4');
    expect(capability(f4, 'MemoryGB')).toBe('8');
    expect(capability(f4, 'MaxDataDiskCount')).toBe('8');
    expect(capability(f4, 'HyperVGenerations')).toBe('V1,V2');
    expect(capability(f4, 'PremiumIO')).toBe('True');
    expect(f4?.locationInfo?.[0]?.zones).toStrictEqual(['1', '2', '3']);
    expect(capability(skus.get('Standard_D2_v2'), 'PremiumIO')).toBe('False');
    expect(capability(f4, 'vCPUsAvailable')).toBe('4');
    expect(capability(f4, 'UncachedDiskIOPS')).toBe('6400');
    expect(capability(f4, 'EphemeralOSDiskSupported')).toBe('True');
    expect([capability(f4, 'TrustedLaunchDisabled'), capability(f4, 'DiskControllerTypes')]).toStrictEqual([
      undefined,
      undefined,
    ]);
    expect(capability(skus.get('Standard_M8ms'), 'TrustedLaunchDisabled')).toBe('True');
    expect(capability(skus.get('Standard_D2s_v6'), 'DiskControllerTypes')).toBe('NVMe');
    expect(capability(skus.get('Standard_E2bs_v5'), 'DiskControllerTypes')).toBe('SCSI,NVMe');
    expect(capability(skus.get('Standard_D2ps_v5'), 'CpuArchitectureType')).toBe('Arm64');
    expect(capability(skus.get('Standard_DC2s_v3'), 'HyperVGenerations')).toBe('V2');
  });

  it('tells which sizes are restricted in a region or a zone', async () => {
    const north = await skusIn('northeurope');
    expect(north.get('Standard_L8s_v3')?.restrictions?.map(({ type }) => type)).toStrictEqual(['Location']);
    const west = await skusIn('westeurope');
    expect(west.get('Standard_L8s_v3')?.restrictions).toStrictEqual([]);
    const zonal = west.get('Standard_E4ds_v5')?.restrictions?.[0];
    expect(zonal?.type).toBe('Zone');
    expect(zonal?.restrictionInfo?.zones).toStrictEqual(['2']);
  });

  it('answers for every region without a filter, and refuses filters that Azure does not know', async () => {
    const all = await collect(azure.compute.resourceSkus.list());
    const regions = new Set(all.flatMap(({ locations }) => locations ?? []));
    expect(regions.has('westeurope') && regions.has('eastus')).toBe(true);
    const { status } = await refusal(collect(azure.compute.resourceSkus.list({ filter: "name eq 'x'" })));
    expect(status).toBe(400);
  });

  it('counts cores against a limit for each family and one for all', async () => {
    const usages = await collect(azure.compute.usage.list('westeurope'));
    const cores = usages.find(({ name }) => name?.value === 'cores');
    expect([cores?.currentValue, cores?.limit]).toStrictEqual([0, 350]);
    const family = usages.find(({ name }) => name?.value === 'standardFSv2Family');
    expect([family?.currentValue, family?.limit]).toStrictEqual([0, 100]);
  });

  it('knows its regions', async () => {
    const { json } = await raw(azure, 'GET', `/subscriptions/${SUBSCRIPTION}/locations?api-version=2022-12-01`);
    const names = (json['value'] as { name: string }[]).map(({ name }) => name);
    expect(names.includes('westeurope') && names.includes('northeurope') && names.includes('eastus')).toBe(true);
  });

  it('refuses changes through a provider that is not registered, until it is', async () => {
    await raw(azure, 'PATCH', '/_emulator/settings', {
      body: JSON.stringify({ unregisteredProviders: ['Microsoft.Compute'] }),
    });
    expect((await azure.resources.providers.get('Microsoft.Compute')).registrationState).toBe('NotRegistered');
    const { status, code } = await refusal(makeDisk(azure, 'x'));
    expect({ status, code }).toStrictEqual({ status: 409, code: 'MissingSubscriptionRegistration' });
    await azure.resources.providers.register('Microsoft.Compute');
    expect((await azure.resources.providers.get('Microsoft.Compute')).registrationState).toBe('Registered');
    await makeDisk(azure, 'x');
  });
});
