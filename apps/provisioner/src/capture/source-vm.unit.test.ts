import { describe, expect, it } from '@jest/globals';
import type { Inspection } from '@landfall/disk';
import type { SavedResource, SavedVm } from '@landfall/domain';
import { capturedVm } from './source-vm.js';
import { spreadOverDisks } from './spread.js';

const GROUP = '/subscriptions/s/resourceGroups/apps/providers/Microsoft.Compute';

describe('the saved model of a VM', () => {
  it('says which disks it has, where, and how it boots', () => {
    const vm = capturedVm(saved());
    expect([vm.name, vm.resourceGroup, vm.osFamily, vm.firmware]).toStrictEqual(['web', 'apps', 'linux', 'uefi']);
    expect(vm.source).toStrictEqual({ azureId: `${GROUP}/virtualMachines/web`, instanceId: 'number-1' });
    const access = { policy: 'AllowAll', diskAccessId: null };
    const common = { region: 'westeurope', sku: 'Premium_LRS', access, sizeBytes: 2 ** 30 };
    expect(vm.disks).toStrictEqual([
      {
        ...common,
        name: 'os',
        role: 'os',
        lun: null,
        diskId: `${GROUP}/disks/web-os`,
        azureName: 'web-os',
        caching: 'ReadWrite',
      },
      {
        ...common,
        name: 'lun3',
        role: 'data',
        lun: 3,
        diskId: `${GROUP}/disks/web-3`,
        azureName: 'web-3',
        caching: null,
      },
    ]);
  });

  it('is refused, with what to do, where the bytes of a disk can not be read from here', () => {
    const denied = { code: 'DISK_ACCESS' };
    for (const properties of [
      { networkAccessPolicy: 'DenyAll' },
      { networkAccessPolicy: 'AllowAll', publicNetworkAccess: 'Disabled' },
      { dataAccessAuthMode: 'AzureActiveDirectory' },
    ]) {
      expect(() => capturedVm(saved(properties))).toThrow(expect.objectContaining(denied));
    }
    expect(() => capturedVm(saved({ networkAccessPolicy: 'DenyAll' }))).toThrow('"web-3" lets nobody read its bytes');
    try {
      capturedVm(saved({ networkAccessPolicy: 'DenyAll' }));
    } catch (error) {
      expect((error as { fix: string }).fix).toContain(`az disk update --ids ${GROUP}/disks/web-3`);
    }
  });

  it('hands on through which disk access a private disk is read', () => {
    const properties = {
      networkAccessPolicy: 'AllowPrivate',
      publicNetworkAccess: 'Disabled',
      diskAccessId: '/access/a',
    };
    expect(capturedVm(saved(properties)).disks[1]?.access).toStrictEqual({
      policy: 'AllowPrivate',
      diskAccessId: '/access/a',
    });
  });

  it('is refused where a disk has no snapshot that could be read as a disk', () => {
    const unsupported = (model: SavedVm, code: string) =>
      expect(() => capturedVm(model)).toThrow(expect.objectContaining({ code }));
    unsupported(saved({ creationData: { logicalSectorSize: 4096 } }), 'SECTOR_SIZE');
    unsupported({ ...saved(), disks: saved().disks.slice(0, 1) }, 'VM_UNSUPPORTED');
    const model = saved();
    const properties = model.vm.body['properties'] as { storageProfile: { osDisk: object } };
    Object.assign(properties.storageProfile.osDisk, { diffDiskSettings: { option: 'Local' } });
    unsupported(model, 'VM_UNSUPPORTED');
  });
});

describe('what lies on several disks', () => {
  it('is told by volume groups and by members of one UUID', () => {
    const member = (type: string, uuid: string | null) => ({ type, version: null, label: null, uuid });
    const disk = (path: string, ...contents: ReturnType<typeof member>[]) => ({
      path,
      content: null,
      partitions: contents.map((content) => ({ content })),
    });
    const inspection = {
      disks: [
        disk('os', member('linux_raid_member', 'r'), member('ext4', 'e')),
        disk('lun0', member('linux_raid_member', 'r'), member('LDM', null)),
        disk('lun1', member('LDM', null), member('btrfs', 'alone')),
      ],
      volumeGroups: [
        { name: 'data', physicalVolumes: [{ disk: 'os' }, { disk: 'lun1' }] },
        { name: 'root', physicalVolumes: [{ disk: 'os' }, { disk: 'os' }] },
      ],
    };
    expect(spreadOverDisks(inspection as unknown as Inspection)).toStrictEqual([
      'the volume group "data" (os, lun1)',
      'the RAID array "r" (os, lun0)',
      'the dynamic disks of Windows (lun0, lun1)',
    ]);
  });
});

/** @param properties of the data disk, beside those that it always has */
function saved(properties: object = {}): SavedVm {
  const disk = (name: string, more: object): SavedResource => ({
    azureId: `${GROUP}/disks/${name}`,
    apiVersion: '1',
    body: {
      ...{ id: `${GROUP}/disks/${name}`, name, location: 'westeurope', sku: { name: 'Premium_LRS' } },
      properties: { diskSizeBytes: 2 ** 30, ...more },
    },
  });
  const storageProfile = {
    osDisk: { osType: 'Linux', caching: 'ReadWrite', managedDisk: { id: `${GROUP}/disks/WEB-OS` } },
    dataDisks: [{ lun: 3, managedDisk: { id: `${GROUP}/disks/web-3` } }],
  };
  const osDisk = disk('web-os', { hyperVGeneration: 'V2' });
  storageProfile.osDisk.managedDisk.id = osDisk.azureId;
  const azureId = `${GROUP}/virtualMachines/web`;
  const body = { id: azureId, name: 'web', properties: { vmId: 'number-1', storageProfile } };
  return {
    vm: { azureId, apiVersion: '1', body },
    disks: [osDisk, disk('web-3', properties)],
    ...{ nics: [], publicIps: [], extensions: [] },
  };
}
