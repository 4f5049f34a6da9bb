import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import type { VirtualMachine } from '@azure/arm-compute';
import {
  collect,
  diskId,
  GROUP,
  makeDisk,
  makeNic,
  makeVm,
  powerState,
  raw,
  refusal,
  REGION,
  startTestAzure,
  vmBody,
  vmId,
  workerBody,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('virtual machines', () => {
  let azure: TestAzure;
  beforeAll(async () => (azure = await startTestAzure()));
  afterAll(() => azure.close());

  const create = (name: string, body: VirtualMachine) =>
    azure.compute.virtualMachines.createOrUpdate(GROUP, name, body);
  const settings = (values: unknown) => raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify(values) });
  const rejects = async (call: PromiseLike<unknown>, status: number, code: string, message: RegExp): Promise<void> => {
    const refused = await refusal(call);
    assert.deepEqual({ status: refused.status, code: refused.code }, { status, code }, refused.message);
    expect(refused.message).toMatch(message);
  };

  it('makes a VM from a restored OS disk, with data disks at their LUNs', async () => {
    const data = await makeDisk(azure, 'a-data');
    const vm = await makeVm(azure, 'a', { dataDisks: [{ diskId: data, lun: 7 }] });
    expect(vm.id).toBe(vmId('a'));
    expect(vm.provisioningState).toBe('Succeeded');
    expect(vm.vmId ?? '').toMatch(/^[0-9a-f-]{36}$/);
    expect(vm.storageProfile?.osDisk?.managedDisk?.id).toBe(diskId('a-os'));
    expect(vm.osProfile).toBe(undefined);
    expect(vm.storageProfile?.dataDisks?.map(({ lun, managedDisk }) => [lun, managedDisk?.id])).toStrictEqual([
      [7, data],
    ]);
    expect(await powerState(azure, 'a')).toBe('PowerState/running');
    const disk = await azure.compute.disks.get(GROUP, 'a-data');
    expect([disk.diskState, disk.managedBy]).toStrictEqual(['Attached', vmId('a')]);
    const nic = await azure.network.networkInterfaces.get(GROUP, 'a-nic');
    expect(nic.virtualMachine?.id).toBe(vmId('a'));
  });

  it('answers a creation as Azure does: 201, Azure-AsyncOperation alone, provisioningState Creating', async () => {
    const { hardwareProfile, storageProfile, networkProfile, location } = await vmBody(azure, 'wire');
    const body = JSON.stringify({ location, properties: { hardwareProfile, storageProfile, networkProfile } });
    const put = await raw(azure, 'PUT', `${vmId('wire')}?api-version=2025-04-01`, { body });
    assert.equal(put.status, 201, put.text);
    expect((put.json['properties'] as { provisioningState: string }).provisioningState).toBe('Creating');
    expect(put.headers['location']).toBe(undefined);
    const url = new URL(String(put.headers['azure-asyncoperation']));
    expect(url.pathname).toMatch(/\/providers\/Microsoft\.Compute\/locations\/westeurope\/operations\/[0-9a-f-]{36}$/);
    const { json } = await raw(azure, 'GET', url.pathname + url.search);
    expect(Object.keys(json).sort()).toStrictEqual(['endTime', 'name', 'startTime', 'status']);
    expect(json['status']).toBe('Succeeded');
  });

  it('makes a VM from an image, with an OS disk of the given name, and hides its secrets', async () => {
    const body = await workerBody(azure, 'imaged', { LANDFALL_API_URL: 'https://127.0.0.1:1' });
    const vm = await create('imaged', body);
    expect(vm.osProfile?.computerName).toBe('imaged');
    const { text } = await raw(azure, 'GET', `${vmId('imaged')}?api-version=2025-04-01`);
    expect(text).not.toMatch(/customData|adminPassword|not-a-real-one/);
    const disk = await azure.compute.disks.get(GROUP, 'imaged-os');
    expect(disk.hyperVGeneration).toBe('V2');
    expect(disk.diskSizeGB).toBe(30);
    await azure.compute.virtualMachines.delete(GROUP, 'imaged');
    expect((await refusal(azure.compute.disks.get(GROUP, 'imaged-os'))).status).toBe(404);
    expect((await azure.network.networkInterfaces.get(GROUP, 'imaged-nic')).virtualMachine).toBe(undefined);
  });

  it('refuses an image that does not exist, and a VM from an image that nobody could sign in to', async () => {
    const body = await workerBody(azure, 'noimage', {});
    const image = { publisher: 'Debian', offer: 'debian-12', sku: 'nothing', version: 'latest' };
    const storageProfile = { ...body.storageProfile, imageReference: image };
    await rejects(
      create('noimage', { ...body, storageProfile }),
      404,
      'PlatformImageNotFound',
      /'Debian:debian-12:nothing:latest'/,
    );
    const osProfile = { computerName: 'noimage', adminUsername: 'landfall' };
    await rejects(
      create('noimage', { ...body, osProfile }),
      400,
      'InvalidParameter',
      /SSH or by user name and password/,
    );
  });

  it('goes through its power states, and its disks with it', async () => {
    await makeVm(azure, 'power');
    const states = async () => [
      await powerState(azure, 'power'),
      (await azure.compute.disks.get(GROUP, 'power-os')).diskState,
    ];
    await azure.compute.virtualMachines.powerOff(GROUP, 'power');
    expect(await states()).toStrictEqual(['PowerState/stopped', 'Attached']);
    await azure.compute.virtualMachines.deallocate(GROUP, 'power');
    expect(await states()).toStrictEqual(['PowerState/deallocated', 'Reserved']);
    await rejects(
      azure.compute.virtualMachines.restart(GROUP, 'power'),
      409,
      'OperationNotAllowed',
      /requires the VM to be running/,
    );
    await azure.compute.virtualMachines.start(GROUP, 'power');
    expect(await states()).toStrictEqual(['PowerState/running', 'Attached']);
    await azure.compute.virtualMachines.restart(GROUP, 'power');
    expect(await states()).toStrictEqual(['PowerState/running', 'Attached']);
  });

  it('tells its instance view with the VM when asked', async () => {
    await makeVm(azure, 'viewed', { generation: 'V2' });
    const vm = await azure.compute.virtualMachines.get(GROUP, 'viewed', { expand: 'instanceView' });
    expect(vm.instanceView?.hyperVGeneration).toBe('V2');
    expect(vm.instanceView?.statuses?.map(({ code }) => code)).toStrictEqual([
      'ProvisioningState/succeeded',
      'PowerState/running',
    ]);
    expect((await azure.compute.virtualMachines.get(GROUP, 'viewed')).instanceView).toBe(undefined);
  });

  it('deletes a VM and keeps what it only had borrowed', async () => {
    const data = await makeDisk(azure, 'kept-data');
    await makeVm(azure, 'borrower', { dataDisks: [{ diskId: data, lun: 0 }] });
    await azure.compute.virtualMachines.delete(GROUP, 'borrower');
    expect((await refusal(azure.compute.virtualMachines.get(GROUP, 'borrower'))).code).toBe('ResourceNotFound');
    for (const name of ['kept-data', 'borrower-os']) {
      const disk = await azure.compute.disks.get(GROUP, name);
      expect([disk.diskState, disk.managedBy]).toStrictEqual(['Unattached', undefined]);
    }
    expect((await raw(azure, 'DELETE', `${vmId('borrower')}?api-version=2025-04-01`)).status).toBe(204);
  });

  it('deletes with a VM whatever its delete options say, as they were last set', async () => {
    const body = await vmBody(azure, 'cascade');
    const nicId = body.networkProfile?.networkInterfaces?.[0]?.id ?? '';
    await create('cascade', {
      ...body,
      storageProfile: { osDisk: { ...body.storageProfile?.osDisk, createOption: 'Attach', deleteOption: 'Delete' } },
      networkProfile: { networkInterfaces: [{ id: nicId, deleteOption: 'Delete' }] },
    });
    await azure.compute.virtualMachines.update(GROUP, 'cascade', {
      storageProfile: { osDisk: { createOption: 'Attach', deleteOption: 'Detach' } },
    });
    expect((await azure.compute.virtualMachines.get(GROUP, 'cascade')).storageProfile?.osDisk?.deleteOption).toBe(
      'Detach',
    );
    await azure.compute.virtualMachines.delete(GROUP, 'cascade');
    expect((await azure.compute.disks.get(GROUP, 'cascade-os')).diskState).toBe('Unattached');
    expect((await refusal(azure.network.networkInterfaces.get(GROUP, 'cascade-nic'))).status).toBe(404);
  });

  it('deletes with a VM the public address whose network interface says so, though that one stays', async () => {
    const addresses = azure.network.publicIPAddresses;
    const body = await vmBody(azure, 'open');
    const { id: addressId } = await addresses.createOrUpdate(GROUP, 'open-ip', {
      ...{ location: REGION, sku: { name: 'Standard' }, publicIPAllocationMethod: 'Static' },
    });
    const said = async (deleteOption: string) => {
      const nic = await azure.network.networkInterfaces.get(GROUP, 'open-nic');
      const ipConfigurations = (nic.ipConfigurations ?? []).map((each) => ({
        ...each,
        publicIPAddress: { id: addressId ?? '', deleteOption },
      }));
      await azure.network.networkInterfaces.createOrUpdate(GROUP, 'open-nic', { ...nic, ipConfigurations });
    };
    for (const option of ['Detach', 'Delete']) {
      await create('open', body);
      await said(option);
      await azure.compute.virtualMachines.delete(GROUP, 'open');
      const nic = await azure.network.networkInterfaces.get(GROUP, 'open-nic');
      const isThere = option === 'Detach';
      expect(nic.ipConfigurations?.[0]?.publicIPAddress !== undefined).toBe(isThere);
      if (isThere) await addresses.get(GROUP, 'open-ip');
      else expect((await refusal(addresses.get(GROUP, 'open-ip'))).status).toBe(404);
    }
  });

  it('keeps to If-None-Match and If-Match', async () => {
    const body = await vmBody(azure, 'matched');
    await azure.compute.virtualMachines.createOrUpdate(GROUP, 'matched', body, { ifNoneMatch: '*' });
    await rejects(
      azure.compute.virtualMachines.createOrUpdate(GROUP, 'matched', body, { ifNoneMatch: '*' }),
      412,
      'PreconditionFailed',
      /If-None-Match/,
    );
    const { etag } = await azure.compute.virtualMachines.get(GROUP, 'matched');
    await azure.compute.virtualMachines.update(GROUP, 'matched', { tags: { n: '1' } }, { ifMatch: etag ?? '' });
    await rejects(
      azure.compute.virtualMachines.update(GROUP, 'matched', { tags: { n: '2' } }, { ifMatch: etag ?? '' }),
      412,
      'PreconditionFailed',
      /If-Match/,
    );
  });

  it('adopts a repeated creation and refuses one with another shape', async () => {
    const body = await vmBody(azure, 'repeated');
    const first = await create('repeated', body);
    const second = await create('repeated', body);
    expect(second.vmId).toBe(first.vmId);
    const otherOs = await makeDisk(azure, 'other-os', { generation: 'V1' });
    const osDisk = { createOption: 'Attach', osType: 'Linux', managedDisk: { id: otherOs } } as const;
    await rejects(
      create('repeated', { ...body, storageProfile: { osDisk } }),
      409,
      'PropertyChangeNotAllowed',
      /osDisk\.managedDisk\.id/,
    );
    await rejects(create('repeated', { ...body, zones: ['1'] }), 409, 'PropertyChangeNotAllowed', /zones/);
    const otherNic = await makeNic(azure, 'other-nic');
    const networkProfile = { networkInterfaces: [{ id: otherNic }] };
    await rejects(
      create('repeated', { ...body, networkProfile }),
      409,
      'PropertyChangeNotAllowed',
      /networkInterfaces/,
    );
    await rejects(
      create('repeated', { ...body, location: 'eastus' }),
      409,
      'InvalidResourceLocation',
      /already exists in location 'westeurope'/,
    );
  });

  it('changes the size of a VM within the rules for sizes', async () => {
    await makeVm(azure, 'resized', { generation: 'V1' });
    await azure.compute.virtualMachines.update(GROUP, 'resized', { hardwareProfile: { vmSize: 'Standard_D4s_v5' } });
    expect((await azure.compute.virtualMachines.get(GROUP, 'resized')).hardwareProfile?.vmSize).toBe('Standard_D4s_v5');
    await rejects(
      azure.compute.virtualMachines.update(GROUP, 'resized', { hardwareProfile: { vmSize: 'Standard_DC2s_v3' } }),
      400,
      'BadRequest',
      /cannot boot Hypervisor Generation '1'/,
    );
  });

  it('refuses a size that does not exist, one that is not offered, and one of the wrong generation', async () => {
    const body = await vmBody(azure, 'sized', { generation: 'V2' });
    const sized = (vmSize: string, more: Partial<VirtualMachine> = {}) =>
      create('sized', { ...body, ...more, hardwareProfile: { vmSize } });
    await rejects(
      sized('Standard_X1'),
      400,
      'InvalidParameter',
      /The value Standard_X1 provided for the VM size is not valid/,
    );
    await rejects(
      sized('Standard_M8ms'),
      400,
      'BadRequest',
      /^The selected VM size 'Standard_M8ms' cannot boot Hypervisor Generation '2'\./,
    );
    await rejects(
      sized('Standard_E4ds_v5', { zones: ['2'] }),
      409,
      'SkuNotAvailable',
      /Standard_E4ds_v5.*not available in location 'westeurope'/,
    );
    await rejects(
      create('sized', { ...body, location: 'northeurope', hardwareProfile: { vmSize: 'Standard_L8s_v3' } }),
      409,
      'SkuNotAvailable',
      /northeurope/,
    );
  });

  it('makes a machine Trusted Launch when it is deallocated, its OS disk with it, and never takes that back', async () => {
    await makeVm(azure, 'secured', { generation: 'V2' });
    const secure = (securityType: string) =>
      azure.compute.virtualMachines.update(GROUP, 'secured', { securityProfile: { securityType } });
    await rejects(secure('TrustedLaunch'), 409, 'OperationNotAllowed', /since the VM is not deallocated/);
    await azure.compute.virtualMachines.deallocate(GROUP, 'secured');
    await secure('TrustedLaunch');
    expect((await azure.compute.disks.get(GROUP, 'secured-os')).securityProfile?.securityType).toBe('TrustedLaunch');
    await azure.compute.virtualMachines.start(GROUP, 'secured');
    const { securityProfile } = await azure.compute.virtualMachines.update(GROUP, 'secured', {
      securityProfile: { uefiSettings: { secureBootEnabled: true } },
    });
    expect(securityProfile).toMatchObject({ securityType: 'TrustedLaunch', uefiSettings: { secureBootEnabled: true } });
    await azure.compute.virtualMachines.deallocate(GROUP, 'secured');
    await rejects(secure('Standard'), 409, 'PropertyChangeNotAllowed', /'securityProfile\.securityType'/);
  });

  it('refuses premium disks on a size without premium storage', async () => {
    const body = await vmBody(azure, 'basic', { generation: 'V1' });
    await rejects(
      create('basic', { ...body, hardwareProfile: { vmSize: 'Standard_D2_v2' } }),
      400,
      'InvalidParameter',
      /VM size Standard_D2_v2 does not support the storage account type Premium_LRS/,
    );
  });

  it('refuses cores beyond the quota, and counts what exists', async () => {
    await settings({ coreLimits: { standardESv5Family: 6 } });
    const first = await vmBody(azure, 'q1', { size: 'Standard_E4s_v5' });
    const second = await vmBody(azure, 'q2', { size: 'Standard_E4s_v5' });
    await create('q1', first);
    await rejects(
      create('q2', second),
      409,
      'OperationNotAllowed',
      /exceeding approved standardESv5Family Cores quota\..*Current Limit: 6, Current Usage: 4, Additional Required: 4/,
    );
    const usages = await collect(azure.compute.usage.list(REGION));
    const family = usages.find(({ name }) => name?.value === 'standardESv5Family');
    expect([family?.currentValue, family?.limit]).toStrictEqual([4, 6]);
    await azure.compute.virtualMachines.delete(GROUP, 'q1');
    await create('q2', second);
    await settings({ coreLimits: {} });
  });

  it('refuses an OS disk of another kind than one can boot from', async () => {
    const body = await vmBody(azure, 'os');
    const withOs = (id: string, osType?: 'Linux') =>
      create('os', {
        ...body,
        storageProfile: {
          osDisk: { createOption: 'Attach', managedDisk: { id }, ...(osType === undefined ? {} : { osType }) },
        },
      });
    const noType = await makeDisk(azure, 'no-type');
    await rejects(withOs(noType), 400, 'InvalidParameter', /osDisk\.osType/);
    const v2 = await makeDisk(azure, 'premium-v2', { sku: 'PremiumV2_LRS', generation: 'V1' });
    await rejects(withOs(v2), 400, 'InvalidParameter', /PremiumV2_LRS cannot be used as an OS disk/);
    const large = await makeDisk(azure, 'large-os', { sizeGb: 4096, generation: 'V1' });
    await rejects(withOs(large), 400, 'InvalidParameter', /larger than 4095 GB/);
    await rejects(withOs(diskId('nowhere'), 'Linux'), 404, 'ResourceNotFound', /Microsoft\.Compute\/disks\/nowhere/);
    const attached = { ...body, osProfile: { computerName: 'os', adminUsername: 'me', adminPassword: 'p' } };
    await rejects(create('os', attached), 400, 'InvalidParameter', /Parameter 'osProfile' is not allowed/);
  });

  it('refuses network interfaces that are missing, elsewhere or taken', async () => {
    const body = await vmBody(azure, 'nics');
    await makeVm(azure, 'nic-holder');
    const withNic = (networkInterfaces: { id: string }[]) =>
      create('nics', { ...body, networkProfile: { networkInterfaces } });
    await rejects(withNic([]), 400, 'InvalidParameter', /networkProfile\.networkInterfaces/);
    const missing = diskId('x').replace('Microsoft.Compute/disks', 'Microsoft.Network/networkInterfaces');
    await rejects(withNic([{ id: missing }]), 400, 'InvalidResourceReference', /was not found/);
    const taken = (await azure.network.networkInterfaces.get(GROUP, 'nic-holder-nic')).id ?? '';
    await rejects(withNic([{ id: taken }]), 400, 'NicInUse', /is used by existing resource .*nic-holder/);
    const own = body.networkProfile?.networkInterfaces?.[0]?.id ?? '';
    const second = await makeNic(azure, 'nics-second');
    await rejects(
      withNic([{ id: own }, { id: second }]),
      400,
      'VirtualMachineMustHaveOneNetworkInterfaceAsPrimary',
      /primary/,
    );
  });

  it('lets one operation at a time work on a VM', async () => {
    await makeVm(azure, 'busy');
    await settings({ delaysMs: { 'virtualMachines.deallocate': 60_000 } });
    await azure.compute.virtualMachines.deallocate(GROUP, 'busy').submitted();
    expect(await powerState(azure, 'busy')).toBe('PowerState/deallocating');
    await rejects(
      azure.compute.virtualMachines.start(GROUP, 'busy'),
      409,
      'Conflict',
      /conflict with a concurrent request/,
    );
    await rejects(
      azure.compute.virtualMachines.delete(GROUP, 'busy'),
      409,
      'Conflict',
      /conflict with a concurrent request/,
    );
    await azure.compute.virtualMachines.delete(GROUP, 'busy', { forceDeletion: true });
    expect((await refusal(azure.compute.virtualMachines.get(GROUP, 'busy'))).status).toBe(404);
    await settings({ delaysMs: {} });
  });

  it('makes a running VM out of local disk images', async () => {
    const folder = mkdtempSync(`${azure.directory}/images-`);
    writeFileSync(`${folder}/os.raw`, 'boot');
    truncateSync(`${folder}/os.raw`, 3 * 1024 ** 2);
    writeFileSync(`${folder}/data.raw`, 'data');
    const made = await raw(azure, 'POST', '/_emulator/vms', {
      body: JSON.stringify({
        name: 'local',
        resourceGroup: 'sources',
        osDisk: `${folder}/os.raw`,
        dataDisks: [`${folder}/data.raw`],
        generation: 2,
      }),
    });
    assert.equal(made.status, 201, made.text);
    expect(await powerState(azure, 'local', 'sources')).toBe('PowerState/running');
    const disk = await azure.compute.disks.get('sources', 'local-data-0');
    expect([disk.diskSizeGB, disk.diskState]).toStrictEqual([1, 'Attached']);
    const path = await raw(azure, 'GET', `/_emulator/disk-path?id=${encodeURIComponent(disk.id ?? '')}`);
    expect(readFileSync(String(path.json['path'])).toString('utf8', 0, 4)).toBe('data');
    const missing = await raw(azure, 'POST', '/_emulator/vms', {
      body: JSON.stringify({ name: 'local2', resourceGroup: 'sources', osDisk: `${folder}/nothing.raw` }),
    });
    expect(missing.status).toBe(400);
  });
});
