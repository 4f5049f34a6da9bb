import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FaultControl } from '../index.js';
import {
  diskId,
  GROUP,
  makeDisk,
  makeNic,
  makeVm,
  refusal,
  startTestAzure,
  vmBody,
  vmId,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('a disk on a bad day', () => {
  let azure: TestAzure;
  let nowMs = Date.now();
  let faults: FaultControl;
  beforeAll(async () => {
    azure = await startTestAzure({ now: () => new Date(nowMs) });
    faults = new FaultControl(azure.emulator);
  });
  afterAll(() => azure.close());
  afterEach(async () => {
    await faults.clear();
    await faults.change({ delaysMs: {} });
  });

  const machines = () => azure.compute.virtualMachines;
  const detach = (vm: string, disk: string, force = false) =>
    machines().attachDetachDataDisks(GROUP, vm, {
      dataDisksToDetach: [{ diskId: diskId(disk), ...(force ? { detachOption: 'ForceDetach' } : {}) }],
    });
  const attach = (vm: string, disk: string) =>
    machines().attachDetachDataDisks(GROUP, vm, { dataDisksToAttach: [{ diskId: diskId(disk), lun: 0 }] });

  it('does not come off its VM until the detach is forced, however often it is tried', async () => {
    const data = await makeDisk(azure, 'clinging');
    await makeVm(azure, 'holder', { dataDisks: [{ diskId: data, lun: 0 }] });
    await makeVm(azure, 'other');
    await faults.add({ kind: 'stuck-detach', resource: 'clinging' });
    expect((await refusal(detach('holder', 'clinging'))).message).toMatch(/'clinging' did not complete/);
    await faults.clear();
    expect((await refusal(detach('holder', 'clinging'))).message).toMatch(/Force the detach/);
    const disk = await azure.compute.disks.get(GROUP, 'clinging');
    expect([disk.managedBy, disk.diskState]).toStrictEqual([vmId('holder'), 'Attached']);
    expect((await machines().get(GROUP, 'holder')).storageProfile?.dataDisks?.length).toBe(1);
    expect((await refusal(attach('other', 'clinging'))).code).toBe('AttachDiskWhileBeingDetached');
    await detach('holder', 'clinging', true);
    expect((await azure.compute.disks.get(GROUP, 'clinging')).diskState).toBe('Unattached');
    await attach('other', 'clinging');
    await detach('other', 'clinging');
  });

  it('comes off when an update of its VM forces it', async () => {
    const data = await makeDisk(azure, 'clinging-too');
    await makeVm(azure, 'patched', { dataDisks: [{ diskId: data, lun: 4 }] });
    await faults.add({ kind: 'stuck-detach', resource: 'patched', when: 'always' });
    const update = (more: object) =>
      machines().update(GROUP, 'patched', {
        storageProfile: {
          dataDisks: [{ lun: 4, createOption: 'Attach', managedDisk: { id: data }, toBeDetached: true, ...more }],
        },
      });
    expect((await refusal(update({}))).message).toMatch(/did not complete/);
    await update({ detachOption: 'ForceDetach' });
    expect((await azure.compute.disks.get(GROUP, 'clinging-too')).diskState).toBe('Unattached');
  });

  it('comes off when its VM is deleted', async () => {
    const data = await makeDisk(azure, 'freed');
    await makeVm(azure, 'deleted', { dataDisks: [{ diskId: data, lun: 0 }] });
    await faults.add({ kind: 'stuck-detach' });
    await refusal(detach('deleted', 'freed'));
    await machines().delete(GROUP, 'deleted');
    await makeVm(azure, 'next', { dataDisks: [{ diskId: data, lun: 0 }] });
    await detach('next', 'freed');
  });

  it('reads Unattached while it is being attached, so that deleting it succeeds and the attach fails', async () => {
    await makeDisk(azure, 'unseen');
    await makeVm(azure, 'late');
    await faults.change({ delaysMs: { 'virtualMachines.update': 60_000 } });
    await faults.add({ kind: 'stale-disk-state', operation: 'VirtualMachines_AttachDetachDataDisks' });
    const poller = attach('late', 'unseen');
    await poller.submitted();
    const disk = await azure.compute.disks.get(GROUP, 'unseen');
    expect([disk.diskState, disk.managedBy]).toStrictEqual(['Unattached', undefined]);
    await azure.compute.disks.delete(GROUP, 'unseen');
    nowMs += 60_000;
    expect((await refusal(poller.pollUntilDone())).message).toMatch(/disks\/unseen.* was not found/);
    const vm = await machines().get(GROUP, 'late');
    expect([vm.storageProfile?.dataDisks, vm.provisioningState]).toStrictEqual([[], 'Failed']);
  });

  it('is attached all the same when nobody took it, and is left to who took it first', async () => {
    await makeDisk(azure, 'wanted');
    await makeVm(azure, 'slow');
    await makeVm(azure, 'quick');
    await faults.add({ kind: 'stale-disk-state', when: { times: 2 }, resource: 'slow' });
    await attach('slow', 'wanted');
    expect((await azure.compute.disks.get(GROUP, 'wanted')).managedBy).toBe(vmId('slow'));
    await detach('slow', 'wanted');
    await faults.change({ delaysMs: { 'virtualMachines.update': 60_000 } });
    const poller = attach('slow', 'wanted');
    await poller.submitted();
    await faults.change({ delaysMs: {} });
    await attach('quick', 'wanted');
    nowMs += 60_000;
    expect((await refusal(poller.pollUntilDone())).message).toMatch(/already attached to VM/);
    const disk = await azure.compute.disks.get(GROUP, 'wanted');
    expect([disk.managedBy, disk.diskState]).toStrictEqual([vmId('quick'), 'Attached']);
  });

  it('cannot be deleted while it is being attached on any other day', async () => {
    await makeDisk(azure, 'seen');
    await makeVm(azure, 'steady');
    await faults.change({ delaysMs: { 'virtualMachines.update': 60_000 } });
    const poller = attach('steady', 'seen');
    await poller.submitted();
    expect((await refusal(azure.compute.disks.delete(GROUP, 'seen'))).status).toBe(409);
    nowMs += 60_000;
    await poller.pollUntilDone();
  });
});

describe('a network interface of a VM that could not be made', () => {
  it('stays reserved for that VM for 180 seconds after it was deleted', async () => {
    let nowMs = Date.now();
    const azure = await startTestAzure({ now: () => new Date(nowMs) });
    const faults = new FaultControl(azure.emulator);
    const create = azure.compute.virtualMachines;
    const body = await vmBody(azure, 'failed');
    await faults.add({ kind: 'allocation-failed' });
    await faults.add({ kind: 'nic-reserved' });
    await refusal(create.createOrUpdate(GROUP, 'failed', body));
    await create.delete(GROUP, 'failed');
    const another = await refusal(create.createOrUpdate(GROUP, 'another', body));
    expect([another.status, another.code]).toStrictEqual([400, 'NicReservedForAnotherVm']);
    expect(another.message).toMatch(/reserved for another Virtual Machine for 180 seconds.*virtualMachines\/failed/);
    expect((await refusal(azure.network.networkInterfaces.delete(GROUP, 'failed-nic'))).code).toBe(another.code);
    nowMs += 179_000;
    expect((await refusal(azure.network.networkInterfaces.delete(GROUP, 'failed-nic'))).code).toBe(another.code);
    nowMs += 2_000;
    await create.createOrUpdate(GROUP, 'another', body);

    await makeNic(azure, 'free');
    await create.delete(GROUP, 'another');
    await azure.network.networkInterfaces.delete(GROUP, 'failed-nic');
    await azure.close();
  });

  it('is free at once for the same VM', async () => {
    const azure = await startTestAzure();
    const faults = new FaultControl(azure.emulator);
    const body = await vmBody(azure, 'again');
    await faults.add({ kind: 'allocation-failed' });
    await faults.add({ kind: 'nic-reserved' });
    await refusal(azure.compute.virtualMachines.createOrUpdate(GROUP, 'again', body));
    await azure.compute.virtualMachines.delete(GROUP, 'again');
    await azure.compute.virtualMachines.createOrUpdate(GROUP, 'again', body);
    await azure.close();
  });
});
