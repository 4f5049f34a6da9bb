import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { Bandwidth, diskLimit } from './bandwidth.js';

describe('the bandwidth of a disk', () => {
  const GIB = 1024 ** 3;

  it('lets transfers pass one behind the other, and disks beside one another', async () => {
    let now = 0;
    const slept: number[] = [];
    const bandwidth = new Bandwidth(
      () => now,
      (ms) => Promise.resolve(slept.push(ms)),
    );
    await bandwidth.pass('a', 4_000, 1_000);
    await bandwidth.pass('a', 2_000, 1_000);
    await bandwidth.pass('b', 1_000, 1_000);
    expect(slept).toStrictEqual([4_000, 6_000, 1_000]);
    now = 60_000;
    await bandwidth.pass('a', 1_000, 1_000);
    assert.deepEqual(slept, [4_000, 6_000, 1_000, 1_000], 'time in which nothing passed is not saved up');
  });

  it('is not limited unless it is asked for', async () => {
    const bandwidth = new Bandwidth(
      () => 0,
      () => assert.fail('it waited'),
    );
    await bandwidth.pass('a', 1e12, null);
    expect(diskLimit({ diskBytesPerSecond: null, bandwidthBySize: false }, GIB)).toBe(null);
  });

  it('is the one that is set, or that of a Standard HDD of its size', () => {
    const bySize = { diskBytesPerSecond: null, bandwidthBySize: true };
    expect(diskLimit({ ...bySize, diskBytesPerSecond: 7 }, GIB)).toBe(7);
    expect([1, 4_096, 8_192, 32_767].map((gib) => diskLimit(bySize, gib * GIB))).toStrictEqual([
      60e6, 60e6, 300e6, 500e6,
    ]);
  });
});
