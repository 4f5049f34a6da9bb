import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { PermanentError } from '@landfall/domain';
import fc from 'fast-check';
import { BlobIndex } from './blob-index.js';
import { addIndexFile } from './index-files.js';

const PACK = 'aa'.repeat(32);
const BLOB = 'bb'.repeat(32);
const blob = (more: object) => ({ id: BLOB, type: 'data', offset: 0, length: 100, ...more });
const file = (blobs: unknown, more: object = {}) => JSON.stringify({ packs: [{ id: PACK, blobs }], ...more });

function add(text: string): { index: BlobIndex; supersedes: string[] } {
  const index = new BlobIndex();
  const supersedes = addIndexFile(index, Buffer.from(text), 'file index/x');
  index.seal(() => false);
  return { index, supersedes };
}

const damaged = (error: unknown) =>
  error instanceof PermanentError && error.code === 'REPOSITORY_DAMAGED' && error.message.includes('file index/x');

describe('An index file', () => {
  test('says where each blob lies, compressed or not', () => {
    const second = 'cc'.repeat(32);
    const { index } = add(file([blob({}), blob({ id: second, offset: 100, uncompressed_length: 5_000 })]));
    expect(index.place(index.find('data', Buffer.from(BLOB, 'hex')))).toStrictEqual({
      pack: PACK,
      offset: 0,
      length: 100,
      compressed: false,
      plainLength: 68,
    });
    expect(index.place(index.find('data', Buffer.from(second, 'hex')))).toStrictEqual({
      pack: PACK,
      offset: 100,
      length: 100,
      compressed: true,
      plainLength: 5_000,
    });
  });

  test('may name the pack after its blobs, hold unknown fields, and hold nothing', () => {
    const text = `{"packs":[{"new":{"a":[1]},"blobs":[${JSON.stringify(blob({ more: null }))}],"id":"${PACK}"}]}`;
    expect(add(text).index.size).toBe(1);
    expect(add('{"packs":null}').index.size).toBe(0);
    expect(add('{}').index.size).toBe(0);
  });

  test('names the index files that it supersedes', () => {
    expect(add(file([], { supersedes: ['one', 'two'] })).supersedes).toStrictEqual(['one', 'two']);
    expect(add(file([], { supersedes: null })).supersedes).toStrictEqual([]);
  });

  test('is refused when blobs overlap, in whatever order they are listed', () => {
    const other = 'cc'.repeat(32);
    for (const blobs of [
      [blob({}), blob({ id: other, offset: 99 })],
      [blob({ id: other, offset: 99 }), blob({})],
      [blob({ length: 1_000 }), blob({ id: other, offset: 500 })],
    ]) {
      assert.throws(() => add(file(blobs)), damaged);
    }
  });

  test('is refused for negative, broken, missing or impossible places', () => {
    for (const wrong of [
      { offset: -1 },
      { length: -100 },
      { length: 31 },
      { length: 1.5 },
      { offset: 2 ** 40 },
      { offset: 2 ** 53 },
      { uncompressed_length: 2 ** 32 },
      { uncompressed_length: -1 },
      { type: 'other' },
      { id: 'short' },
      { offset: '0' },
      { length: null },
    ]) {
      assert.throws(() => add(file([blob(wrong)])), damaged, JSON.stringify(wrong));
    }
    assert.throws(() => add(`{"packs":[{"blobs":[]}]}`), damaged);
  });

  test('is refused in words that steer no terminal', () => {
    assert.throws(
      () => add(file([blob({ type: 'da\u009bta\u007f' })])),
      (error: Error) => damaged(error) && !/\p{Cc}/u.test(error.message),
    );
  });

  test('that is anything else is refused by name, never with another error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          add(text);
        } catch (error) {
          expect(damaged(error)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
    assert.throws(() => add('{"packs":[]} trailing'), damaged);
  });
});
