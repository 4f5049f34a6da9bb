import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { MemoryDiskTarget } from '@landfall/testing';
import { Bandwidth } from './bandwidth.js';

const SIZE = 64 * 1024;

describe('a bandwidth', () => {
  it('spaces the writes of all its disks as far apart as they are long', async () => {
    let now = 0;
    const slept: number[] = [];
    const bandwidth = new Bandwidth(
      1024,
      () => now,
      (ms) => Promise.resolve(slept.push(ms)),
    );
    const [first, second] = [new MemoryDiskTarget(SIZE), new MemoryDiskTarget(SIZE)];
    const [a, b] = [bandwidth.limit(first), bandwidth.limit(second)];
    await a.write(0, Buffer.alloc(2048, 1));
    await b.write(0, Buffer.alloc(1024, 2));
    await a.write(4096, Buffer.alloc(1024, 3));
    expect(slept).toStrictEqual([2000, 3000]);
    now = 60_000;
    await b.write(1024, Buffer.alloc(1024, 4));
    assert.deepEqual(slept, [2000, 3000], 'time that was not used is over');
    await a.flush();
    expect((await a.read(0, 2048)).at(-1)).toStrictEqual(1);
    expect(second.writes.length).toStrictEqual(2);
  });

  it('asks whether it may still write once the waiting is over', async () => {
    let isHeld = true;
    const target = new MemoryDiskTarget(SIZE);
    const limited = new Bandwidth(
      1024,
      () => 0,
      async () => (isHeld = false),
    ).limit(target);
    const mayWrite = (): void => {
      if (!isHeld) throw new Error('The lease is lost.');
    };
    await limited.write(0, Buffer.alloc(2048, 1), undefined, mayWrite);
    await expect(limited.write(4096, Buffer.alloc(512, 2), undefined, mayWrite)).rejects.toThrow(/lease is lost/);
    expect(target.writes).toStrictEqual([{ offset: 0, length: 2048 }]);
  });

  it('ends its waiting when the work is given up', async () => {
    const limited = new Bandwidth(1).limit(new MemoryDiskTarget(SIZE));
    await limited.write(0, Buffer.alloc(4096));
    const stop = new AbortController();
    const write = limited.write(4096, Buffer.alloc(512), stop.signal);
    stop.abort(new Error('given up'));
    await expect(write).rejects.toMatchObject({ name: 'AbortError' });
  });
});
