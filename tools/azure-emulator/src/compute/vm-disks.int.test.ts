import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import {
  diskId,
  GROUP,
  makeDisk,
  makeVm,
  raw,
  refusal,
  startTestAzure,
  vmBody,
  vmId,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

describe('data disks of a VM', () => {
  let azure: TestAzure;
  beforeAll(async () => (azure = await startTestAzure()));
  afterAll(() => azure.close());

  const attach = (vm: string, diskIds: readonly (readonly [id: string, lun?: number])[]) =>
    azure.compute.virtualMachines.attachDetachDataDisks(GROUP, vm, {
      dataDisksToAttach: diskIds.map(([id, lun]) => ({ diskId: id, ...(lun === undefined ? {} : { lun }) })),
    });
  const detach = (vm: string, ...ids: string[]) =>
    azure.compute.virtualMachines.attachDetachDataDisks(GROUP, vm, {
      dataDisksToDetach: ids.map((id) => ({ diskId: id })),
    });
  const luns = async (vm: string) =>
    (await azure.compute.virtualMachines.get(GROUP, vm)).storageProfile?.dataDisks?.map(({ lun, name }) => [lun, name]);
  const links = (vm: string): string[] => readdirSync(join(azure.directory, 'vms', GROUP, vm, 'by-lun')).sort();
  const settings = (values: unknown) => raw(azure, 'PATCH', '/_emulator/settings', { body: JSON.stringify(values) });
  const rejects = async (call: PromiseLike<unknown>, status: number, code: string, message: RegExp): Promise<void> => {
    const refused = await refusal(call);
    assert.deepEqual({ status: refused.status, code: refused.code }, { status, code }, refused.message);
    expect(refused.message).toMatch(message);
  };

  it('attaches at the wanted LUNs, or the lowest that are free, and links the files there', async () => {
    await makeVm(azure, 'a', { size: 'Standard_F4s_v2' });
    const [one, two, three] = [await makeDisk(azure, 'a1'), await makeDisk(azure, 'a2'), await makeDisk(azure, 'a3')];
    const profile = await attach('a', [[one, 1], [two], [three]]);
    expect(profile.dataDisks?.map(({ lun, name }) => [lun, name])).toStrictEqual([
      [1, 'a1'],
      [0, 'a2'],
      [2, 'a3'],
    ]);
    expect(links('a')).toStrictEqual(['0', '1', '2']);
    const { json } = await raw(azure, 'GET', `/_emulator/disk-path?id=${encodeURIComponent(two)}`);
    expect(readlinkSync(join(azure.directory, 'vms', GROUP, 'a', 'by-lun', '0'))).toBe(json['path']);
  });

  it('detaches, lets the disk go and takes its link away', async () => {
    const disk = await makeDisk(azure, 'b1');
    await makeVm(azure, 'b', { dataDisks: [{ diskId: disk, lun: 4 }] });
    expect(links('b')).toStrictEqual(['4']);
    await detach('b', disk);
    expect(await luns('b')).toStrictEqual([]);
    expect(links('b')).toStrictEqual([]);
    const { diskState, managedBy } = await azure.compute.disks.get(GROUP, 'b1');
    expect([diskState, managedBy]).toStrictEqual(['Unattached', undefined]);
  });

  it('takes a PATCH as the whole list: what is left out or marked is detached', async () => {
    const [one, two, three] = [await makeDisk(azure, 'c1'), await makeDisk(azure, 'c2'), await makeDisk(azure, 'c3')];
    await makeVm(azure, 'c', {
      dataDisks: [
        { diskId: one, lun: 0 },
        { diskId: two, lun: 1 },
      ],
    });
    await azure.compute.virtualMachines.update(GROUP, 'c', {
      storageProfile: {
        dataDisks: [
          { lun: 1, createOption: 'Attach', managedDisk: { id: two }, toBeDetached: true },
          { lun: 5, createOption: 'Attach', managedDisk: { id: three } },
        ],
      },
    });
    expect(await luns('c')).toStrictEqual([[5, 'c3']]);
    for (const name of ['c1', 'c2']) expect((await azure.compute.disks.get(GROUP, name)).diskState).toBe('Unattached');
  });

  it('leaves the disks alone when a PATCH does not speak of them', async () => {
    const disk = await makeDisk(azure, 'd1');
    await makeVm(azure, 'd', { dataDisks: [{ diskId: disk, lun: 0 }] });
    await azure.compute.virtualMachines.update(GROUP, 'd', { tags: { a: 'b' } });
    expect(await luns('d')).toStrictEqual([[0, 'd1']]);
  });

  it('refuses a LUN that is taken, more disks than the size takes, and a disk of another VM', async () => {
    const disks = [];
    for (let index = 0; index < 6; index++) disks.push(await makeDisk(azure, `e${index}`));
    await makeVm(azure, 'e', { dataDisks: [{ diskId: disks[0] ?? '', lun: 0 }] });
    await makeVm(azure, 'other');
    await rejects(attach('e', [[disks[1] ?? '', 0]]), 400, 'InvalidParameter', /^A disk at LUN 0 already exists\.$/);
    await rejects(
      attach(
        'e',
        disks.slice(1).map((id) => [id]),
      ),
      409,
      'OperationNotAllowed',
      /^The maximum number of data disks allowed to be attached to a VM of this size is 4\.$/,
    );
    await rejects(
      attach('other', [[disks[0] ?? '']]),
      409,
      'ConflictingUserInput',
      /^Cannot attach the disk e0 to VM .* because it is already attached to VM .*\/virtualMachines\/e\. A disk can be attached to only one VM at a time\.$/,
    );
    await rejects(attach('e', [[disks[0] ?? '', 2]]), 409, 'ConflictingUserInput', /already attached to VM/);
  });

  it('refuses disks of another zone or region, and missing ones', async () => {
    const zoned = await makeDisk(azure, 'zoned', { zone: '2' });
    const abroad = await makeDisk(azure, 'abroad', { location: 'northeurope' });
    await makeVm(azure, 'f', { zone: '1' });
    await makeVm(azure, 'g');
    await rejects(
      attach('f', [[zoned]]),
      400,
      'BadRequest',
      /^Disk .*\/disks\/zoned cannot be attached to the VM because it is not in the same zone as the VM\. VM zone: '1'\. Disk zone: '2'\.$/,
    );
    await rejects(attach('g', [[zoned]]), 400, 'BadRequest', /not in the same zone/);
    await rejects(attach('g', [[abroad]]), 400, 'BadRequest', /location 'northeurope'/);
    await rejects(attach('g', [[diskId('none')]]), 404, 'ResourceNotFound', /disks\/none/);
  });

  it('refuses to change or detach the OS disk', async () => {
    await makeVm(azure, 'h');
    const other = await makeDisk(azure, 'h-other', { generation: 'V1' });
    await rejects(detach('h', diskId('h-os')), 409, 'PropertyChangeNotAllowed', /osDisk/);
    await rejects(
      azure.compute.virtualMachines.update(GROUP, 'h', {
        storageProfile: { osDisk: { createOption: 'Attach', managedDisk: { id: other } } },
      }),
      409,
      'PropertyChangeNotAllowed',
      /^Changing property 'osDisk\.managedDisk\.id' is not allowed\.$/,
    );
  });

  it('refuses to detach what is not attached', async () => {
    await makeVm(azure, 'i');
    await makeDisk(azure, 'i1');
    await rejects(detach('i', diskId('i1')), 400, 'InvalidParameter', /is not attached to VM 'i'/);
  });

  it('reserves a disk from the moment an attachment is accepted', async () => {
    const disk = await makeDisk(azure, 'j1');
    await makeVm(azure, 'j');
    await makeVm(azure, 'k');
    await settings({ delaysMs: { 'virtualMachines.update': 60_000 } });
    await attach('j', [[disk]]).submitted();
    expect(links('j')).toStrictEqual([]);
    await rejects(attach('k', [[disk]]), 409, 'ConflictingUserInput', /already attached to VM .*\/j\./);
    await rejects(azure.compute.disks.delete(GROUP, 'j1'), 409, 'OperationNotAllowed', /^Disk j1 is attached to VM /);
    await settings({ delaysMs: {} });
  });

  it('refuses to attach a disk elsewhere while it is being detached', async () => {
    const disk = await makeDisk(azure, 'l1');
    await makeVm(azure, 'l', { dataDisks: [{ diskId: disk, lun: 0 }] });
    await makeVm(azure, 'm');
    await settings({ delaysMs: { 'virtualMachines.update': 60_000 } });
    await detach('l', disk).submitted();
    await settings({ delaysMs: {} });
    await rejects(attach('m', [[disk]]), 409, 'AttachDiskWhileBeingDetached', /currently being detached/);
  });

  it('takes a disk as OS disk or as data disk, never as both', async () => {
    const body = await vmBody(azure, 'n');
    const both = {
      ...body.storageProfile,
      dataDisks: [{ lun: 0, createOption: 'Attach' as const, managedDisk: { id: diskId('n-os') } }],
    };
    const { status } = await refusal(
      azure.compute.virtualMachines.createOrUpdate(GROUP, 'n', { ...body, storageProfile: both }),
    );
    expect(status).toBe(409);
  });

  it('makes an empty data disk together with its VM', async () => {
    const body = await vmBody(azure, 'o');
    const dataDisks = [
      { lun: 2, createOption: 'Empty' as const, diskSizeGB: 8, name: 'o-data', deleteOption: 'Delete' as const },
    ];
    await azure.compute.virtualMachines.createOrUpdate(GROUP, 'o', {
      ...body,
      storageProfile: { ...body.storageProfile, dataDisks },
    });
    const disk = await azure.compute.disks.get(GROUP, 'o-data');
    expect([disk.diskSizeGB, disk.managedBy]).toStrictEqual([8, vmId('o')]);
    expect(links('o')).toStrictEqual(['2']);
  });

  it('reserves rather than attaches a disk of a VM that is deallocated', async () => {
    await makeVm(azure, 'p');
    await azure.compute.virtualMachines.deallocate(GROUP, 'p');
    await attach('p', [[await makeDisk(azure, 'p1')]]);
    expect((await azure.compute.disks.get(GROUP, 'p1')).diskState).toBe('Reserved');
  });
});
