import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  BlobSASPermissions,
  BlobServiceClient,
  ContainerClient,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { Secret, type FileStore } from '@landfall/domain';
import { diskTargetContract, fileStoreContract } from '@landfall/testing/contracts';
import { mintContainerReadSas, openBlobStore, openGrantedBlobStore } from './accounts.js';
import { PageBlobTarget } from './page-blob-target.js';

/** The account that every Azurite has; its key is public. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const azurite = process.env.LANDFALL_TEST_AZURITE_URL;
if (azurite === undefined) throw new Error('LANDFALL_TEST_AZURITE_URL is not set: run this with the test runner.');
const endpoint = `${azurite}/${ACCOUNT}`;
const accounts = { [ACCOUNT]: { endpoint, key: new Secret(KEY) } };
const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(ACCOUNT, KEY));

fileStoreContract('a blob container, with the key', {
  make: (files) => filled(files, 'a/b', (location) => openBlobStore(location, accounts)),
  makeMissing: async () => ({ store: openBlobStore(place('nowhere', ''), accounts), dispose: async () => {} }),
});

fileStoreContract('a blob container, with a minted SAS', {
  make: (files) => filled(files, '', (location) => granted(location)),
  makeMissing: async () => ({ store: await granted(place('nowhere', '')), dispose: async () => {} }),
});

describe('a blob container', () => {
  it('says which of its files lie in the archive tier, and that they can’t be read there', async () => {
    const { store, container, dispose } = await filled(
      { 'data/cold': Buffer.from('c'), config: Buffer.from('h') },
      'p',
      (location) => openBlobStore(location, accounts),
    );
    await container.getBlobClient('p/data/cold').setAccessTier('Archive');
    const listed = new Map<string, boolean>();
    for await (const file of store.list('')) listed.set(file.path, file.archived);
    expect([...listed].sort()).toStrictEqual([
      ['config', false],
      ['data/cold', true],
    ]);
    await expect(store.read('data/cold')).rejects.toMatchObject({
      code: 'FILE_ARCHIVED',
      message: expect.stringMatching(/data\/cold/),
    });
    await dispose();
  });

  it('refuses a wrong key and an expired SAS with STORE_DENIED, and shows neither', async () => {
    const { container, dispose } = await filled({ config: Buffer.from('h') }, '', (location) =>
      openBlobStore(location, accounts),
    );
    const location = place(container.containerName, '');
    const wrong = Buffer.alloc(64, 7).toString('base64');
    const stores = [
      openBlobStore(location, { [ACCOUNT]: { endpoint, key: new Secret(wrong) } }),
      await granted(location, -1),
    ];
    for (const store of stores) {
      await assert.rejects(store.read('config'), (error: Error & { code?: string }) => {
        expect(error.code).toBe('STORE_DENIED');
        assert.ok(!/sig=|se=/.test(`${error.message}${String(error.cause)}`), error.message);
        return true;
      });
    }
    await dispose();
  });

  it('gives out a SAS that reads and lists and does nothing else', async () => {
    const { container, dispose } = await filled({ config: Buffer.from('h') }, '', (location) =>
      openBlobStore(location, accounts),
    );
    const url = await mintContainerReadSas(place(container.containerName, ''), accounts, 600);
    expect(new URL(url).searchParams.get('sp')).toBe('rl');
    const withSas = new ContainerClient(url);
    await expect(withSas.getBlockBlobClient('config').upload('x', 1)).rejects.toMatchObject({ statusCode: 403 });
    await expect(withSas.deleteBlob('config')).rejects.toMatchObject({ statusCode: 403 });
    await dispose();
  });

  it('that can’t be reached is tried again by whoever asked', async () => {
    const store = openBlobStore(place('any', ''), {
      [ACCOUNT]: { endpoint: `http://127.0.0.1:9/${ACCOUNT}`, key: new Secret(KEY) },
    });
    await expect(store.read('config')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', kind: 'retryable' });
  });
});

diskTargetContract('a page blob', async (sizeBytes) => {
  const container = service.getContainerClient(`disk-${randomUUID()}`);
  await container.create();
  const blob = container.getPageBlobClient('disk.vhd');
  await blob.create(sizeBytes + 512);
  const expiresOn = new Date(Date.now() + 600_000);
  const url = await blob.generateSasUrl({ expiresOn, permissions: BlobSASPermissions.parse('rw') });
  return {
    target: new PageBlobTarget(url, sizeBytes),
    remove: async () => {
      await container.delete();
    },
  };
});

function place(container: string, prefix: string) {
  return { account: ACCOUNT, container, prefix };
}

async function granted(location: ReturnType<typeof place>, seconds = 600): Promise<FileStore> {
  const containerUrl = await mintContainerReadSas(location, accounts, seconds);
  return openGrantedBlobStore({ containerUrl, prefix: location.prefix });
}

async function filled(
  files: Readonly<Record<string, Uint8Array>>,
  prefix: string,
  open: (location: ReturnType<typeof place>) => FileStore | Promise<FileStore>,
) {
  const container = service.getContainerClient(`store-${randomUUID()}`);
  await container.create();
  const below = prefix === '' ? '' : `${prefix}/`;
  for (const [path, contents] of Object.entries(files)) {
    await container.getBlockBlobClient(`${below}${path}`).uploadData(Buffer.from(contents));
  }
  // A neighbour that must never be seen through the prefix.
  if (prefix !== '') await container.getBlockBlobClient(`${prefix}-neighbour/config`).uploadData(Buffer.from('n'));
  return {
    container,
    store: await open(place(container.containerName, prefix)),
    dispose: async () => {
      await container.delete();
    },
  };
}
