import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import type { ContainerClient } from '@azure/storage-blob';
import { BlobFileStore } from './blob-file-store.js';

const REFUSED = Object.assign(new Error('refused'), { statusCode: 403, code: 'AuthorizationFailure' });

/** A container whose blobs answer so, one time after the other. */
function store(...answers: ('given' | 'refused')[]): BlobFileStore {
  const download = async () => {
    if (answers.shift() === 'refused') throw REFUSED;
    return { contentLength: 1, readableStreamBody: Readable.from([Buffer.from('x')]) };
  };
  return new BlobFileStore({ getBlobClient: () => ({ download }) } as unknown as ContainerClient, '', 'the container');
}

describe('a store that refuses a file', () => {
  it('is given up when it has never given one', async () => {
    await expect(store('refused').read('config')).rejects.toMatchObject({ code: 'STORE_DENIED', kind: 'permanent' });
  });

  it('is asked again when it has', async () => {
    const files = store('given', 'refused', 'given');
    expect((await files.read('config')).toString()).toBe('x');
    await assert.rejects(files.read('data/00/00'), {
      code: 'STORE_DENIED',
      kind: 'retryable',
      facts: { status: 403, system: 'AuthorizationFailure', file: 'data/00/00' },
    });
    expect((await files.read('data/00/00')).toString()).toBe('x');
  });
});
