import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
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

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-archive-'));
    await start();
  });
  after(async () => {
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
      assert.equal(await refused(blob.download()), '409 BlobArchived');
      const answer = await blob.setAccessTier('Hot', { rehydratePriority: priority });
      assert.equal(answer._response.status, 202);
      const pending = {
        accessTier: 'Archive',
        archiveStatus: 'rehydrate-pending-to-hot',
        rehydratePriority: priority,
      };
      hours = takes - 0.001;
      assert.deepEqual(await shown(blob), { ...pending, copyStatus: undefined });
      assert.deepEqual(await listed(blob.name), pending);
      assert.equal(await refused(blob.download()), '409 BlobArchived');
      assert.equal(await refused(blob.downloadToBuffer(0, 4)), '409 BlobArchived');
      hours = takes;
      assert.equal((await blob.downloadToBuffer()).toString(), `content of ${blob.name}`);
      const online = { accessTier: 'Hot', archiveStatus: undefined, rehydratePriority: undefined };
      assert.deepEqual(await shown(blob), { ...online, copyStatus: undefined });
      assert.deepEqual(await listed(blob.name), online);
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
    assert.equal((await blob.setAccessTier('Cool', { rehydratePriority: 'High' }))._response.status, 202);
    assert.equal((await shown(blob)).rehydratePriority, 'High');
    assert.equal(await refused(blob.setAccessTier('Cool')), '409 BlobBeingRehydrated');
    hours = 4;
    assert.equal((await shown(blob)).accessTier, 'Cool');
  });

  it('are pending still when the proxy starts again, and sooner done when times are changed', async () => {
    const blob = await archived('kept');
    await blob.setAccessTier('Cold');
    await proxy.close();
    await start();
    assert.equal((await shown(blob)).archiveStatus, 'rehydrate-pending-to-cold');
    hours = 2;
    const wrong = await fetch(`${proxy.url}/_archive/times`, { method: 'PATCH', body: '{"standardMs":"soon"}' });
    assert.equal(wrong.status, 400);
    const body = JSON.stringify({ standardMs: 2 * HOUR });
    const changed = await fetch(`${proxy.url}/_archive/times`, { method: 'PATCH', body });
    assert.deepEqual(await changed.json(), { standardMs: 2 * HOUR, highMs: HOUR });
    assert.equal((await shown(blob)).accessTier, 'Cold');
    await proxy.close();
    await start();
    assert.equal(proxy.rehydrations.times.standardMs, 2 * HOUR);
    proxy.rehydrations.setTimes({ standardMs: 15 * HOUR });
  });

  it('can be copied to an online tier: the copy is pending, the source stays', async () => {
    const source = await archived('source');
    const target = container.getBlockBlobClient('target');
    const poller = await target.beginCopyFromURL(source.url, { tier: 'Hot', rehydratePriority: 'High' });
    assert.equal(poller.getOperationState().isCompleted, undefined);
    assert.deepEqual(await shown(target), {
      accessTier: 'Archive',
      archiveStatus: 'rehydrate-pending-to-hot',
      rehydratePriority: 'High',
      copyStatus: 'pending',
    });
    assert.equal(await refused(target.download()), '409 BlobArchived');
    assert.equal(await refused(target.upload('x', 1)), '409 PendingCopyOperation');
    hours = 1;
    assert.equal((await target.downloadToBuffer()).toString(), 'content of source');
    assert.equal((await shown(target)).copyStatus, 'success');
    assert.equal((await shown(source)).accessTier, 'Archive');
    assert.equal(await refused(target.beginCopyFromURL(source.url)), '409 BlobArchived', 'without a tier');
  });

  it('leave an empty blob where a copy was called off', async () => {
    const source = await archived('source');
    const target = container.getBlockBlobClient('target');
    await target.beginCopyFromURL(source.url, { tier: 'Cool' });
    const { copyId } = await target.getProperties();
    assert.equal(await refused(target.abortCopyFromURL(randomUUID())), '409 CopyIdMismatch');
    const stranger = service(randomBytes(64).toString('base64')).getContainerClient(container.containerName);
    assert.match(await refused(stranger.getBlobClient('target').abortCopyFromURL(copyId ?? '')), /^403 /);
    await target.abortCopyFromURL(copyId ?? '');
    assert.equal((await shown(target)).copyStatus, 'aborted');
    assert.equal((await target.downloadToBuffer()).length, 0);
    assert.equal(await refused(target.abortCopyFromURL(copyId ?? '')), '409 NoPendingCopyOperation');
    await target.upload('new', 3);
    assert.equal((await target.downloadToBuffer()).toString(), 'new');
    hours = 100;
    assert.equal((await shown(source)).accessTier, 'Archive');
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
      assert.equal((await blob.downloadToBuffer()).toString(), 'new');
      assert.deepEqual(proxy.rehydrations.list(`${ACCOUNT}/${container.containerName}`), []);
    }
  });

  it('are out of the reach of whoever may not read them, as Azurite finds', async () => {
    const blob = await archived('guarded');
    await blob.setAccessTier('Hot');
    const stranger = service(randomBytes(64).toString('base64')).getContainerClient(container.containerName);
    assert.match(await refused(stranger.getBlobClient('guarded').download()), /^403 /);
    const url = await container.generateSasUrl({
      permissions: ContainerSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + HOUR),
    });
    const [path, signature] = url.split('?');
    const granted = await fetch(`${path}/guarded?${signature}`);
    assert.equal(granted.status, 409);
    assert.equal(granted.headers.get('x-ms-error-code'), 'BlobArchived');
    assert.match(await granted.text(), /<Code>BlobArchived<\/Code>/);
  });

  it('do not keep anything else from passing byte for byte', async () => {
    const content = randomBytes(20 * 1024 * 1024);
    const blob = container.getBlockBlobClient('large/ä b+c%25');
    await blob.uploadData(content, { blockSize: 4 * 1024 * 1024, concurrency: 4 });
    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    assert.equal(sha256(await blob.downloadToBuffer()), sha256(content));
    assert.equal(
      (await blob.downloadToBuffer(1_000_000, 5)).toString('hex'),
      content.toString('hex', 1_000_000, 1_000_005),
    );
    const ended = AbortSignal.timeout(1);
    await assert.rejects(blob.downloadToBuffer(0, undefined, { abortSignal: ended }));
    assert.equal((await blob.getProperties()).contentLength, content.length);
    assert.equal(await refused(container.getBlobClient('none').download()), '404 BlobNotFound');
  });
});
