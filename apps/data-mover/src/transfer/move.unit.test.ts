import { describe, expect, it } from '@jest/globals';
import { PermanentError } from '@landfall/domain';
import { MemoryDiskSource, MemoryDiskTarget } from '@landfall/testing';
import fc from 'fast-check';
import { moveRange } from './move.js';

const SIZE = 64 * 1024;
const open = new AbortController().signal;

describe('moving a range', () => {
  it('makes the target equal to the source whatever the pieces’ cuts, order and the target’s alignment', async () => {
    await fc.assert(
      fc.asyncProperty(
        disk(),
        fc.uniqueArray(fc.integer({ min: 1, max: SIZE - 1 }), { maxLength: 40 }),
        fc.nat(),
        fc.constantFrom(1, 512),
        async (bytes, cuts, shuffle, alignment) => {
          const source = new MemoryDiskSource(bytes, { cuts, order: (pieces) => rotate(pieces, shuffle) });
          const target = new MemoryDiskTarget(SIZE, alignment);
          const moved = await moveRange(source, target, { offset: 0, length: SIZE }, { signal: open });
          expect(target.durable.equals(bytes)).toBe(true);
          expect(moved.bytesWritten + moved.bytesZero).toBe(SIZE);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('touches nothing outside its range', async () => {
    const source = new MemoryDiskSource(Buffer.alloc(SIZE, 9), { cuts: [5000, 9000] });
    const target = new MemoryDiskTarget(SIZE, 512);
    await moveRange(source, target, { offset: 4096, length: 8192 }, { signal: open });
    const expected = Buffer.alloc(SIZE);
    expected.fill(9, 4096, 12288);
    expect(target.durable.equals(expected)).toBe(true);
  });

  it('tells what a disk has failed of for good, although its lock ran out before', async () => {
    const source = new MemoryDiskSource(Buffer.alloc(SIZE, 9), { cuts: [5000, 9000] });
    const lost = new AbortController();
    const hanging = Promise.withResolvers<undefined>();
    const target = new MemoryDiskTarget(SIZE, 1, {
      beforeWrite: async (offset) => {
        if (offset > 0) return lost.abort(new Error('its lock was lost'));
        await hanging.promise;
        throw new PermanentError({ code: 'TARGET_FAILED', message: 'EIO.', fix: 'Anew.' });
      },
    });
    lost.signal.addEventListener('abort', () => setImmediate(() => hanging.resolve(undefined)));
    const moving = moveRange(source, target, { offset: 0, length: SIZE }, { signal: lost.signal });
    await expect(moving).rejects.toMatchObject({ code: 'TARGET_FAILED' });
  });

  it('writes nothing where the backup has a hole', async () => {
    const bytes = Buffer.alloc(SIZE);
    bytes.fill(3, 8192, 12288);
    const target = new MemoryDiskTarget(SIZE);
    const moved = await moveRange(new MemoryDiskSource(bytes), target, { offset: 0, length: SIZE }, { signal: open });
    expect(target.writes).toStrictEqual([{ offset: 8192, length: 4096 }]);
    expect(moved).toStrictEqual({ bytesWritten: 4096, bytesZero: SIZE - 4096 });
  });

  it('leaves the rest of a disk that is larger than its image alone', async () => {
    const target = new MemoryDiskTarget(SIZE * 2, 512);
    const moved = await moveRange(
      new MemoryDiskSource(Buffer.alloc(SIZE - 100, 5)),
      target,
      { offset: 0, length: SIZE * 2 },
      { signal: open },
    );
    expect(target.durable.subarray(0, SIZE - 100).every((byte) => byte === 5)).toBe(true);
    expect(target.durable.subarray(SIZE - 100).every((byte) => byte === 0)).toBe(true);
    expect(moved.bytesWritten).toBe(SIZE - 100);
  });

  it('causes no small writes when unaligned pieces come in ascending order', async () => {
    const target = new MemoryDiskTarget(SIZE, 512);
    const source = new MemoryDiskSource(Buffer.alloc(SIZE, 7), { cuts: [10_001, 20_003, 40_007] });
    await moveRange(source, target, { offset: 0, length: SIZE }, { signal: open });
    expect(target.writes.length).toBe(4);
  });

  it('has several writes in flight, and no more than eight', async () => {
    const target = new MemoryDiskTarget(SIZE, 1, {
      beforeWrite: () => new Promise((resolve) => setImmediate(resolve)),
    });
    const cuts = Array.from({ length: 63 }, (_, index) => (index + 1) * 1024);
    await moveRange(
      new MemoryDiskSource(Buffer.alloc(SIZE, 1), { cuts }),
      target,
      { offset: 0, length: SIZE },
      {
        signal: open,
      },
    );
    expect(target.mostAtOnce).toBe(8);
  });

  it('fails with the target’s error and flushes nothing when a write fails', async () => {
    const target = new MemoryDiskTarget(SIZE, 1, { capacityBytes: 20_000 });
    const source = new MemoryDiskSource(Buffer.alloc(SIZE, 1), { cuts: [10_000, 15_000, 30_000] });
    await expect(moveRange(source, target, { offset: 0, length: SIZE }, { signal: open })).rejects.toMatchObject({
      code: 'TARGET_FULL',
    });
    expect(target.flushes).toBe(0);
  });

  it('never calls a failed flush a success', async () => {
    const target = new MemoryDiskTarget(SIZE, 1, { flushFails: true });
    const moving = moveRange(
      new MemoryDiskSource(Buffer.alloc(SIZE, 1)),
      target,
      { offset: 0, length: SIZE },
      { signal: open },
    );
    await expect(moving).rejects.toMatchObject({ code: 'TARGET_FLUSH_FAILED' });
  });

  it('fails with the source’s error, and flushes nothing', async () => {
    const error = new PermanentError({ code: 'BLOB_CORRUPT', message: 'A blob is damaged.', fix: 'None.' });
    const target = new MemoryDiskTarget(SIZE);
    const source = new MemoryDiskSource(Buffer.alloc(SIZE, 1), {
      cuts: [100, 200],
      failure: { afterPieces: 1, error },
    });
    await expect(moveRange(source, target, { offset: 0, length: SIZE }, { signal: open })).rejects.toBe(error);
    expect(target.flushes).toBe(0);
  });

  it('writes nothing more once it may no longer write', async () => {
    let asked = 0;
    const target = new MemoryDiskTarget(SIZE);
    const source = new MemoryDiskSource(Buffer.alloc(SIZE, 1), { cuts: [1000, 2000, 3000] });
    const lost = new Error('The lease is lost.');
    const moving = moveRange(
      source,
      target,
      { offset: 0, length: SIZE },
      {
        signal: open,
        mayWrite: () => {
          asked += 1;
          if (asked >= 3) throw lost;
        },
      },
    );
    await expect(moving).rejects.toBe(lost);
    expect(target.writes.length).toBeLessThanOrEqual(2);
    expect(target.flushes).toBe(0);
  });

  it('writes nothing more whose right to write is lost while it waits for its turn', async () => {
    let isHeld = true;
    const target = new MemoryDiskTarget(SIZE, 512, { beforeWrite: () => void (isHeld = false) });
    const source = new MemoryDiskSource(Buffer.alloc(SIZE, 1), { cuts: [1000, 2000, 3000] });
    const lost = new Error('The lease is lost.');
    const mayWrite = (): void => {
      if (!isHeld) throw lost;
    };
    const moving = moveRange(source, target, { offset: 0, length: SIZE }, { signal: open, mayWrite });
    await expect(moving).rejects.toBe(lost);
    expect(target.writes).toStrictEqual([]);
    expect(target.flushes).toBe(0);
  });

  it('does not flush when the right to write is lost with the last block', async () => {
    let isHeld = true;
    const target = new MemoryDiskTarget(SIZE, 512);
    const written = target.write.bind(target);
    target.write = async (...write) => {
      await written(...write);
      isHeld = false;
    };
    const lost = new Error('The lease is lost.');
    const mayWrite = (): void => {
      if (!isHeld) throw lost;
    };
    const source = new MemoryDiskSource(Buffer.alloc(100, 1));
    const range = { offset: 0, length: 512 };
    await expect(moveRange(source, target, range, { signal: open, mayWrite })).rejects.toBe(lost);
    expect(target.flushes).toBe(0);
  });

  it('ends when it is aborted, without a flush', async () => {
    const controller = new AbortController();
    const target = new MemoryDiskTarget(SIZE, 1, { beforeWrite: () => controller.abort() });
    const source = new MemoryDiskSource(Buffer.alloc(SIZE, 1), { cuts: [1000, 2000] });
    await expect(
      moveRange(source, target, { offset: 0, length: SIZE }, { signal: controller.signal }),
    ).rejects.toThrow();
    expect(target.flushes).toBe(0);
  });
});

/** Disks of `SIZE` bytes with some runs of data on zeros. */
function disk(): fc.Arbitrary<Buffer> {
  const run = fc.record({
    at: fc.nat(SIZE - 1),
    length: fc.integer({ min: 1, max: 20_000 }),
    value: fc.integer({ min: 1, max: 255 }),
  });
  return fc.array(run, { maxLength: 6 }).map((runs) => {
    const bytes = Buffer.alloc(SIZE);
    for (const { at, length, value } of runs) bytes.fill(value, at, Math.min(SIZE, at + length));
    return bytes;
  });
}

function rotate<T>(items: T[], by: number): T[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at).reverse(), ...items.slice(0, at)];
}
