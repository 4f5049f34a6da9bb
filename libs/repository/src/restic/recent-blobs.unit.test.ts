import { expect, test } from '@jest/globals';
import { RecentBlobs } from './recent-blobs.js';

test('the blobs used last are kept, within the bound of bytes', () => {
  const recent = new RecentBlobs(100);
  const blob = (length: number) => new Uint8Array(length);
  recent.add(1, blob(40));
  recent.add(2, blob(40));
  expect(recent.get(1)).not.toBe(undefined);
  recent.add(3, blob(40));
  expect(recent.get(2)).toBe(undefined);
  expect(recent.get(1) !== undefined && recent.get(3) !== undefined).toBe(true);
  recent.add(4, blob(1_000));
  expect(recent.get(1)).toBe(undefined);
  expect(recent.get(4)).not.toBe(undefined);
  recent.clear();
  expect(recent.get(4)).toBe(undefined);
});
