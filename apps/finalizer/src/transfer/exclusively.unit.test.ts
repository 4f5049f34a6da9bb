import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryLeases } from '@landfall/testing';
import { exclusivelyBy } from './exclusively.js';

test('access to the disks of a restore is one process’ at a time, another restore’s beside it', async () => {
  const leases = new MemoryLeases();
  const [first, second] = [exclusivelyBy(leases), exclusivelyBy(leases)];
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const done: string[] = [];
  const work = first('r1', () => {
    begin();
    return ended;
  });
  await begun;
  try {
    assert.equal(await second('r1', async () => void done.push('r1')), false);
    assert.equal(await second('r2', async () => void done.push('r2')), true);
    assert.deepEqual(done, ['r2']);
  } finally {
    end();
  }
  assert.equal(await work, true);
  assert.equal(await second('r1', async () => void done.push('r1')), true, 'and the next one’s afterwards');
});
