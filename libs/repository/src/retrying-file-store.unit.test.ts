import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { PermanentError, RetryableError, type FileStore, type StoredFile } from '@landfall/domain';
import { MemoryFileStore, MissingFileStore } from '@landfall/testing';
import { fileStoreContract } from '@landfall/testing/contracts';
import { retryingFileStore } from './retrying-file-store.js';

fileStoreContract('retryingFileStore', {
  make: async (files) => ({ store: retryingFileStore(new MemoryFileStore(files)), dispose: async () => undefined }),
  makeMissing: async () => ({ store: retryingFileStore(new MissingFileStore()), dispose: async () => undefined }),
});

const unreachable = (retryAfterMs?: number) =>
  new RetryableError(
    { code: 'STORE_UNREACHABLE', message: 'gone', fix: 'wait' },
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );

function retrying(store: FileStore, random = 0) {
  const waits: number[] = [];
  const sleep = async (milliseconds: number) => void waits.push(milliseconds);
  return { waits, store: retryingFileStore(store, { sleep, random: () => random }) };
}

describe('A retrying file store', () => {
  test('has an archive tier where the store has one', () => {
    expect(retrying(new MemoryFileStore()).store.hasArchive).toBe(true);
    expect(retrying(new MissingFileStore()).store.hasArchive).toBe(false);
  });

  test('reads again after passing failures, waiting longer each time', async () => {
    const memory = new MemoryFileStore({ a: Buffer.from('here') });
    memory.failReads('a', unreachable(), 3);
    const { store, waits } = retrying(memory);
    expect((await store.read('a')).toString()).toBe('here');
    expect(waits).toStrictEqual([100, 200, 400]);
  });

  test('spreads waits between half and the whole of their length', async () => {
    const memory = new MemoryFileStore({ a: Buffer.from('here') });
    memory.failReads('a', unreachable(), 1);
    const { store, waits } = retrying(memory, 0.999999);
    await store.read('a');
    expect(waits[0]! > 199 && waits[0]! <= 200).toBe(true);
  });

  test('gives up after five tries, with the last error', async () => {
    const memory = new MemoryFileStore({ a: Buffer.from('here') });
    const error = unreachable();
    memory.failReads('a', error);
    const { store, waits } = retrying(memory);
    await assert.rejects(store.read('a'), (thrown) => thrown === error);
    expect(memory.reads.length).toBe(5);
    expect(waits.length).toBe(4);
  });

  test('waits as long as the store asks for, and leaves longer waits to others', async () => {
    const memory = new MemoryFileStore({ a: Buffer.from('here') });
    memory.failReads('a', unreachable(5_000), 1);
    const { store, waits } = retrying(memory);
    await store.read('a');
    expect(waits).toStrictEqual([5_000]);
    memory.failReads('a', unreachable(60_000));
    await expect(store.read('a')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(waits).toStrictEqual([5_000]);
  });

  test('does not repeat what cannot succeed', async () => {
    const memory = new MemoryFileStore({ a: Buffer.from('here') });
    memory.failReads('a', new PermanentError({ code: 'STORE_DENIED', message: 'no', fix: 'ask' }));
    const { store } = retrying(memory);
    await expect(store.read('a')).rejects.toMatchObject({ code: 'STORE_DENIED' });
    expect(memory.reads.length).toBe(1);
  });

  test('begins a broken listing again and hands out each file once', async () => {
    let listings = 0;
    const file = (path: string): StoredFile => ({ path, sizeBytes: 1, archived: false });
    const flaky: FileStore = {
      description: 'flaky',
      hasArchive: false,
      read: () => Promise.reject(unreachable()),
      async *list() {
        listings += 1;
        yield file('a');
        if (listings === 1) throw unreachable();
        yield file('b');
      },
    };
    const listed: string[] = [];
    for await (const { path } of retrying(flaky).store.list('')) listed.push(path);
    expect(listed).toStrictEqual(['a', 'b']);
  });
});
