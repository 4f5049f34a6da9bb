import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { AnonymousCredential, PageBlobClient } from '@azure/storage-blob';
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import {
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

const MIB = 1024 ** 2;
const CONTENT = 32 * MIB;

describe('access to disks', () => {
  let azure: TestAzure;
  let now = new Date();
  beforeAll(async () => (azure = await startTestAzure({ now: () => now })));
  afterAll(() => azure.close());

  const upload = async (name: string): Promise<PageBlobClient> => {
    await azure.compute.disks.createOrUpdate(GROUP, name, {
      location: REGION,
      osType: 'Linux',
      creationData: { createOption: 'Upload', uploadSizeBytes: CONTENT + 512 },
    });
    return grant(name, 'Write');
  };
  const grant = async (name: string, access: 'Read' | 'Write', seconds = 3600): Promise<PageBlobClient> => {
    const { accessSAS } = await azure.compute.disks.grantAccess(GROUP, name, { access, durationInSeconds: seconds });
    return new PageBlobClient(accessSAS ?? '', new AnonymousCredential(), { retryOptions: { maxTries: 1 } });
  };
  const state = async (name: string): Promise<string | undefined> =>
    (await azure.compute.disks.get(GROUP, name)).diskState;
  const footer = (cookie: string): Buffer => {
    const block = Buffer.alloc(512);
    block.write(cookie, 'latin1');
    return block;
  };
  const pathOf = async (name: string): Promise<string> => {
    const { json } = await raw(azure, 'GET', `/_emulator/disk-path?id=${encodeURIComponent(diskId(name))}`);
    return String(json['path']);
  };

  it('takes an upload through its states, page by page, and cuts off the footer', async () => {
    const blob = await upload('uploaded');
    expect(await state('uploaded')).toBe('ActiveUpload');
    expect((await blob.getProperties()).contentLength).toBe(CONTENT + 512);
    const page = randomBytes(4 * MIB);
    await blob.uploadPages(page, 8 * MIB, page.length);
    await blob.uploadPages(footer('conectix'), CONTENT, 512);
    await azure.compute.disks.revokeAccess(GROUP, 'uploaded');
    const disk = await azure.compute.disks.get(GROUP, 'uploaded');
    expect(disk.diskState).toBe('Unattached');
    expect(disk.diskSizeBytes).toBe(CONTENT);
    const content = readFileSync(await pathOf('uploaded'));
    expect(content.length).toBe(CONTENT);
    expect(content.subarray(8 * MIB, 12 * MIB).equals(page)).toBe(true);
    expect(content.subarray(0, 8 * MIB).every((byte) => byte === 0)).toBe(true);
  });

  it('stays ReadyToUpload until access is granted', async () => {
    await azure.compute.disks.createOrUpdate(GROUP, 'waiting', {
      location: REGION,
      creationData: { createOption: 'Upload', uploadSizeBytes: CONTENT + 512 },
    });
    expect(await state('waiting')).toBe('ReadyToUpload');
  });

  it('shows no size until its upload has ended, only what was announced', async () => {
    await azure.compute.disks.createOrUpdate(GROUP, 'sizeless', {
      location: REGION,
      creationData: { createOption: 'Upload', uploadSizeBytes: CONTENT + 512 },
    });
    const sizes = async () => {
      const { diskSizeBytes, diskSizeGB, creationData } = await azure.compute.disks.get(GROUP, 'sizeless');
      return { diskSizeBytes, diskSizeGB, uploadSizeBytes: creationData?.uploadSizeBytes };
    };
    const none = { diskSizeBytes: undefined, diskSizeGB: undefined, uploadSizeBytes: CONTENT + 512 };
    expect(await sizes()).toStrictEqual(none);
    const blob = await grant('sizeless', 'Write');
    expect(await sizes()).toStrictEqual(none);
    await blob.uploadPages(footer('conectix'), CONTENT, 512);
    await azure.compute.disks.revokeAccess(GROUP, 'sizeless');
    expect(await sizes()).toStrictEqual({ ...none, diskSizeBytes: CONTENT, diskSizeGB: 1 });
  });

  it('does not let a disk without a VHD footer be used', async () => {
    const blob = await upload('corrupt');
    await blob.uploadPages(footer('something'), CONTENT, 512);
    await azure.compute.disks.revokeAccess(GROUP, 'corrupt');
    expect(await state('corrupt')).toBe('Unattached');
    const { status, code, message } = await refusal(
      makeVm(azure, 'v-corrupt', { dataDisks: [{ diskId: diskId('corrupt'), lun: 0 }] }),
    );
    expect({ status, code }).toStrictEqual({ status: 400, code: 'InvalidVhd' });
    expect(message).toMatch(/expected to have cookie value 'conectix'/);
  });

  it('refuses every request from the moment access is revoked', async () => {
    const blob = await upload('revoked');
    await blob.uploadPages(Buffer.alloc(512, 1), 0, 512);
    await azure.compute.disks.revokeAccess(GROUP, 'revoked').submitted();
    const attempts: readonly (() => Promise<unknown>)[] = [
      () => blob.uploadPages(Buffer.alloc(512, 2), 0, 512),
      () => blob.getProperties(),
      () => blob.downloadToBuffer(0, 512),
      () => blob.getPageRanges(0, CONTENT),
      () => blob.clearPages(0, 512),
    ];
    for (const attempt of attempts) expect((await refusal(attempt())).status).toBe(403);
    await azure.emulator.idle();
    expect(readFileSync(await pathOf('revoked'))[0]).toBe(1);
  });

  it('refuses a signature that is wrong or has expired', async () => {
    const blob = await upload('expiring');
    const forged = new PageBlobClient(blob.url.replace(/sig=[^&]*/, 'sig=AAAA'), new AnonymousCredential(), {
      retryOptions: { maxTries: 1 },
    });
    expect((await refusal(forged.getProperties())).status).toBe(403);
    now = new Date(now.getTime() + 3601 * 1000);
    expect((await refusal(blob.getProperties())).status).toBe(403);
    const again = await grant('expiring', 'Write');
    expect((await again.getProperties()).contentLength).toBe(CONTENT + 512);
  });

  it('gives the same address when access is asked for again', async () => {
    const first = await upload('twice');
    const second = await grant('twice', 'Write');
    const path = (blob: PageBlobClient): string => new URL(blob.url).pathname;
    expect(path(second)).toBe(path(first));
    expect((await first.getProperties()).contentLength).toBe(CONTENT + 512);
  });

  it('refuses pages that are too many, not aligned, or past the end', async () => {
    const blob = await upload('pages');
    const put = async (bytes: number, offset: number): Promise<unknown> =>
      blob.uploadPages(Buffer.alloc(bytes), offset, bytes);
    expect((await refusal(put(4 * MIB + 512, 0))).status).toBe(413);
    expect((await refusal(put(100, 0))).status).toBe(416);
    expect((await refusal(put(512, 256))).status).toBe(416);
    expect((await refusal(put(1024, CONTENT))).status).toBe(416);
  });

  it('checks a transfer digest that the client sends', async () => {
    const blob = await upload('digest');
    const page = Buffer.alloc(512, 9);
    const wrong = blob.uploadPages(page, 0, 512, { transactionalContentMD5: new Uint8Array(16) });
    expect((await refusal(wrong)).code).toBe('Md5Mismatch');
    expect(readFileSync(await pathOf('digest'))[0]).toBe(0);
  });

  it('reads ranges, tells which pages hold something, and clears pages', async () => {
    const blob = await upload('ranges');
    await blob.uploadPages(Buffer.alloc(MIB, 5), 4 * MIB, MIB);
    await blob.uploadPages(Buffer.alloc(MIB, 6), 20 * MIB, MIB);
    const ranges = async (): Promise<unknown> =>
      (await blob.getPageRanges(0, CONTENT)).pageRange?.map(({ offset, count }) => [offset, offset + (count ?? 0) + 1]);
    expect(await ranges()).toStrictEqual([
      [4 * MIB, 5 * MIB],
      [20 * MIB, 21 * MIB],
    ]);
    const part = await blob.downloadToBuffer(4 * MIB - 256, 512);
    expect(part.subarray(0, 256).every((byte) => byte === 0) && part.subarray(256).every((byte) => byte === 5)).toBe(
      true,
    );
    await blob.clearPages(4 * MIB, MIB);
    expect(await ranges()).toStrictEqual([[20 * MIB, 21 * MIB]]);
    expect((await refusal(blob.download(CONTENT + 4096, 10))).status).toBe(416);
  });

  it('lets an unattached disk be read, and nothing else be done with it meanwhile', async () => {
    await makeDisk(azure, 'exported');
    const blob = await grant('exported', 'Read');
    expect(await state('exported')).toBe('ActiveSAS');
    expect((await blob.getProperties()).contentLength).toBe(1024 * MIB);
    expect((await refusal(blob.uploadPages(Buffer.alloc(512), 0, 512))).status).toBe(403);
    const resize = await refusal(azure.compute.disks.update(GROUP, 'exported', { diskSizeGB: 9 }));
    expect([resize.status, resize.code]).toStrictEqual([409, 'ChangeDiskSizeWhileActiveSasNotAllowed']);
    const attach = await refusal(makeVm(azure, 'v-exported', { dataDisks: [{ diskId: diskId('exported'), lun: 0 }] }));
    expect(attach.status).toBe(409);
    expect(attach.message).toMatch(/^There is an active shared access signature outstanding for disk exported/);
    const removal = await refusal(azure.compute.disks.delete(GROUP, 'exported'));
    expect(removal.status).toBe(409);
    await azure.compute.disks.revokeAccess(GROUP, 'exported');
    expect(await state('exported')).toBe('Unattached');
  });

  it('refuses writing to a disk that was not made for upload, reading one that is, and more than 60 days', async () => {
    await makeDisk(azure, 'plain');
    expect((await refusal(grant('plain', 'Write'))).status).toBe(409);
    await upload('upload-only');
    await azure.compute.disks.revokeAccess(GROUP, 'upload-only');
    const read = await refusal(grant('waiting', 'Read'));
    expect(read.status).toBe(409);
    const long = await refusal(grant('plain', 'Read', 60 * 24 * 3600 + 1));
    expect([long.status, long.code]).toStrictEqual([400, 'InvalidParameter']);
  });

  it('gives no access to the disk of a running VM, but to that of a deallocated one, which then cannot start', async () => {
    await makeVm(azure, 'off');
    expect((await refusal(grant('off-os', 'Read'))).status).toBe(409);
    await azure.compute.virtualMachines.deallocate(GROUP, 'off');
    await grant('off-os', 'Read');
    const start = await refusal(azure.compute.virtualMachines.start(GROUP, 'off'));
    expect(start.status).toBe(409);
    expect(start.message).toMatch(/^There is an active shared access signature outstanding for disk off-os/);
    await azure.compute.disks.revokeAccess(GROUP, 'off-os');
    expect(await state('off-os')).toBe('Reserved');
    await azure.compute.virtualMachines.start(GROUP, 'off');
    expect(await state('off-os')).toBe('Attached');
  });

  it('refuses upload sizes that Azure refuses', async () => {
    for (const bytes of [10 * MIB, CONTENT, CONTENT + 512 + 512]) {
      const { status, code } = await refusal(
        azure.compute.disks.createOrUpdate(GROUP, 'odd', {
          location: REGION,
          creationData: { createOption: 'Upload', uploadSizeBytes: bytes },
        }),
      );
      assert.deepEqual([status, code], [400, 'InvalidParameter'], String(bytes));
    }
  });

  it('keeps an upload sparse', async () => {
    const blob = await upload('sparse');
    await blob.uploadPages(Buffer.alloc(4096, 1), 16 * MIB, 4096);
    expect(statSync(await pathOf('sparse')).blocks * 512).toBeLessThan(MIB);
  });
});
