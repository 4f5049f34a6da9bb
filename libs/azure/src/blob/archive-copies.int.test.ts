import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobServiceClient, StorageSharedKeyCredential, type ContainerClient } from '@azure/storage-blob';
import { startRehydrationProxy, type RehydrationProxy } from '@landfall/azure-emulator';
import { Secret, type ArchiveCopies } from '@landfall/domain';
import { openArchiveCopies, openBlobStore } from './accounts.js';

/** The account that every Azurite has; its key is public. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const HOUR_MS = 3_600_000;

const azurite = process.env.LANDFALL_TEST_AZURITE_URL;
if (azurite === undefined) throw new Error('LANDFALL_TEST_AZURITE_URL is not set: run this with the test runner.');

describe('copies of archived files', () => {
  let folder: string;
  let proxy: RehydrationProxy;
  let hours = 0;
  let repository: ContainerClient;
  let copies: ArchiveCopies;
  const name = `copies-${randomUUID()}`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-archive-'));
    proxy = await startRehydrationProxy({
      upstream: azurite,
      dataDirectory: folder,
      account: { name: ACCOUNT, key: KEY },
      times: { standardMs: 15 * HOUR_MS, highMs: HOUR_MS },
      now: () => hours * HOUR_MS,
    });
    const endpoint = `${proxy.url}/${ACCOUNT}`;
    const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(ACCOUNT, KEY));
    repository = service.getContainerClient(`repository-${randomUUID()}`);
    await repository.create();
    for (const path of ['p/data/ab/one', 'p/data/cd/two']) {
      const blob = repository.getBlockBlobClient(path);
      await blob.upload(`bytes of ${path}`, `bytes of ${path}`.length);
      await blob.setAccessTier('Archive');
    }
    const location = { account: ACCOUNT, container: repository.containerName, prefix: 'p' };
    const accounts = { [ACCOUNT]: { endpoint, key: new Secret(KEY) } };
    copies = openArchiveCopies(location, name, accounts);
    store = openBlobStore({ ...location, container: name, prefix: '' }, accounts);
  });
  let store: ReturnType<typeof openBlobStore>;

  afterAll(async () => {
    await repository.delete();
    await proxy.close();
    await rm(folder, { recursive: true });
  });

  it('are none before the first is asked for', async () => {
    expect(await copies.list()).toStrictEqual([]);
    await copies.remove();
  });

  it('are pending until Azure is done, by their priority, and what they are of stays archived', async () => {
    await copies.begin('data/ab/one', 'standard');
    await copies.begin('data/cd/two', 'high');
    const states = async () => (await copies.list()).map(({ path, state }) => `${path} ${state}`);
    expect(await states()).toStrictEqual(['data/ab/one pending', 'data/cd/two pending']);
    await expect(store.read('data/ab/one')).rejects.toMatchObject({ code: 'FILE_ARCHIVED' });
    hours = 2;
    expect(await states()).toStrictEqual(['data/ab/one pending', 'data/cd/two there']);
    hours = 16;
    expect(await states()).toStrictEqual(['data/ab/one there', 'data/cd/two there']);
    expect(String(await store.read('data/ab/one'))).toBe('bytes of p/data/ab/one');
    const source = await repository.getBlobClient('p/data/ab/one').getProperties();
    expect(source.accessTier).toBe('Archive');
  });

  it('have failed where somebody has archived them, and can be asked for anew', async () => {
    const client = new BlobServiceClient(`${proxy.url}/${ACCOUNT}`, new StorageSharedKeyCredential(ACCOUNT, KEY));
    const copy = client.getContainerClient(name).getBlobClient('data/ab/one');
    await copy.setAccessTier('Archive');
    expect((await copies.list()).find(({ path }) => path === 'data/ab/one')?.state).toBe('failed');
    await copies.begin('data/ab/one', 'high');
    hours += 2;
    expect((await copies.list()).map(({ state }) => state)).toStrictEqual(['there', 'there']);
  });

  it('can’t be made of what is not there', async () => {
    await expect(copies.begin('data/ef/none', 'high')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('go with their container, as often as it is asked', async () => {
    for (let time = 0; time < 2; time += 1) await copies.remove();
    expect(await copies.list()).toStrictEqual([]);
  });
});
