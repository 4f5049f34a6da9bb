import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import {
  collect,
  diskId,
  GROUP,
  makeDisk,
  makeVm,
  raw,
  refusal,
  REGION,
  startTestAzure,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';

const GIB = 1024 ** 3;

describe('managed disks', () => {
  let azure: TestAzure;
  beforeAll(async () => (azure = await startTestAzure()));
  afterAll(() => azure.close());

  const pathOf = async (name: string): Promise<string> => {
    const { json } = await raw(azure, 'GET', `/_emulator/disk-path?id=${encodeURIComponent(diskId(name))}`);
    return String(json['path']);
  };

  it('makes an empty disk as a sparse file of its size', async () => {
    const disk = await azure.compute.disks.createOrUpdate(GROUP, 'empty', {
      location: REGION,
      sku: { name: 'Premium_LRS' },
      osType: 'Linux',
      hyperVGeneration: 'V2',
      creationData: { createOption: 'Empty' },
      diskSizeGB: 1024,
      zones: ['2'],
      tags: { owner: 'me' },
    });
    expect(disk.id).toBe(diskId('empty'));
    expect(disk.diskState).toBe('Unattached');
    expect(disk.diskSizeBytes).toBe(1024 * GIB);
    expect(disk.hyperVGeneration).toBe('V2');
    expect(disk.zones).toStrictEqual(['2']);
    expect(disk.tags).toStrictEqual({ owner: 'me' });
    expect(disk.uniqueId ?? '').toMatch(/^[0-9a-f-]{36}$/);
    const file = statSync(await pathOf('empty'));
    expect(file.size).toBe(1024 * GIB);
    expect(file.blocks).toBe(0);
  });

  it('answers a write as Azure does: 202, both headers, what was asked for, then the disk as output', async () => {
    const body = JSON.stringify({
      location: REGION,
      properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 4 },
    });
    const put = await raw(azure, 'PUT', `${diskId('wire')}?api-version=2025-01-02`, { body });
    expect(put.status).toBe(202);
    expect([put.json['id'], put.json['type']]).toStrictEqual([diskId('wire'), 'Microsoft.Compute/disks']);
    expect((put.json['properties'] as { provisioningState: string }).provisioningState).toBe('Updating');
    const operationUrl = new URL(String(put.headers['azure-asyncoperation']));
    const location = new URL(String(put.headers['location']));
    expect(operationUrl.pathname).toMatch(/\/locations\/westeurope\/DiskOperations\/[0-9a-f-]{36}$/);
    expect(location.searchParams.get('monitor')).toBe('true');
    expect(String(put.headers['retry-after'])).toMatch(/^\d+$/);
    const poll = await raw(azure, 'GET', operationUrl.pathname + operationUrl.search);
    expect(poll.json['status']).toBe('Succeeded');
    expect((poll.json['properties'] as { output: { id: string } }).output.id).toBe(diskId('wire'));
    const result = await raw(azure, 'GET', location.pathname + location.search);
    expect(result.status).toBe(200);
    expect(result.json['id']).toBe(diskId('wire'));
  });

  it('grows and never shrinks', async () => {
    await makeDisk(azure, 'growing', { sizeGb: 2 });
    await azure.compute.disks.update(GROUP, 'growing', { diskSizeGB: 5, tags: { n: '1' } });
    const grown = await azure.compute.disks.get(GROUP, 'growing');
    expect(grown.diskSizeBytes).toBe(5 * GIB);
    expect(grown.tags).toStrictEqual({ n: '1' });
    expect(statSync(await pathOf('growing')).size).toBe(5 * GIB);
    const { status, code, message } = await refusal(azure.compute.disks.update(GROUP, 'growing', { diskSizeGB: 4 }));
    expect({ status, code }).toStrictEqual({ status: 400, code: 'ResizeDiskError' });
    expect(message).toMatch(/^Disk size reduction is not supported\./);
  });

  it('copies a disk of the same region with its content', async () => {
    await makeDisk(azure, 'original', { generation: 'V1' });
    writeFileSync(await pathOf('original'), 'content', { flag: 'r+' });
    const copy = await azure.compute.disks.createOrUpdate(GROUP, 'copy', {
      location: REGION,
      creationData: { createOption: 'Copy', sourceResourceId: diskId('original') },
      diskSizeGB: 2,
    });
    expect(copy.hyperVGeneration).toBe('V1');
    expect(copy.diskSizeBytes).toBe(2 * GIB);
    const file = openSync(await pathOf('copy'), 'r');
    const start = Buffer.alloc(7);
    readSync(file, start);
    closeSync(file);
    expect(start.toString()).toBe('content');
    const again = await azure.compute.disks.createOrUpdate(GROUP, 'copy', {
      location: REGION,
      creationData: { createOption: 'Copy', sourceResourceId: diskId('original') },
    });
    expect(again.uniqueId).toBe(copy.uniqueId);
  });

  it('refuses a size that is missing or too large, and a name that Azure refuses', async () => {
    const create = (name: string, diskSizeGB?: number) =>
      azure.compute.disks.createOrUpdate(GROUP, name, {
        location: REGION,
        creationData: { createOption: 'Empty' },
        ...(diskSizeGB === undefined ? {} : { diskSizeGB }),
      });
    expect((await refusal(create('nosize'))).code).toBe('InvalidParameter');
    expect((await refusal(create('huge', 40_000))).code).toBe('InvalidParameter');
    for (const name of ['-x', 'a b', 'y'.repeat(81)]) assert.equal((await refusal(create(name, 1))).status, 400, name);
  });

  it('refuses a disk in a group that does not exist, and tells of one that is missing', async () => {
    const { status, code } = await refusal(makeDisk(azure, 'x', { group: 'nowhere' }));
    expect({ status, code }).toStrictEqual({ status: 404, code: 'ResourceGroupNotFound' });
    const missing = await refusal(azure.compute.disks.get(GROUP, 'd1'));
    expect(missing.status).toBe(404);
    expect(missing.code).toBe('NotFound');
    expect(missing.message).toBe('Disk d1 is not found.');
  });

  it('refuses a zone that the region does not have', async () => {
    const { status, code } = await refusal(makeDisk(azure, 'zoned', { location: 'ukwest', zone: '1' }));
    expect({ status, code }).toStrictEqual({ status: 400, code: 'LocationNotSupportAvailabilityZones' });
  });

  it('refuses to delete a disk that is attached', async () => {
    const attached = await makeDisk(azure, 'attached');
    await makeVm(azure, 'holder', { dataDisks: [{ diskId: attached, lun: 0 }] });
    const { status, code, message } = await refusal(azure.compute.disks.delete(GROUP, 'attached'));
    expect({ status, code }).toStrictEqual({ status: 409, code: 'OperationNotAllowed' });
    expect(message).toMatch(/^Disk attached is attached to VM .*\/virtualMachines\/holder\.$/);
  });

  it('deletes a disk with its file; a second time there is nothing to do', async () => {
    await makeDisk(azure, 'gone');
    const path = await pathOf('gone');
    await azure.compute.disks.delete(GROUP, 'gone');
    expect(() => readFileSync(path)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect((await raw(azure, 'DELETE', `${diskId('gone')}?api-version=2025-01-02`)).status).toBe(204);
  });

  it('refuses to turn an existing disk into another kind, and to use its name in another region', async () => {
    await makeDisk(azure, 'fixed');
    const upload = await refusal(
      azure.compute.disks.createOrUpdate(GROUP, 'fixed', {
        location: REGION,
        creationData: { createOption: 'Upload', uploadSizeBytes: 32 * 1024 ** 2 + 512 },
      }),
    );
    expect({ status: upload.status, code: upload.code }).toStrictEqual({
      status: 409,
      code: 'PropertyChangeNotAllowed',
    });
    const elsewhere = await refusal(makeDisk(azure, 'fixed', { location: 'eastus' }));
    expect({ status: elsewhere.status, code: elsewhere.code }).toStrictEqual({
      status: 409,
      code: 'InvalidResourceLocation',
    });
  });

  it('lists the disks of a group and of the subscription', async () => {
    await azure.resources.resourceGroups.createOrUpdate('other', { location: REGION });
    await makeDisk(azure, 'elsewhere', { group: 'other' });
    const inGroup = await collect(azure.compute.disks.listByResourceGroup('other'));
    expect(inGroup.map(({ name }) => name)).toStrictEqual(['elsewhere']);
    const all = await collect(azure.compute.disks.list());
    expect(all.some(({ name }) => name === 'elsewhere')).toBe(true);
    expect(all.length).toBeGreaterThan(inGroup.length);
  });
});
