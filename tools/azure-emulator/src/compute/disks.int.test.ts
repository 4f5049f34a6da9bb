import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
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
  before(async () => (azure = await startTestAzure()));
  after(() => azure.close());

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
    assert.equal(disk.id, diskId('empty'));
    assert.equal(disk.diskState, 'Unattached');
    assert.equal(disk.diskSizeBytes, 1024 * GIB);
    assert.equal(disk.hyperVGeneration, 'V2');
    assert.deepEqual(disk.zones, ['2']);
    assert.deepEqual(disk.tags, { owner: 'me' });
    assert.match(disk.uniqueId ?? '', /^[0-9a-f-]{36}$/);
    const file = statSync(await pathOf('empty'));
    assert.equal(file.size, 1024 * GIB);
    assert.equal(file.blocks, 0);
  });

  it('answers a write as Azure does: 202, both headers, no id, then the disk as output', async () => {
    const body = JSON.stringify({
      location: REGION,
      properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 4 },
    });
    const put = await raw(azure, 'PUT', `${diskId('wire')}?api-version=2025-01-02`, { body });
    assert.equal(put.status, 202);
    assert.equal(put.json['id'], undefined);
    assert.equal((put.json['properties'] as { provisioningState: string }).provisioningState, 'Updating');
    const operationUrl = new URL(String(put.headers['azure-asyncoperation']));
    const location = new URL(String(put.headers['location']));
    assert.match(operationUrl.pathname, /\/locations\/westeurope\/DiskOperations\/[0-9a-f-]{36}$/);
    assert.equal(location.searchParams.get('monitor'), 'true');
    assert.match(String(put.headers['retry-after']), /^\d+$/);
    const poll = await raw(azure, 'GET', operationUrl.pathname + operationUrl.search);
    assert.equal(poll.json['status'], 'Succeeded');
    assert.equal((poll.json['properties'] as { output: { id: string } }).output.id, diskId('wire'));
    const result = await raw(azure, 'GET', location.pathname + location.search);
    assert.equal(result.status, 200);
    assert.equal(result.json['id'], diskId('wire'));
  });

  it('grows and never shrinks', async () => {
    await makeDisk(azure, 'growing', { sizeGb: 2 });
    await azure.compute.disks.update(GROUP, 'growing', { diskSizeGB: 5, tags: { n: '1' } });
    const grown = await azure.compute.disks.get(GROUP, 'growing');
    assert.equal(grown.diskSizeBytes, 5 * GIB);
    assert.deepEqual(grown.tags, { n: '1' });
    assert.equal(statSync(await pathOf('growing')).size, 5 * GIB);
    const { status, code, message } = await refusal(azure.compute.disks.update(GROUP, 'growing', { diskSizeGB: 4 }));
    assert.deepEqual({ status, code }, { status: 400, code: 'ResizeDiskError' });
    assert.match(message, /^Disk size reduction is not supported\./);
  });

  it('copies a disk of the same region with its content', async () => {
    await makeDisk(azure, 'original', { generation: 'V1' });
    writeFileSync(await pathOf('original'), 'content', { flag: 'r+' });
    const copy = await azure.compute.disks.createOrUpdate(GROUP, 'copy', {
      location: REGION,
      creationData: { createOption: 'Copy', sourceResourceId: diskId('original') },
      diskSizeGB: 2,
    });
    assert.equal(copy.hyperVGeneration, 'V1');
    assert.equal(copy.diskSizeBytes, 2 * GIB);
    const file = openSync(await pathOf('copy'), 'r');
    const start = Buffer.alloc(7);
    readSync(file, start);
    closeSync(file);
    assert.equal(start.toString(), 'content');
    const again = await azure.compute.disks.createOrUpdate(GROUP, 'copy', {
      location: REGION,
      creationData: { createOption: 'Copy', sourceResourceId: diskId('original') },
    });
    assert.equal(again.uniqueId, copy.uniqueId);
  });

  it('refuses a size that is missing or too large, and a name that Azure refuses', async () => {
    const create = (name: string, diskSizeGB?: number) =>
      azure.compute.disks.createOrUpdate(GROUP, name, {
        location: REGION,
        creationData: { createOption: 'Empty' },
        ...(diskSizeGB === undefined ? {} : { diskSizeGB }),
      });
    assert.equal((await refusal(create('nosize'))).code, 'InvalidParameter');
    assert.equal((await refusal(create('huge', 40_000))).code, 'InvalidParameter');
    for (const name of ['-x', 'a b', 'y'.repeat(81)]) assert.equal((await refusal(create(name, 1))).status, 400, name);
  });

  it('refuses a disk in a group that does not exist, and tells of one that is missing', async () => {
    const { status, code } = await refusal(makeDisk(azure, 'x', { group: 'nowhere' }));
    assert.deepEqual({ status, code }, { status: 404, code: 'ResourceGroupNotFound' });
    const missing = await refusal(azure.compute.disks.get(GROUP, 'd1'));
    assert.equal(missing.status, 404);
    assert.equal(missing.code, 'ResourceNotFound');
    assert.match(
      missing.message,
      /^The Resource 'Microsoft\.Compute\/disks\/d1' under resource group 'landfall-demo' was not found\./,
    );
  });

  it('refuses a zone that the region does not have', async () => {
    const { status, code } = await refusal(makeDisk(azure, 'zoned', { location: 'ukwest', zone: '1' }));
    assert.deepEqual({ status, code }, { status: 400, code: 'LocationNotSupportAvailabilityZones' });
  });

  it('refuses to delete a disk that is attached', async () => {
    const attached = await makeDisk(azure, 'attached');
    await makeVm(azure, 'holder', { dataDisks: [{ diskId: attached, lun: 0 }] });
    const { status, code, message } = await refusal(azure.compute.disks.delete(GROUP, 'attached'));
    assert.deepEqual({ status, code }, { status: 409, code: 'OperationNotAllowed' });
    assert.match(message, /^Disk attached is attached to VM .*\/virtualMachines\/holder\.$/);
  });

  it('deletes a disk with its file; a second time there is nothing to do', async () => {
    await makeDisk(azure, 'gone');
    const path = await pathOf('gone');
    await azure.compute.disks.delete(GROUP, 'gone');
    assert.throws(() => readFileSync(path), { code: 'ENOENT' });
    assert.equal((await raw(azure, 'DELETE', `${diskId('gone')}?api-version=2025-01-02`)).status, 204);
  });

  it('refuses to turn an existing disk into another kind, and to use its name in another region', async () => {
    await makeDisk(azure, 'fixed');
    const upload = await refusal(
      azure.compute.disks.createOrUpdate(GROUP, 'fixed', {
        location: REGION,
        creationData: { createOption: 'Upload', uploadSizeBytes: 32 * 1024 ** 2 + 512 },
      }),
    );
    assert.deepEqual({ status: upload.status, code: upload.code }, { status: 409, code: 'PropertyChangeNotAllowed' });
    const elsewhere = await refusal(makeDisk(azure, 'fixed', { location: 'eastus' }));
    assert.deepEqual(
      { status: elsewhere.status, code: elsewhere.code },
      { status: 409, code: 'InvalidResourceLocation' },
    );
  });

  it('lists the disks of a group and of the subscription', async () => {
    await azure.resources.resourceGroups.createOrUpdate('other', { location: REGION });
    await makeDisk(azure, 'elsewhere', { group: 'other' });
    const inGroup = await collect(azure.compute.disks.listByResourceGroup('other'));
    assert.deepEqual(
      inGroup.map(({ name }) => name),
      ['elsewhere'],
    );
    const all = await collect(azure.compute.disks.list());
    assert.ok(all.some(({ name }) => name === 'elsewhere'));
    assert.ok(all.length > inGroup.length);
  });
});
