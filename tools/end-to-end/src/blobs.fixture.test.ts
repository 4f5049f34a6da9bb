import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import type { Stack } from './landfall.js';

const ACCOUNT = 'devstoreaccount1';
/** Of the account that every Azurite has; it is public. */
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** The blob service of a stack, as its services have it. */
export async function blobService(stack: Stack): Promise<BlobServiceClient> {
  const { azurite } = await stack.file();
  return new BlobServiceClient(`${azurite}/${ACCOUNT}`, new StorageSharedKeyCredential(ACCOUNT, KEY));
}

/** A folder with all that is in it, below a prefix of a container, which is made. */
export async function upload(stack: Stack, from: string, container: string, prefix: string): Promise<void> {
  const client = (await blobService(stack)).getContainerClient(container);
  await client.createIfNotExists();
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    await client.getBlockBlobClient(`${prefix}/${relative(from, path)}`).uploadData(await readFile(path));
  }
}
