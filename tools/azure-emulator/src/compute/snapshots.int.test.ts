import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import type { Snapshot } from '@azure/arm-compute';
import { AnonymousCredential, PageBlobClient } from '@azure/storage-blob';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  assertRefused,
  collect,
  diskId,
  GROUP,
  makeDisk,
  makeNic,
  makeSnapshot,
  makeVm,
  raw,
  refusal,
  REGION,
  set,
  snapshotId,
  startTestAzure,
  type TestAzure,
} from '../fixtures/azure.fixture.test.js';
import { FaultControl } from '../index.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('snapshots', () => {
  let azure: TestAzure;
  let now = new Date();
  beforeAll(async () => (azure = await startTestAzure({ now: () => now })));
  afterAll(() => azure.close());

  const pathOf = async (id: string): Promise<string> => {
    const { json } = await raw(azure, 'GET', `/_emulator/disk-path?id=${encodeURIComponent(id)}`);
    return String(json['path']);
  };
  const write = async (id: string, offset: number, bytes: Buffer): Promise<void> => {
    const file = openSync(await pathOf(id), 'r+');
    writeSync(file, bytes, 0, bytes.length, offset);
    closeSync(file);
  };
  const read = async (id: string, offset: number, length: number): Promise<Buffer> => {
    const file = openSync(await pathOf(id), 'r');
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, offset);
    closeSync(file);
    return bytes;
  };
  const blobOf = async (name: string): Promise<PageBlobClient> => {
    const { accessSAS } = await azure.compute.snapshots.grantAccess(GROUP, name, {
      access: 'Read',
      durationInSeconds: 3600,
    });
    return new PageBlobClient(accessSAS ?? '', new AnonymousCredential(), { retryOptions: { maxTries: 1 } });
  };
  const diskFrom = (name: string, source: string, wishes: { diskSizeGB?: number; location?: string } = {}) =>
    azure.compute.disks.createOrUpdate(GROUP, name, {
      location: REGION,
      creationData: { createOption: 'Copy', sourceResourceId: source },
      ...wishes,
    });

  it('keep what the disk of a running VM held when they were taken, whatever becomes of it', async () => {
    const content = randomBytes(64 * 1024);
    const vm = await makeVm(azure, 'a', { generation: 'V2' });
    const source = vm.storageProfile?.osDisk?.managedDisk?.id ?? '';
    await write(source, 300 * MIB, content);
    const snapshot = await makeSnapshot(azure, 'a-snapshot', source, { tags: { of: 'a' } });
    expect(snapshot.id).toBe(snapshotId('a-snapshot'));
    expect(snapshot.type).toBe('Microsoft.Compute/snapshots');
    expect([
      snapshot.osType,
      snapshot.hyperVGeneration,
      snapshot.diskSizeBytes,
      snapshot.diskState,
      snapshot.incremental,
    ]).toStrictEqual(['Linux', 'V2', GIB, 'Unattached', false]);
    expect(snapshot.creationData?.sourceUniqueId).toBe((await azure.compute.disks.get(GROUP, 'a-os')).uniqueId);
    await write(source, 300 * MIB, Buffer.alloc(64 * 1024, 1));
    await azure.compute.virtualMachines.delete(GROUP, 'a');
    await azure.compute.disks.delete(GROUP, 'a-os');

    const blob = await blobOf('a-snapshot');
    expect((await blob.getProperties()).contentLength).toBe(GIB);
    expect((await blob.downloadToBuffer(300 * MIB, content.length)).equals(content)).toBe(true);
    const ranges = (await blob.getPageRanges(256 * MIB, 128 * MIB)).pageRange?.map(({ offset, count }) => [
      offset,
      count,
    ]);
    expect(ranges).toStrictEqual([[300 * MIB, content.length - 1]]);
    assert.ok(statSync(await pathOf(snapshotId('a-snapshot'))).blocks * 512 < MIB, 'the holes are kept');
  });

  it('are no source before they are ready', async () => {
    const source = await makeDisk(azure, 'b');
    await set(azure, { delaysMs: { 'snapshots.create': 60_000 } });
    await azure.compute.snapshots
      .createOrUpdate(GROUP, 'b-slow', {
        location: REGION,
        creationData: { createOption: 'Copy', sourceResourceId: source },
      })
      .submitted();
    await set(azure, { delaysMs: {} });
    await assertRefused(
      diskFrom('b-early', snapshotId('b-slow')),
      409,
      'OperationNotAllowed',
      /is not ready: Creating/,
    );
  });

  it('become disks again: of their size or larger, with what they took from their source', async () => {
    const source = await makeDisk(azure, 'c', { sizeGb: 4, generation: 'V2' });
    await write(source, 0, Buffer.from('content'));
    const snapshot = (await makeSnapshot(azure, 'c-snapshot', source)).id ?? '';
    const same = await diskFrom('c-same', snapshot);
    expect([same.diskSizeGB, same.osType, same.hyperVGeneration]).toStrictEqual([4, 'Linux', 'V2']);
    expect((await diskFrom('c-larger', snapshot, { diskSizeGB: 9 })).diskSizeBytes).toBe(9 * GIB);
    expect(statSync(await pathOf(diskId('c-larger'))).size).toBe(9 * GIB);
    expect((await read(diskId('c-larger'), 0, 7)).toString()).toBe('content');
    await assertRefused(
      diskFrom('c-smaller', snapshot, { diskSizeGB: 3 }),
      400,
      'ResizeDiskError',
      /^Disk size reduction is not supported\./,
    );
    await assertRefused(
      diskFrom('c-abroad', snapshot, { location: 'northeurope' }),
      400,
      'BadRequest',
      /is in location 'westeurope' and cannot be copied to location 'northeurope'/,
    );
    await assertRefused(diskFrom('c-none', snapshotId('none')), 404, 'ResourceNotFound', /snapshots\/none/);
    expect((await refusal(azure.compute.disks.get(GROUP, 'c-smaller'))).status).toBe(404);
    const nic = await makeNic(azure, 'c-nic');
    await azure.compute.virtualMachines.createOrUpdate(GROUP, 'c', {
      location: REGION,
      hardwareProfile: { vmSize: 'Standard_F2s_v2' },
      storageProfile: {
        osDisk: { createOption: 'Attach', osType: 'Linux', managedDisk: { id: diskId('c-same') } },
      },
      networkProfile: { networkInterfaces: [{ id: nic }] },
    });
    const view = await azure.compute.virtualMachines.instanceView(GROUP, 'c');
    expect(view.hyperVGeneration).toBe('V2');
  });

  it('can be taken of a snapshot', async () => {
    const first = (await makeSnapshot(azure, 'd-first', await makeDisk(azure, 'd'))).id ?? '';
    await write(first, 4096, Buffer.from('kept'));
    await makeSnapshot(azure, 'd-second', first);
    await azure.compute.snapshots.delete(GROUP, 'd-first');
    expect((await read(snapshotId('d-second'), 4096, 4)).toString()).toBe('kept');
  });

  it('form a family when they are incremental, within its rules', async () => {
    const source = await makeDisk(azure, 'e');
    const incremental = (name: string, from = source, wishes: Partial<Snapshot> = {}) =>
      makeSnapshot(azure, name, from, { incremental: true, ...wishes });
    const first = await incremental('e-0');
    const second = await incremental('e-1', source, { sku: { name: 'Standard_ZRS' } });
    expect(first.incremental).toBe(true);
    expect(first.incrementalSnapshotFamilyId ?? '').toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(second.incrementalSnapshotFamilyId).toBe(first.incrementalSnapshotFamilyId);
    const other = await incremental('e-other', await makeDisk(azure, 'e2'));
    expect(other.incrementalSnapshotFamilyId).not.toBe(first.incrementalSnapshotFamilyId);
    await assertRefused(
      incremental('e-premium', source, { sku: { name: 'Premium_LRS' } }),
      400,
      'InvalidParameter',
      /'Premium_LRS' is not supported for incremental snapshots/,
    );
    await assertRefused(incremental('e-of-snapshot', first.id), 400, 'BadRequest', /its source must be a disk/);
    for (let index = 2; index < 7; index++) await incremental(`e-${index}`);
    await assertRefused(incremental('e-7'), 409, 'OperationNotAllowed', /^At most 7 incremental snapshots of disk/);
    now = new Date(now.getTime() + 5 * 60_000);
    await incremental('e-7');
    for (let index = 0; index < 5; index++) await blobOf(`e-${index}`);
    await assertRefused(blobOf('e-5'), 409, 'OperationNotAllowed', /^At most 5 snapshots of the family/);
    await azure.compute.snapshots.revokeAccess(GROUP, 'e-0');
    await blobOf('e-5');
    await azure.compute.snapshots.delete(GROUP, 'e-6');
    expect((await azure.compute.snapshots.get(GROUP, 'e-7')).provisioningState).toBe('Succeeded');
  });

  const copyStart = (name: string, from: string) =>
    azure.compute.snapshots.createOrUpdate(GROUP, name, {
      location: 'northeurope',
      incremental: true,
      creationData: { createOption: 'CopyStart', sourceResourceId: from },
    });
  /** How far a copy has come, once so many milliseconds have passed. */
  const copiedAfter = async (name: string, ms: number) => {
    now = new Date(now.getTime() + ms);
    const { provisioningState, completionPercent, copyCompletionError } = await azure.compute.snapshots.get(
      GROUP,
      name,
    );
    return [provisioningState, completionPercent, copyCompletionError?.errorCode];
  };

  it('have only begun to be copied by CopyStart when the operation has succeeded, and are of no use until they are whole', async () => {
    await set(azure, { backgroundCopyMs: 10_000 });
    const near = (await makeSnapshot(azure, 'p-near', await makeDisk(azure, 'p'), { incremental: true })).id ?? '';
    const started = await raw(azure, 'PUT', `${snapshotId('p-far')}?api-version=2023-04-02`, {
      body: JSON.stringify({
        location: 'northeurope',
        properties: { incremental: true, creationData: { createOption: 'CopyStart', sourceResourceId: near } },
      }),
    });
    const { pathname, search } = new URL(String(started.headers['azure-asyncoperation']));
    const { status, properties } = (await raw(azure, 'GET', pathname + search)).json as {
      status: string;
      properties: { output: { properties: Record<string, unknown> } };
    };
    expect(status).toBe('Succeeded');
    expect(properties.output.properties).not.toHaveProperty('completionPercent');
    expect(await copiedAfter('p-far', 0)).toStrictEqual(['Succeeded', 0, undefined]);
    const uses = [
      () => diskFrom('p-disk', snapshotId('p-far'), { location: 'northeurope' }),
      () => blobOf('p-far'),
      () => copyStart('p-further', snapshotId('p-far')),
    ];
    for (const use of uses)
      await assertRefused(use(), 409, 'OperationNotAllowed', /background copy has completed 0 percent/);
    expect(await copiedAfter('p-far', 5_000)).toStrictEqual(['Succeeded', 50, undefined]);
    for (const use of uses)
      await assertRefused(use(), 409, 'OperationNotAllowed', /background copy has completed 50 percent/);
    expect(await copiedAfter('p-far', 5_000)).toStrictEqual(['Succeeded', 100, undefined]);
    for (const use of uses) await use();
  });

  it('tell why a background copy has failed: the source was deleted, or a fault', async () => {
    const near = (await makeSnapshot(azure, 'q-near', await makeDisk(azure, 'q'), { incremental: true })).id ?? '';
    await new FaultControl(azure.emulator).add({ kind: 'copy-fails', resource: 'q-struck' });
    await copyStart('q-struck', near);
    await copyStart('q-orphan', near);
    expect(await copiedAfter('q-struck', 2_000)).toStrictEqual(['Succeeded', 10, undefined]);
    await azure.compute.snapshots.delete(GROUP, 'q-near');
    const lost = ['Succeeded', expect.any(Number), 'CopySourceNotFound'];
    expect(await copiedAfter('q-orphan', 0)).toStrictEqual(lost);
    expect(await copiedAfter('q-struck', 60_000)).toStrictEqual(lost);
    await assertRefused(blobOf('q-orphan'), 409, 'OperationNotAllowed', /background copy has completed/);
    await azure.compute.snapshots.delete(GROUP, 'q-struck');
    await set(azure, { backgroundCopyMs: 0 });
  });

  it('go to another region by CopyStart, when they are incremental', async () => {
    const source = await makeDisk(azure, 'f');
    await write(source, 0, Buffer.from('far'));
    const near = (await makeSnapshot(azure, 'f-near', source, { incremental: true })).id ?? '';
    const full = (await makeSnapshot(azure, 'f-full', source)).id ?? '';
    const far = await copyStart('f-far', near);
    expect([far.location, far.incremental]).toStrictEqual(['northeurope', true]);
    expect((await read(snapshotId('f-far'), 0, 3)).toString()).toBe('far');
    await assertRefused(copyStart('f-far-full', full), 400, 'BadRequest', /^CreateOption 'CopyStart'/);
    await assertRefused(
      makeSnapshot(azure, 'f-wrong', source, { location: 'northeurope' }),
      400,
      'BadRequest',
      /cannot be copied to location 'northeurope'/,
    );
  });

  it('change their tags and their SKU, and nothing that was taken', async () => {
    const source = await makeDisk(azure, 'g', { sizeGb: 2 });
    await makeSnapshot(azure, 'g-snapshot', source, { tags: { a: '1' } });
    const update = (values: Parameters<typeof azure.compute.snapshots.update>[2]) =>
      azure.compute.snapshots.update(GROUP, 'g-snapshot', values);
    await update({ tags: { b: '2' } });
    const changed = await update({ sku: { name: 'Standard_ZRS' } });
    expect([changed.tags, changed.sku?.name]).toStrictEqual([{ b: '2' }, 'Standard_ZRS']);
    await assertRefused(update({ diskSizeGB: 8 }), 409, 'PropertyChangeNotAllowed', /'diskSizeGB'/);
    const again = await makeSnapshot(azure, 'g-snapshot', source, { tags: { c: '3' } });
    expect([again.uniqueId, again.tags]).toStrictEqual([changed.uniqueId, { c: '3' }]);
    const other = await makeDisk(azure, 'g-other');
    await assertRefused(
      makeSnapshot(azure, 'g-snapshot', other),
      409,
      'PropertyChangeNotAllowed',
      /^Changing property 'creationData\.sourceResourceId' is not allowed\.$/,
    );
    await assertRefused(
      makeSnapshot(azure, 'g-snapshot', source, { incremental: true }),
      409,
      'PropertyChangeNotAllowed',
      /'incremental'/,
    );
  });

  it('are read through a signature, never written, and refuse at once when it is revoked', async () => {
    await makeSnapshot(azure, 'h', await makeDisk(azure, 'h-disk'));
    const writing = azure.compute.snapshots.grantAccess(GROUP, 'h', { access: 'Write', durationInSeconds: 60 });
    await assertRefused(writing, 409, 'OperationNotAllowed', /^Snapshot 'h' is read-only/);
    const blob = await blobOf('h');
    expect((await azure.compute.snapshots.get(GROUP, 'h')).diskState).toBe('ActiveSAS');
    expect((await refusal(blob.uploadPages(Buffer.alloc(512), 0, 512))).status).toBe(403);
    expect((await refusal(blob.clearPages(0, 512))).status).toBe(403);
    await assertRefused(
      azure.compute.snapshots.delete(GROUP, 'h'),
      409,
      'OperationNotAllowed',
      /There is an active shared access signature outstanding for snapshot h/,
    );
    const revoking = azure.compute.snapshots.revokeAccess(GROUP, 'h');
    await revoking.submitted();
    for (const attempt of [blob.getProperties(), blob.downloadToBuffer(0, 512), blob.getPageRanges(0, 512)]) {
      expect((await refusal(attempt)).status).toBe(403);
    }
    await revoking;
    const path = await pathOf(snapshotId('h'));
    await azure.compute.snapshots.delete(GROUP, 'h');
    expect(() => statSync(path)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect((await raw(azure, 'DELETE', `${snapshotId('h')}?api-version=2025-01-02`)).status).toBe(204);
  });

  it('are listed by group and by subscription, and with the other resources', async () => {
    await azure.resources.resourceGroups.createOrUpdate('apart', { location: REGION });
    await makeSnapshot(azure, 'i', await makeDisk(azure, 'i-disk'), {}, 'apart');
    const names = async (pages: AsyncIterable<{ name?: string }>) => (await collect(pages)).map(({ name }) => name);
    expect(await names(azure.compute.snapshots.listByResourceGroup('apart'))).toStrictEqual(['i']);
    expect(await names(azure.compute.snapshots.list())).toContain('i');
    expect(await names(azure.resources.resources.listByResourceGroup('apart'))).toStrictEqual(['i']);
    await azure.resources.resourceGroups.delete('apart');
    expect(await names(azure.compute.snapshots.list())).not.toContain('i');
  });

  it('answers a write as Azure does: 202, both headers, what was asked for, then the snapshot as output', async () => {
    const source = await makeDisk(azure, 'j');
    const body = JSON.stringify({
      location: REGION,
      properties: { creationData: { createOption: 'Copy', sourceResourceId: source } },
    });
    const put = await raw(azure, 'PUT', `${snapshotId('j-wire')}?api-version=2025-01-02`, { body });
    assert.deepEqual([put.status, put.json['id']], [202, snapshotId('j-wire')], put.text);
    const url = new URL(String(put.headers['azure-asyncoperation']));
    expect(url.pathname).toMatch(/\/DiskOperations\//);
    const poll = await raw(azure, 'GET', url.pathname + url.search);
    expect((poll.json['properties'] as { output: { id: string } }).output.id).toBe(snapshotId('j-wire'));
  });

  it('are made of a disk or a snapshot with content, and of nothing else', async () => {
    const create = (createOption: string, sourceResourceId?: string) =>
      azure.compute.snapshots.createOrUpdate(GROUP, 'k', {
        location: REGION,
        creationData: { createOption, ...(sourceResourceId === undefined ? {} : { sourceResourceId }) },
      });
    await assertRefused(create('Empty'), 400, 'InvalidParameter', /'Empty' of parameter .* is not supported/);
    await assertRefused(create('Copy'), 400, 'InvalidParameter', /creationData\.sourceResourceId/);
    await assertRefused(create('Copy', diskId('none')), 404, 'ResourceNotFound', /disks\/none/);
    await assertRefused(create('Copy', 'nonsense'), 400, 'InvalidParameter', /not a valid/);
    await azure.compute.disks.createOrUpdate(GROUP, 'k-upload', {
      location: REGION,
      creationData: { createOption: 'Upload', uploadSizeBytes: 32 * MIB + 512 },
    });
    await assertRefused(create('Copy', diskId('k-upload')), 409, 'OperationNotAllowed', /has no content yet/);
    const importing = azure.compute.disks.createOrUpdate(GROUP, 'k-import', {
      location: REGION,
      creationData: { createOption: 'Import', sourceUri: 'https://x.blob.core.windows.net/v/d.vhd' },
    });
    await assertRefused(importing, 400, 'InvalidParameter', /'Import' of parameter/);
  });
});

describe('snapshots and an emulator that ends', () => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-snapshots-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('hold what was there when the request was accepted, though source and emulator end meanwhile', async () => {
    const first = await startTestAzure({ dataDirectory: directory });
    const source = await makeDisk(first, 'source');
    const { json } = await raw(first, 'GET', `/_emulator/disk-path?id=${encodeURIComponent(source)}`);
    const content = (text: string) => writeFileSync(String(json['path']), text, { flag: 'r+' });
    content('before');
    await set(first, { delaysMs: { 'snapshots.create': 60_000 } });
    const creationData = { createOption: 'Copy', sourceResourceId: source };
    await first.compute.snapshots.createOrUpdate(GROUP, 'taken', { location: REGION, creationData }).submitted();
    content('after!');
    await first.compute.disks.delete(GROUP, 'source');
    await first.close();
    writeFileSync(join(directory, 'disks', 'nobody.raw.part'), 'half a copy, of which nobody was told');

    const later = Date.now() + 60_000;
    const second = await startTestAzure({ dataDirectory: directory, now: () => new Date(later) });
    try {
      await second.emulator.idle();
      expect((await second.compute.snapshots.get(GROUP, 'taken')).provisioningState).toBe('Succeeded');
      const { uniqueId } = await second.compute.snapshots.get(GROUP, 'taken');
      expect(readdirSync(join(directory, 'disks'))).toStrictEqual([`${uniqueId}.raw`]);
      const { accessSAS } = await second.compute.snapshots.grantAccess(GROUP, 'taken', {
        access: 'Read',
        durationInSeconds: 60,
      });
      const blob = new PageBlobClient(accessSAS ?? '', new AnonymousCredential());
      expect((await blob.downloadToBuffer(0, 6)).toString()).toBe('before');
    } finally {
      await second.close();
    }
  });
});
