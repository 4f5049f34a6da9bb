import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentBlobs } from './recent-blobs.js';

test('the blobs used last are kept, within the bound of bytes', () => {
  const recent = new RecentBlobs(100);
  const blob = (length: number) => new Uint8Array(length);
  recent.add(1, blob(40));
  recent.add(2, blob(40));
  assert.ok(recent.get(1) !== undefined);
  recent.add(3, blob(40));
  assert.equal(recent.get(2), undefined);
  assert.ok(recent.get(1) !== undefined && recent.get(3) !== undefined);
  recent.add(4, blob(1_000));
  assert.equal(recent.get(1), undefined);
  assert.ok(recent.get(4) !== undefined);
  recent.clear();
  assert.equal(recent.get(4), undefined);
});
