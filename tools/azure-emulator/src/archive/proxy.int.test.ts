import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BlobServiceClient,
  ContainerSASPermissions,
  StorageSharedKeyCredential,
  type BlockBlobClient,
  type ContainerClient,
} from '@azure/storage-blob';
import { startRehydrationProxy, type RehydrationProxy } from './proxy.js';

/** The account that every Azurite has; its key is public. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const HOUR = 3_600_000;

const azurite = process.env['LANDFALL_TEST_AZURITE_URL'];
if (azurite === undefined) throw new Error('LANDFALL_TEST_AZURITE_URL is not set: run this with the test runner.');
const upstream = azurite;

/** How a call is refused. */
async function refused(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { statusCode, code } = error as { statusCode?: number; code?: string };
    return `${statusCode} ${code}`;
  }
  throw new Error('the call was expected to be refused and was not');
}

describe('archived blobs behind the rehydration proxy', () => {
  let folder: string;
  let proxy: RehydrationProxy;
  let container: ContainerClient;
  /** Hours that have passed. */
  let hours = 0;

  const start = async (): Promise<void> => {
    proxy = await startRehydrationProxy({
      upstream,
      dataDirectory: folder,
      account: { name: ACCOUNT, key: KEY },
      port: proxy === undefined ? 0 : Number(new URL(proxy.url).port),
      times: { standardMs: 15 * HOUR, highMs: HOUR },
      now: () => hours * HOUR,
    });
  };
  const service = (key = KEY): BlobServiceClient =>
    new BlobServiceClient(`${proxy.url}/${ACCOUNT}`, new StorageSharedKeyCredential(ACCOUNT, key), {
      retryOptions: { maxTries: 3, retryDelayInMs: 1 }, // a connection ends with the proxy that is restarted
    });
  const archived = async (name: string, content = `content of ${name}`): Promise<BlockBlobClient> => {
    const blob = container.getBlockBlobClient(name);
    await blob.upload(content, content.length);
    await blob.setAccessTier('Archive');
    return blob;
  };
  const shown = async (blob: BlockBlobClient) => {
    const { accessTier, archiveStatus, rehydratePriority, copyStatus } = await blob.getProperties();
    return { accessTier, archiveStatus, rehydratePriority, copyStatus };
  };
  const listed = async (name: string) => {
    for await (const { name: found, properties } of container.listBlobsFlat()) {
      if (found !== name) continue;
      const { accessTier, archiveStatus, rehydratePriority } = properties;
      return { accessTier: accessTier as string, archiveStatus: archiveStatus as string, rehydratePriority };
    }
    return null;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-archive-'));
    await start();
  });
  afterAll(async () => {
    await proxy.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    hours = 0;
    container = service().getContainerClient(`archive-${randomUUID()}`);
    await container.create();
  });
  afterEach(() => container.delete());

  it('can’t be read, and come back after the time of their priority, with their content', async () => {
    for (const [priority, takes] of [
      ['Standard', 15],
      ['High', 1],
    ] as const) {
      hours = 0;
      const blob = await archived(`data/${priority} & co`);
      expect(await refused(blob.download())).toBe('409 BlobArchived');
      const answer = await blob.setAccessTier('Hot', { rehydratePriority: priority });
      expect(answer._response.status).toBe(202);
      const pending = {
        accessTier: 'Archive',
        archiveStatus: 'rehydrate-pending-to-hot',
        rehydratePriority: priority,
      };
      hours = takes - 0.001;
      expect(await shown(blob)).toStrictEqual({ ...pending, copyStatus: undefined });
      expect(await listed(blob.name)).toStrictEqual(pending);
      expect(await refused(blob.download())).toBe('409 BlobArchived');
      expect(await refused(blob.downloadToBuffer(0, 4))).toBe('409 BlobArchived');
      hours = takes;
      expect((await blob.downloadToBuffer()).toString()).toBe(`content of ${blob.name}`);
      const online = { accessTier: 'Hot', archiveStatus: undefined, rehydratePriority: undefined };
      expect(await shown(blob)).toStrictEqual({ ...online, copyStatus: undefined });
      expect(await listed(blob.name)).toStrictEqual(online);
    }
  });

  it('can be hurried, and neither slowed down nor sent back nor elsewhere', async () => {
    const blob = await archived('hurried');
    await blob.setAccessTier('Cool');
    hours = 3;
    for (const [tier, priority] of [
      ['Archive', undefined],
      ['Hot', 'High'],
      ['Cool', 'Standard'],
    ] as const) {
      const again = blob.setAccessTier(tier, priority === undefined ? {} : { rehydratePriority: priority });
      assert.equal(await refused(again), '409 BlobBeingRehydrated', `${tier} ${priority}`);
    }
    expect((await blob.setAccessTier('Cool', { rehydratePriority: 'High' }))._response.status).toBe(202);
    expect((await shown(blob)).rehydratePriority).toBe('High');
    expect(await refused(blob.setAccessTier('Cool'))).toBe('409 BlobBeingRehydrated');
    hours = 4;
    expect((await shown(blob)).accessTier).toBe('Cool');
  });

  it('are pending still when the proxy starts again, and sooner done when times are changed', async () => {
    const blob = await archived('kept');
    await blob.setAccessTier('Cold');
    await proxy.close();
    await start();
    expect((await shown(blob)).archiveStatus).toBe('rehydrate-pending-to-cold');
    hours = 2;
    const wrong = await fetch(`${proxy.url}/_archive/times`, { method: 'PATCH', body: '{"standardMs":"soon"}' });
    expect(wrong.status).toBe(400);
    const body = JSON.stringify({ standardMs: 2 * HOUR });
    const changed = await fetch(`${proxy.url}/_archive/times`, { method: 'PATCH', body });
    expect(await changed.json()).toStrictEqual({ standardMs: 2 * HOUR, highMs: HOUR });
    expect((await shown(blob)).accessTier).toBe('Cold');
    await proxy.close();
    await start();
    expect(proxy.rehydrations.times.standardMs).toBe(2 * HOUR);
    proxy.rehydrations.setTimes({ standardMs: 15 * HOUR });
  });

  it('can be copied to an online tier: the copy is pending, the source stays', async () => {
    const source = await archived('source');
    const target = container.getBlockBlobClient('target');
    const poller = await target.beginCopyFromURL(source.url, { tier: 'Hot', rehydratePriority: 'High' });
    expect(poller.getOperationState().isCompleted).toBe(undefined);
    expect(await shown(target)).toStrictEqual({
      accessTier: 'Archive',
      archiveStatus: 'rehydrate-pending-to-hot',
      rehydratePriority: 'High',
      copyStatus: 'pending',
    });
    expect(await refused(target.download())).toBe('409 BlobArchived');
    expect(await refused(target.upload('x', 1))).toBe('409 PendingCopyOperation');
    hours = 1;
    expect((await target.downloadToBuffer()).toString()).toBe('content of source');
    expect((await shown(target)).copyStatus).toBe('success');
    expect((await shown(source)).accessTier).toBe('Archive');
    assert.equal(await refused(target.beginCopyFromURL(source.url)), '409 BlobArchived', 'without a tier');
  });

  it('leave an empty blob where a copy was called off', async () => {
    const source = await archived('source');
    const target = container.getBlockBlobClient('target');
    await target.beginCopyFromURL(source.url, { tier: 'Cool' });
    const { copyId } = await target.getProperties();
    expect(await refused(target.abortCopyFromURL(randomUUID()))).toBe('409 CopyIdMismatch');
    const stranger = service(randomBytes(64).toString('base64')).getContainerClient(container.containerName);
    expect(await refused(stranger.getBlobClient('target').abortCopyFromURL(copyId ?? ''))).toMatch(/^403 /);
    await target.abortCopyFromURL(copyId ?? '');
    expect((await shown(target)).copyStatus).toBe('aborted');
    expect((await target.downloadToBuffer()).length).toBe(0);
    expect(await refused(target.abortCopyFromURL(copyId ?? ''))).toBe('409 NoPendingCopyOperation');
    await target.upload('new', 3);
    expect((await target.downloadToBuffer()).toString()).toBe('new');
    hours = 100;
    expect((await shown(source)).accessTier).toBe('Archive');
  });

  it('are forgotten when they are deleted or written anew', async () => {
    for (const renew of [
      (blob: BlockBlobClient) => blob.upload('new', 3),
      (blob: BlockBlobClient) => blob.delete().then(() => blob.upload('new', 3)),
      (blob: BlockBlobClient) =>
        blob.stageBlock('AAAA', 'new', 3).then(() => blob.commitBlockList(['AAAA'], { tier: 'Hot' })),
    ]) {
      const blob = await archived('renewed');
      await blob.setAccessTier('Hot');
      await renew(blob);
      expect((await blob.downloadToBuffer()).toString()).toBe('new');
      expect(proxy.rehydrations.list(`${ACCOUNT}/${container.containerName}`)).toStrictEqual([]);
    }
  });

  it('are out of the reach of whoever may not read them, as Azurite finds', async () => {
    const blob = await archived('guarded');
    await blob.setAccessTier('Hot');
    const stranger = service(randomBytes(64).toString('base64')).getContainerClient(container.containerName);
    expect(await refused(stranger.getBlobClient('guarded').download())).toMatch(/^403 /);
    const url = await container.generateSasUrl({
      permissions: ContainerSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + HOUR),
    });
    const [path, signature] = url.split('?');
    const granted = await fetch(`${path}/guarded?${signature}`);
    expect(granted.status).toBe(409);
    expect(granted.headers.get('x-ms-error-code')).toBe('BlobArchived');
    expect(await granted.text()).toMatch(/<Code>BlobArchived<\/Code>/);
  });

  it('do not keep anything else from passing byte for byte', async () => {
    const content = randomBytes(20 * 1024 * 1024);
    const blob = container.getBlockBlobClient('large/ä b+c%25');
    await blob.uploadData(content, { blockSize: 4 * 1024 * 1024, concurrency: 4 });
    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(sha256(await blob.downloadToBuffer())).toBe(sha256(content));
    expect((await blob.downloadToBuffer(1_000_000, 5)).toString('hex')).toBe(
      content.toString('hex', 1_000_000, 1_000_005),
    );
    const ended = AbortSignal.timeout(1);
    await expect(blob.downloadToBuffer(0, undefined, { abortSignal: ended })).rejects.toThrow();
    expect((await blob.getProperties()).contentLength).toBe(content.length);
    expect(await refused(container.getBlobClient('none').download())).toBe('404 BlobNotFound');
  });
});
