import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataDisk, VirtualMachine } from '@azure/arm-compute';
import { FaultControl } from '../index.js';
import {
  assertRefused,
  diskId,
  failure,
  GROUP,
  makeDisk,
  makeNic,
  makeSnapshot,
  makeVm,
  raw,
  REGION,
  set,
  startTestAzure,
  vmBody,
  vmId,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

/*
 * What Azure's compute refuses: status, code and message, as the real client shows them. One test for each refusal; the
 * rules behind them have their tests beside the rules.
 */
describe('refusals of compute', () => {
  let azure: TestAzure;
  let now = new Date();
  let faults: FaultControl;
  beforeAll(async () => {
    azure = await startTestAzure({ now: () => now });
    faults = new FaultControl(azure.emulator);
  });
  afterAll(() => azure.close());

  const create = (name: string, body: VirtualMachine) =>
    azure.compute.virtualMachines.createOrUpdate(GROUP, name, body);
  const sized = async (name: string, size: string, wishes: Parameters<typeof vmBody>[2] = {}) => ({
    ...(await vmBody(azure, name, wishes)),
    hardwareProfile: { vmSize: size },
  });
  const resize = (name: string, size: string) =>
    azure.compute.virtualMachines.update(GROUP, name, { hardwareProfile: { vmSize: size } });
  const attach = (vm: string, disk: string, lun?: number) =>
    azure.compute.virtualMachines.attachDetachDataDisks(GROUP, vm, {
      dataDisksToAttach: [{ diskId: disk, ...(lun === undefined ? {} : { lun }) }],
    });
  const detach = (vm: string, disk: string) =>
    azure.compute.virtualMachines.attachDetachDataDisks(GROUP, vm, { dataDisksToDetach: [{ diskId: disk }] });
  const patchDisks = (vm: string, dataDisks: DataDisk[]) =>
    azure.compute.virtualMachines.update(GROUP, vm, { storageProfile: { dataDisks } });
  const read = (disk: string) =>
    azure.compute.disks.grantAccess(GROUP, disk, { access: 'Read', durationInSeconds: 3600 });

  it('a size that is not offered in the region, or in the zone', async () => {
    const region =
      /^The requested VM size for resource '.*Standard_D2s_v5' is currently not available in location 'westeurope'\. /;
    await set(azure, { sizeRestrictions: [{ size: 'Standard_D2s_v5', region: REGION }] });
    await assertRefused(create('size', await sized('size', 'Standard_D2s_v5')), 409, 'SkuNotAvailable', region);
    await set(azure, { sizeRestrictions: [] });
    const zone = /Standard_E4ds_v5' is currently not available in location 'westeurope' zones '2'/;
    const zonal = await sized('zonal', 'Standard_E4ds_v5', { zone: '2' });
    await assertRefused(create('zonal', zonal), 409, 'SkuNotAvailable', zone);
  });

  it('cores beyond the quota of the family, or of the region', async () => {
    await set(azure, { coreLimits: { standardFSv2Family: 3 } });
    const body = await sized('quota', 'Standard_F4s_v2');
    await assertRefused(
      create('quota', body),
      409,
      'OperationNotAllowed',
      /exceeding approved standardFSv2Family Cores quota\. .*Current Limit: 3, Current Usage: 0, Additional Required: 4/,
    );
    await set(azure, { coreLimits: { cores: 3 } });
    await assertRefused(
      create('quota', body),
      409,
      'OperationNotAllowed',
      /exceeding approved Total Regional Cores quota\. .*Current Limit: 3,/,
    );
    const wire = await raw(azure, 'PUT', `${vmId('quota')}?api-version=2025-04-01`, {
      body: JSON.stringify({
        location: REGION,
        properties: {
          hardwareProfile: body.hardwareProfile,
          storageProfile: body.storageProfile,
          networkProfile: body.networkProfile,
        },
      }),
    });
    const { details } = wire.json['error'] as { details: { code: string }[] };
    expect(details[0]?.code).toBe('QuotaExceeded');
    await set(azure, { coreLimits: {} });
  });

  it('no capacity: found out after the acceptance, in the region, in the zone, or under constraints', async () => {
    await faults.add({ kind: 'allocation-failed', size: 'Standard_F2s_v2', when: { times: 2 } });
    const regional = await failure(azure, create('full', await vmBody(azure, 'full')));
    expect(regional.code).toBe('AllocationFailed');
    expect(regional.message).toMatch(/^Allocation failed\. We do not have sufficient capacity .* in this region\./);
    const zonal = await failure(azure, create('full-zone', await vmBody(azure, 'full-zone', { zone: '1' })));
    expect(zonal.code).toBe('ZonalAllocationFailed');
    expect(zonal.message).toMatch(/in this zone\./);
    await faults.add({ kind: 'allocation-failed', code: 'OverconstrainedAllocationRequest' });
    const constrained = await failure(azure, create('full-2', await vmBody(azure, 'full-2')));
    expect(constrained.code).toBe('OverconstrainedAllocationRequest');
  });

  it('to delete a disk that is attached', async () => {
    const disk = await makeDisk(azure, 'attached');
    await makeVm(azure, 'holder', { dataDisks: [{ diskId: disk, lun: 0 }] });
    const message = new RegExp(`^Disk attached is attached to VM ${vmId('holder')}\\.$`);
    await assertRefused(azure.compute.disks.delete(GROUP, 'attached'), 409, 'OperationNotAllowed', message);
    await azure.compute.virtualMachines.deallocate(GROUP, 'holder');
    await assertRefused(azure.compute.disks.delete(GROUP, 'attached'), 409, 'OperationNotAllowed', message);
  });

  it("to attach another VM's disk, to a VM or to one that is being made", async () => {
    const disk = await makeDisk(azure, 'owned');
    await makeVm(azure, 'owner', { dataDisks: [{ diskId: disk, lun: 0 }] });
    await makeVm(azure, 'thief');
    const message = new RegExp(
      `^Cannot attach the disk owned to VM .* because it is already attached to VM ${vmId('owner')}\\. A disk can be attached to only one VM at a time\\.$`,
    );
    await assertRefused(attach('thief', disk), 409, 'ConflictingUserInput', message);
    const body = await vmBody(azure, 'thief2', { dataDisks: [{ diskId: disk, lun: 0 }] });
    await assertRefused(create('thief2', body), 409, 'ConflictingUserInput', message);
  });

  it('to attach a disk while it is being detached', async () => {
    const disk = await makeDisk(azure, 'leaving');
    await makeVm(azure, 'from', { dataDisks: [{ diskId: disk, lun: 0 }] });
    await makeVm(azure, 'to');
    await set(azure, { delaysMs: { 'virtualMachines.update': 60_000 } });
    await detach('from', disk).submitted();
    await set(azure, { delaysMs: {} });
    await assertRefused(
      attach('to', disk),
      409,
      'AttachDiskWhileBeingDetached',
      /^Cannot attach data disk 'leaving' to virtual machine 'to' because the disk is currently being detached or the last detach operation failed\./,
    );
  });

  it('a LUN that is taken', async () => {
    await makeVm(azure, 'luns', { dataDisks: [{ diskId: await makeDisk(azure, 'lun-0'), lun: 3 }] });
    const message = /^A disk at LUN 3 already exists\.$/;
    await assertRefused(attach('luns', await makeDisk(azure, 'lun-1'), 3), 400, 'InvalidParameter', message);
    const twice = [diskId('lun-0'), diskId('lun-1')].map((id): DataDisk => ({
      lun: 3,
      createOption: 'Attach',
      managedDisk: { id },
    }));
    await assertRefused(patchDisks('luns', twice), 400, 'InvalidParameter', message);
  });

  it('more data disks than the size takes', async () => {
    const ids = [];
    for (let index = 0; index < 5; index++) ids.push(await makeDisk(azure, `many-${index}`));
    await makeVm(azure, 'many', { dataDisks: ids.slice(0, 4).map((id, lun) => ({ diskId: id, lun })) });
    await assertRefused(
      attach('many', ids[4] ?? ''),
      409,
      'OperationNotAllowed',
      /^The maximum number of data disks allowed to be attached to a VM of this size is 4\.$/,
    );
    await assertRefused(
      resize('many', 'Standard_B1s'),
      409,
      'OperationNotAllowed',
      /^The maximum number of data disks allowed to be attached to a VM of this size is 2\.$/,
    );
  });

  it('a disk of another zone', async () => {
    const disk = await makeDisk(azure, 'zone-2', { zone: '2' });
    await makeVm(azure, 'zone-1', { zone: '1' });
    await assertRefused(
      attach('zone-1', disk),
      400,
      'BadRequest',
      new RegExp(`^Disk ${disk} cannot be attached to the VM because it is not in the same zone as the VM\\. `),
    );
  });

  it('a size that cannot boot the generation', async () => {
    const message = (generation: number, size: string) =>
      new RegExp(`^The selected VM size '${size}' cannot boot Hypervisor Generation '${generation}'\\. `);
    const second = await sized('second', 'Standard_M8ms', { generation: 'V2' });
    await assertRefused(create('second', second), 400, 'BadRequest', message(2, 'Standard_M8ms'));
    const first = await sized('first', 'Standard_DC2s_v3', { generation: 'V1' });
    await assertRefused(create('first', first), 400, 'BadRequest', message(1, 'Standard_DC2s_v3'));
    await makeVm(azure, 'second', { generation: 'V2' });
    await assertRefused(resize('second', 'Standard_M8ms'), 400, 'BadRequest', message(2, 'Standard_M8ms'));
  });

  it('to change or to detach the OS disk', async () => {
    await makeVm(azure, 'os');
    const other = await makeDisk(azure, 'os-other', { generation: 'V1' });
    await assertRefused(
      azure.compute.virtualMachines.update(GROUP, 'os', {
        storageProfile: { osDisk: { createOption: 'Attach', managedDisk: { id: other } } },
      }),
      409,
      'PropertyChangeNotAllowed',
      /^Changing property 'osDisk\.managedDisk\.id' is not allowed\.$/,
    );
    await assertRefused(
      detach('os', diskId('os-os')),
      409,
      'PropertyChangeNotAllowed',
      /^Changing property 'osDisk' is not allowed\.$/,
    );
  });

  it('to make a disk smaller, or a copy smaller than its source', async () => {
    const disk = await makeDisk(azure, 'large', { sizeGb: 8 });
    const message = /^Disk size reduction is not supported\. Current size is larger than the requested size\.$/;
    await assertRefused(azure.compute.disks.update(GROUP, 'large', { diskSizeGB: 7 }), 400, 'ResizeDiskError', message);
    const copy = azure.compute.disks.createOrUpdate(GROUP, 'small', {
      location: REGION,
      creationData: { createOption: 'Copy', sourceResourceId: disk },
      diskSizeGB: 4,
    });
    await assertRefused(copy, 400, 'ResizeDiskError', message);
  });

  it('to make the OS disk of a running VM larger', async () => {
    await makeVm(azure, 'online', { dataDisks: [{ diskId: await makeDisk(azure, 'online-data'), lun: 0 }] });
    const grow = (name: string, diskSizeGB: number) => azure.compute.disks.update(GROUP, name, { diskSizeGB });
    const message = /^Cannot resize disk online-\w+ while it is attached to running VM .*\/virtualMachines\/online\. /;
    await assertRefused(grow('online-os', 2), 409, 'OperationNotAllowed', message);
    expect((await grow('online-data', 2)).diskSizeGB).toBe(2);
    await assertRefused(grow('online-data', 5000), 409, 'OperationNotAllowed', message);
    await azure.compute.virtualMachines.deallocate(GROUP, 'online');
    expect((await grow('online-os', 2)).diskSizeGB).toBe(2);
  });

  it('to resize a disk, attach it or start its VM under a shared access signature', async () => {
    await makeDisk(azure, 'signed');
    await makeVm(azure, 'signs');
    await read('signed');
    const message = /^There is an active shared access signature outstanding for disk signed/;
    await assertRefused(
      azure.compute.disks.update(GROUP, 'signed', { diskSizeGB: 2 }),
      409,
      'ChangeDiskSizeWhileActiveSasNotAllowed',
      /^Changing the size of disk 'signed' is not allowed while there is an active shared access signature/,
    );
    await assertRefused(attach('signs', diskId('signed')), 409, 'OperationNotAllowed', message);
    await assertRefused(
      azure.compute.disks.delete(GROUP, 'signed'),
      409,
      'OperationNotAllowed',
      /There is an active shared access signature outstanding for disk signed/,
    );
    await azure.compute.virtualMachines.deallocate(GROUP, 'signs');
    await read('signs-os');
    await assertRefused(
      azure.compute.virtualMachines.start(GROUP, 'signs'),
      409,
      'OperationNotAllowed',
      /^There is an active shared access signature outstanding for disk signs-os/,
    );
  });

  it('a signature for more than 60 days, or on a disk of a running VM', async () => {
    await makeVm(azure, 'access');
    const long = { access: 'Read', durationInSeconds: 60 * 24 * 3600 + 1 };
    await assertRefused(
      azure.compute.disks.grantAccess(GROUP, 'access-os', long),
      400,
      'InvalidParameter',
      /must be at most '5184000' \(60 days\)/,
    );
    await assertRefused(
      read('access-os'),
      409,
      'Conflict',
      /^Access not permitted because disk access-os is currently attached to running VM \/.*\.$/,
    );
  });

  it('anything on a VM while another operation is in progress', async () => {
    await makeVm(azure, 'busy');
    await set(azure, { delaysMs: { 'virtualMachines.powerOff': 60_000 } });
    await azure.compute.virtualMachines.powerOff(GROUP, 'busy').submitted();
    await set(azure, { delaysMs: {} });
    const attempts: readonly (() => PromiseLike<unknown>)[] = [
      () => azure.compute.virtualMachines.start(GROUP, 'busy'),
      () => azure.compute.virtualMachines.deallocate(GROUP, 'busy'),
      () => azure.compute.virtualMachines.update(GROUP, 'busy', { tags: {} }),
      () => azure.compute.virtualMachines.delete(GROUP, 'busy'),
      () => attach('busy', diskId('signed')),
    ];
    for (const attempt of attempts) {
      await assertRefused(
        attempt(),
        409,
        'Conflict',
        /^The request failed due to conflict with a concurrent request\. /,
      );
    }
  });

  it('anything but its deletion on a VM that is going away', async () => {
    await makeVm(azure, 'going');
    await set(azure, { delaysMs: { 'virtualMachines.delete': 60_000 } });
    await azure.compute.virtualMachines.delete(GROUP, 'going').submitted();
    await set(azure, { delaysMs: {} });
    const message = /^Operation 'start' is not allowed on VM 'going' since the VM is marked for deletion\./;
    const start = azure.compute.virtualMachines.start(GROUP, 'going');
    await assertRefused(start, 409, 'OperationNotAllowed', message);
    await azure.compute.virtualMachines.delete(GROUP, 'going').submitted();
  });

  it('for 180 seconds, the interface of a VM whose creation failed', async () => {
    await faults.add({ kind: 'allocation-failed' });
    await faults.add({ kind: 'nic-reserved' });
    const body = await vmBody(azure, 'failed');
    await failure(azure, create('failed', body));
    await azure.compute.virtualMachines.delete(GROUP, 'failed');
    const other = { ...(await vmBody(azure, 'next')), networkProfile: body.networkProfile ?? {} };
    const message = new RegExp(
      `^Nic\\(s\\) in request is reserved for another Virtual Machine for 180 seconds\\. .* Reserved VM: ${vmId('failed')}$`,
    );
    await assertRefused(create('next', other), 400, 'NicReservedForAnotherVm', message);
    const removal = azure.network.networkInterfaces.delete(GROUP, 'failed-nic');
    await assertRefused(removal, 400, 'NicReservedForAnotherVm', message);
    now = new Date(now.getTime() + 180_000);
    await create('next', other);
  });

  it('an interface of another VM, and to delete one in use', async () => {
    await makeVm(azure, 'wired');
    const nic = (await azure.network.networkInterfaces.get(GROUP, 'wired-nic')).id ?? '';
    const body = { ...(await vmBody(azure, 'wired2')), networkProfile: { networkInterfaces: [{ id: nic }] } };
    await assertRefused(create('wired2', body), 400, 'NicInUse', /is used by existing resource .*\/wired\.$/);
    const removal = azure.network.networkInterfaces.delete(GROUP, 'wired-nic');
    await assertRefused(removal, 400, 'NicInUse', /it must be dissociated from the resource/);
  });

  it('what is not there', async () => {
    const missing = (type: string, name: string) =>
      new RegExp(
        `^The Resource 'Microsoft\\.Compute/${type}/${name}' under resource group '${GROUP}' was not found\\.`,
      );
    const { disks, snapshots, virtualMachines } = azure.compute;
    await assertRefused(disks.get(GROUP, 'd1'), 404, 'NotFound', /^Disk d1 is not found\.$/);
    await assertRefused(snapshots.get(GROUP, 's1'), 404, 'NotFound', /^Snapshot s1 is not found\.$/);
    await assertRefused(virtualMachines.get(GROUP, 'v1'), 404, 'ResourceNotFound', missing('virtualMachines', 'v1'));
    await assertRefused(virtualMachines.start(GROUP, 'v1'), 404, 'ResourceNotFound', missing('virtualMachines', 'v1'));
    await assertRefused(makeSnapshot(azure, 's1', diskId('d1')), 404, 'ResourceNotFound', missing('disks', 'd1'));
    await assertRefused(
      makeNic(azure, 'n1', 'nowhere'),
      404,
      'ResourceGroupNotFound',
      /^Resource group 'nowhere' could not be found\.$/,
    );
  });
});
