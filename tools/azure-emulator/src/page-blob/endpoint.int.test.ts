import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AnonymousCredential, PageBlobClient } from '@azure/storage-blob';
import { randomBytes } from 'node:crypto';
import { FaultControl } from '../index.js';
import { GROUP, REGION, refusal, startTestAzure, type TestAzure } from '../fixtures/azure.fixture.test.js';

const MIB = 1024 ** 2;
const CONTENT = 32 * MIB;

describe('writing a disk through its signature on a bad day', () => {
  let azure: TestAzure;
  let faults: FaultControl;
  let blob: PageBlobClient;
  const page = randomBytes(MIB);
  beforeAll(async () => {
    azure = await startTestAzure();
    faults = new FaultControl(azure.emulator);
    blob = await upload('target');
  });
  afterAll(() => azure.close());
  afterEach(async () => {
    await faults.clear();
    await faults.change({ diskBytesPerSecond: null });
  });

  const upload = async (name: string): Promise<PageBlobClient> => {
    await azure.compute.disks.createOrUpdate(GROUP, name, {
      location: REGION,
      creationData: { createOption: 'Upload', uploadSizeBytes: CONTENT + 512 },
    });
    const grant = await azure.compute.disks.grantAccess(GROUP, name, { access: 'Write', durationInSeconds: 3600 });
    return new PageBlobClient(grant.accessSAS ?? '', new AnonymousCredential(), { retryOptions: { maxTries: 1 } });
  };
  const isWritten = async (offset: number): Promise<boolean> =>
    (await blob.downloadToBuffer(offset, page.length)).equals(page);

  it('is refused as busy, or with whatever the fault says, and writes nothing', async () => {
    await faults.add({ kind: 'throttle', operation: 'PageBlob_UploadPages', retryAfterSeconds: 4 });
    const busy = await refusal(blob.uploadPages(page, 0, page.length));
    expect([busy.status, busy.code]).toStrictEqual([503, 'ServerBusy']);
    await faults.add({ kind: 'error', operation: 'pageBlob.uploadPages', status: 403, code: 'AuthenticationFailed' });
    const denied = await refusal(blob.uploadPages(page, 0, page.length));
    expect([denied.status, denied.code]).toStrictEqual([403, 'AuthenticationFailed']);
    expect(await isWritten(0)).toBe(false);
  });

  it('is left without an answer until the client gives up', async () => {
    await faults.add({ kind: 'timeout', resource: 'target' });
    const giveUp = AbortSignal.timeout(100);
    await expect(blob.uploadPages(page, 0, page.length, { abortSignal: giveUp })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(await isWritten(0)).toBe(false);
    await faults.add({ kind: 'timeout', forSeconds: 0.01 });
    expect((await refusal(blob.uploadPages(page, 0, page.length))).code).toBe('OperationTimedOut');
  });

  it('is cut off before the pages are written, or after', async () => {
    await faults.add({ kind: 'reset-before', operation: 'PageBlob_UploadPages' });
    expect((await refusal(blob.uploadPages(page, 4 * MIB, page.length))).status).toBe(undefined);
    expect(await isWritten(4 * MIB)).toBe(false);
    await faults.add({ kind: 'reset-after', operation: 'PageBlob_UploadPages' });
    expect((await refusal(blob.uploadPages(page, 4 * MIB, page.length))).status).toBe(undefined);
    expect(await isWritten(4 * MIB)).toBe(true);
  });

  it('concerns the disk that the fault names, and reading as well as writing', async () => {
    await faults.add({ kind: 'error', operation: 'PageBlob_Download', resource: 'target', when: 'always' });
    await blob.uploadPages(page, 0, page.length);
    expect((await refusal(blob.download(0, 512))).status).toBe(500);
    const other = await upload('other');
    await other.download(0, 512);
  });

  it('is no faster than the limit, for writing and for reading, and each disk by itself', async () => {
    const other = await upload('beside');
    await faults.change({ diskBytesPerSecond: 8 * MIB });
    const seconds = async (work: () => Promise<unknown>): Promise<number> => {
      const before = performance.now();
      await work();
      return (performance.now() - before) / 1000;
    };
    const write = () => blob.uploadPages(page, 0, page.length);
    // A limit can be shown from below only: more than it takes may always be the machine's.
    expect(await seconds(() => Promise.all([write(), write(), write(), write()]))).toBeGreaterThanOrEqual(0.49);
    expect(await seconds(() => blob.downloadToBuffer(0, 4 * MIB))).toBeGreaterThanOrEqual(0.49);
    await faults.change({ diskBytesPerSecond: 1 });
    const slow = write();
    slow.catch(() => undefined);
    await faults.change({ diskBytesPerSecond: null });
    await other.uploadPages(page, 0, page.length);
  });
});
