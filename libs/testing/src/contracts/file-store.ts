import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { PermanentError, type FileStore, type StoredFile } from '@landfall/domain';

/** A store under test, holding exactly the files that were asked for. */
export interface FileStoreUnderTest {
  readonly store: FileStore;
  dispose(): Promise<void>;
}

export interface FileStoreSubject {
  /** A store with these files: relative path → contents. */
  make(files: Readonly<Record<string, Uint8Array>>): Promise<FileStoreUnderTest>;
  /** A store whose folder or container does not exist. */
  makeMissing(): Promise<FileStoreUnderTest>;
}

/** Registers the tests that every FileStore has to pass; `name` heads them. */
export function fileStoreContract(name: string, subject: FileStoreSubject): void {
  const withStore = async (files: Record<string, Uint8Array>, use: (store: FileStore) => Promise<void>) => {
    const made = await subject.make(files);
    try {
      await use(made.store);
    } finally {
      await made.dispose();
    }
  };

  describe(`${name} as a FileStore`, () => {
    test('lists files directly and deeper below a directory, with their sizes, by paths that read() takes', () =>
      withStore(
        {
          'keys/a': Buffer.from('1'),
          'data/00/b': Buffer.from('22'),
          'data/ff/c': Buffer.from('333'),
          config: Buffer.from('4'),
        },
        async (store) => {
          expect(await listed(store, 'data')).toStrictEqual([
            { path: 'data/00/b', sizeBytes: 2, archived: false },
            { path: 'data/ff/c', sizeBytes: 3, archived: false },
          ]);
          expect(await listed(store, 'keys')).toStrictEqual([{ path: 'keys/a', sizeBytes: 1, archived: false }]);
          expect((await store.read('data/ff/c')).toString()).toBe('333');
        },
      ));

    test('lists everything below the empty directory name', () =>
      withStore({ config: Buffer.from('4'), 'keys/a': Buffer.from('1') }, async (store) => {
        expect((await listed(store, '')).map((file) => file.path)).toStrictEqual(['config', 'keys/a']);
      }));

    test('takes a directory for itself and not for a prefix of other names', () =>
      withStore(
        { 'data/a': Buffer.from('1'), 'data2/b': Buffer.from('2'), database: Buffer.from('3') },
        async (store) => {
          expect((await listed(store, 'data')).map((file) => file.path)).toStrictEqual(['data/a']);
        },
      ));

    test('finds a directory that does not exist empty', () =>
      withStore({ config: Buffer.from('4') }, async (store) => {
        expect(await listed(store, 'snapshots')).toStrictEqual([]);
      }));

    test('says STORE_NOT_FOUND when the folder or container is missing', async () => {
      const made = await subject.makeMissing();
      try {
        await assert.rejects(listed(made.store, 'keys'), hasCode('STORE_NOT_FOUND'));
        await assert.rejects(
          made.store.read('config'),
          (error) => hasCode('STORE_NOT_FOUND')(error) || hasCode('FILE_NOT_FOUND')(error),
        );
      } finally {
        await made.dispose();
      }
    });

    test('reads whole files, empty ones too', () => {
      const contents = randomBytes(300_000);
      return withStore({ 'a/whole': contents, 'a/empty': Buffer.alloc(0) }, async (store) => {
        expect((await store.read('a/whole')).equals(contents)).toBe(true);
        expect((await store.read('a/empty')).length).toBe(0);
      });
    });

    test('reads exactly the range that was asked for', () => {
      const contents = randomBytes(70_000);
      return withStore({ file: contents }, async (store) => {
        for (const [offset, length] of [
          [0, 1],
          [0, 70_000],
          [1, 65_536],
          [69_999, 1],
          [12_345, 4_321],
        ] as const) {
          const bytes = await store.read('file', { offset, length });
          assert.ok(bytes.equals(contents.subarray(offset, offset + length)), `range ${offset}+${length}`);
        }
      });
    });

    test('reads a range of no bytes as no bytes', () =>
      withStore({ file: Buffer.from('abc') }, async (store) => {
        expect((await store.read('file', { offset: 2, length: 0 })).length).toBe(0);
      }));

    test('says FILE_TRUNCATED for a range that reaches past the end, wholly or in part', () =>
      withStore({ file: Buffer.from('abc') }, async (store) => {
        await assert.rejects(store.read('file', { offset: 1, length: 3 }), hasCode('FILE_TRUNCATED'));
        await assert.rejects(store.read('file', { offset: 50, length: 3 }), hasCode('FILE_TRUNCATED'));
      }));

    test('says FILE_NOT_FOUND, naming the file, for one that is not there', () =>
      withStore({ file: Buffer.from('abc') }, async (store) => {
        const named = (error: unknown) => hasCode('FILE_NOT_FOUND')(error) && String(error).includes('data/00/gone');
        await assert.rejects(store.read('data/00/gone'), named);
        await assert.rejects(store.read('data/00/gone', { offset: 0, length: 1 }), named);
      }));

    test('refuses to start when the signal is already aborted', () =>
      withStore({ file: Buffer.from('abc') }, async (store) => {
        const aborted = AbortSignal.abort();
        await assert.rejects(store.read('file', undefined, aborted), isAbort);
        await assert.rejects(async () => {
          for await (const _ of store.list('', aborted));
        }, isAbort);
      }));

    test('answers many reads at once, each with its own bytes', () => {
      const files = Object.fromEntries(
        Array.from({ length: 20 }, (_, index) => [`data/${index}`, randomBytes(10_000)] as const),
      );
      return withStore(files, async (store) => {
        const names = Object.keys(files);
        const read = await Promise.all(names.map((file) => store.read(file, { offset: 5_000, length: 5_000 })));
        read.forEach((bytes, index) => expect(bytes.equals(files[names[index]!]!.subarray(5_000))).toBe(true));
      });
    });
  });
}

async function listed(store: FileStore, directory: string) {
  const files: StoredFile[] = [];
  for await (const file of store.list(directory)) files.push(file);
  return files.sort((left, right) => (left.path < right.path ? -1 : 1));
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof PermanentError && error.code === code;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
