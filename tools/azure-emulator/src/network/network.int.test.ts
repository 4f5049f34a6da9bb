import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  collect,
  GROUP,
  IDS,
  makeVm,
  raw,
  refusal,
  REGION,
  startTestAzure,
  SUBSCRIPTION,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('networks', () => {
  let azure: TestAzure;
  beforeAll(async () => (azure = await startTestAzure()));
  afterAll(() => azure.close());

  const makeNic = (name: string, privateIPAddress?: string, subnetId: string = IDS.workerSubnetId) =>
    azure.network.networkInterfaces.createOrUpdate(GROUP, name, {
      location: REGION,
      ipConfigurations: [
        {
          name: 'ip',
          subnet: { id: subnetId },
          ...(privateIPAddress === undefined ? {} : { privateIPAllocationMethod: 'Static', privateIPAddress }),
        },
      ],
    });
  const addressOf = async (
    nic: PromiseLike<{ ipConfigurations?: { privateIPAddress?: string }[] }>,
  ): Promise<string | undefined> => (await nic).ipConfigurations?.[0]?.privateIPAddress;
  const rejects = async (call: PromiseLike<unknown>, code: string, message: RegExp, status = 400): Promise<void> => {
    const refused = await refusal(call);
    assert.deepEqual({ status: refused.status, code: refused.code }, { status, code }, refused.message);
    expect(refused.message).toMatch(message);
  };

  it('gives out the lowest free address after the four that Azure keeps', async () => {
    expect(await addressOf(makeNic('n4'))).toBe('10.20.2.4');
    expect(await addressOf(makeNic('n6', '10.20.2.6'))).toBe('10.20.2.6');
    expect(await addressOf(makeNic('n5'))).toBe('10.20.2.5');
    expect(await addressOf(makeNic('n7'))).toBe('10.20.2.7');
  });

  it('keeps the address of an interface that is written again', async () => {
    const before = await addressOf(makeNic('again'));
    expect(await addressOf(makeNic('again'))).toBe(before);
  });

  it('answers a write as Azure does: 201, Azure-AsyncOperation, Updating, a weak etag', async () => {
    const body = JSON.stringify({
      location: REGION,
      properties: { ipConfigurations: [{ name: 'ip', properties: { subnet: { id: IDS.workerSubnetId } } }] },
    });
    const path = `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/Microsoft.Network/networkInterfaces/wire?api-version=2025-05-01`;
    const put = await raw(azure, 'PUT', path, { body });
    expect(put.status).toBe(201);
    expect(String(put.json['etag'])).toMatch(/^W\/"[0-9a-f-]{36}"$/);
    expect((put.json['properties'] as { provisioningState: string }).provisioningState).toBe('Updating');
    expect(String(put.headers['azure-asyncoperation'])).toMatch(
      /\/providers\/Microsoft\.Network\/locations\/westeurope\/operations\//,
    );
    expect((await raw(azure, 'PUT', path, { body })).status).toBe(200);
  });

  it('refuses addresses that are taken, reserved, or outside of the subnet', async () => {
    await makeNic('holder', '10.20.2.50');
    await rejects(
      makeNic('x', '10.20.2.50'),
      'PrivateIPAddressIsAllocated',
      /10\.20\.2\.50 which is already allocated to resource .*\/holder\/ipConfigurations\/ip\./,
    );
    await rejects(makeNic('x', '10.20.2.2'), 'PrivateIPAddressInReservedRange', /10\.20\.2\.2/);
    await rejects(makeNic('x', '10.20.2.255'), 'PrivateIPAddressInReservedRange', /10\.20\.2\.255/);
    await rejects(makeNic('x', '10.20.1.5'), 'PrivateIPAddressNotInSubnet', /10\.20\.1\.5/);
  });

  it('refuses a subnet that does not exist', async () => {
    await rejects(
      makeNic('x', undefined, `${IDS.networkId}/subnets/none`),
      'InvalidResourceReference',
      /subnets\/none referenced by/,
    );
  });

  it('refuses to delete an interface while a VM has it', async () => {
    await makeVm(azure, 'holder-vm');
    await rejects(
      azure.network.networkInterfaces.delete(GROUP, 'holder-vm-nic'),
      'NicInUse',
      /is used by existing resource .*holder-vm/,
    );
    await azure.compute.virtualMachines.delete(GROUP, 'holder-vm');
    await azure.network.networkInterfaces.delete(GROUP, 'holder-vm-nic');
    expect((await refusal(azure.network.networkInterfaces.get(GROUP, 'holder-vm-nic'))).status).toBe(404);
  });

  it('makes networks whose subnets fit, and refuses those that do not', async () => {
    const make = (name: string, prefixes: string[], subnets: [string, string][]) =>
      azure.network.virtualNetworks.createOrUpdate(GROUP, name, {
        location: REGION,
        addressSpace: { addressPrefixes: prefixes },
        subnets: subnets.map(([subnet, addressPrefix]) => ({ name: subnet, addressPrefix })),
      });
    const made = await make(
      'mine',
      ['192.168.0.0/16'],
      [
        ['a', '192.168.1.0/24'],
        ['b', '192.168.2.0/24'],
      ],
    );
    expect(made.subnets?.map(({ id }) => id?.split('/').at(-1))).toStrictEqual(['a', 'b']);
    await rejects(make('bad', ['10.0.0.0/16'], [['a', '10.1.0.0/24']]), 'NetcfgInvalidSubnet', /'a'/);
    await rejects(
      make(
        'bad',
        ['10.0.0.0/16'],
        [
          ['a', '10.0.0.0/24'],
          ['b', '10.0.0.128/25'],
        ],
      ),
      'NetcfgSubnetRangesOverlap',
      /'b'.*'a'/,
    );
    await rejects(make('bad', ['10.0.0.0/16'], [['a', '10.0.0.1/24']]), 'InvalidCIDRNotation', /10\.0\.0\.1\/24/);
  });

  it('adds and removes subnets, and keeps one that is in use', async () => {
    await azure.network.subnets.createOrUpdate(GROUP, 'landfall-network', 'small', { addressPrefix: '10.20.9.0/29' });
    const small = `${IDS.networkId}/subnets/small`;
    const addresses = [];
    for (const name of ['s1', 's2', 's3']) addresses.push(await addressOf(makeNic(name, undefined, small)));
    expect(addresses).toStrictEqual(['10.20.9.4', '10.20.9.5', '10.20.9.6']);
    await rejects(makeNic('s4', undefined, small), 'SubnetIsFull', /small/);
    await rejects(
      azure.network.subnets.delete(GROUP, 'landfall-network', 'small'),
      'InUseSubnetCannotBeDeleted',
      /small is in use/,
    );
    for (const name of ['s1', 's2', 's3']) await azure.network.networkInterfaces.delete(GROUP, name);
    await azure.network.subnets.delete(GROUP, 'landfall-network', 'small');
    expect((await refusal(azure.network.subnets.get(GROUP, 'landfall-network', 'small'))).status).toBe(404);
  });

  it('tells which addresses of a subnet are in use, and whether one is free', async () => {
    const subnet = await azure.network.subnets.get(GROUP, 'landfall-network', 'workers');
    expect(subnet.ipConfigurations?.some(({ id }) => id?.endsWith('/n4/ipConfigurations/ip'))).toBeTruthy();
    const check = (address: string) =>
      azure.network.virtualNetworks.checkIPAddressAvailability(GROUP, 'landfall-network', address);
    expect((await check('10.20.2.4')).available).toBe(false);
    expect((await check('10.20.2.200')).available).toBe(true);
  });

  it('keeps public addresses and security groups, and refuses their deletion while an interface uses them', async () => {
    const ip = await azure.network.publicIPAddresses.createOrUpdate(GROUP, 'ip', {
      location: REGION,
      sku: { name: 'Standard' },
      publicIPAllocationMethod: 'Static',
    });
    const group = await azure.network.networkSecurityGroups.createOrUpdate(GROUP, 'nsg', { location: REGION });
    await azure.network.networkInterfaces.createOrUpdate(GROUP, 'public', {
      location: REGION,
      networkSecurityGroup: { id: group.id ?? '' },
      ipConfigurations: [{ name: 'ip', subnet: { id: IDS.machineSubnetId }, publicIPAddress: { id: ip.id ?? '' } }],
    });
    expect((await azure.network.publicIPAddresses.get(GROUP, 'ip')).ipAddress ?? '').toMatch(/^203\.0\.113\.\d+$/);
    await rejects(azure.network.publicIPAddresses.delete(GROUP, 'ip'), 'PublicIPAddressCannotBeDeleted', /in use by/);
    await rejects(
      azure.network.networkSecurityGroups.delete(GROUP, 'nsg'),
      'InUseNetworkSecurityGroupCannotBeDeleted',
      /in use by/,
    );
    await azure.network.networkInterfaces.delete(GROUP, 'public');
    await azure.network.publicIPAddresses.delete(GROUP, 'ip');
    await azure.network.networkSecurityGroups.delete(GROUP, 'nsg');
    expect(await collect(azure.network.publicIPAddresses.list(GROUP))).toStrictEqual([]);
  });

  it('take a dynamic public address from a machine that is deallocated, and give it another one; a static one stays', async () => {
    const make = (name: string, publicIPAllocationMethod: string) =>
      azure.network.publicIPAddresses.createOrUpdate(GROUP, name, {
        ...{ location: REGION, sku: { name: 'Basic' }, publicIPAllocationMethod },
      });
    const addresses = { passing: await make('passing', 'Dynamic'), own: await make('own', 'Static') };
    await makeVm(azure, 'reached');
    await azure.network.networkInterfaces.createOrUpdate(GROUP, 'reached-nic', {
      location: REGION,
      ipConfigurations: Object.entries(addresses).map(([name, { id = '' }], index) => ({
        ...{ name, primary: index === 0, subnet: { id: IDS.machineSubnetId }, publicIPAddress: { id } },
        ...{ privateIPAllocationMethod: 'Static', privateIPAddress: `10.20.1.20${index}` },
      })),
    });
    const now = async (name: string) => (await azure.network.publicIPAddresses.get(GROUP, name)).ipAddress;
    const own = await now('own');
    expect(await now('passing')).toBeDefined();
    await azure.compute.virtualMachines.deallocate(GROUP, 'reached');
    expect([await now('passing'), await now('own')]).toStrictEqual([undefined, own]);
    await azure.compute.virtualMachines.start(GROUP, 'reached');
    expect(await now('passing')).toBeDefined();
    expect(await now('own')).toBe(own);
  });
});
