import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { MemoryDiskSource, MemoryDiskTarget } from '@landfall/testing';
import fc from 'fast-check';
import { SAMPLE_BLOCK_BYTES, sampleBlocks } from './sample.js';
import { verifyRange } from './verify.js';

const SIZE = 256 * 1024;
const open = new AbortController().signal;

describe('verifying a range in full', () => {
  it('finds any single byte that differs and names its offset, in data and in holes', async () => {
    const bytes = halfEmpty();
    await fc.assert(
      fc.asyncProperty(fc.nat(SIZE - 1), fc.integer({ min: 1, max: 255 }), async (offset, change) => {
        const target = targetWith(bytes);
        target.tamper(offset, Buffer.from([bytes[offset]! ^ change]));
        const source = new MemoryDiskSource(bytes, { cuts: [777, 50_000, 131_073] });
        await assert.rejects(verifyRange(source, target, { offset: 0, length: SIZE }, 'full', 's', open), (error) => {
          assert.ok(error instanceof Error && 'code' in error);
          expect(error.code).toBe('VERIFY_MISMATCH');
          expect(error.message).toMatch(new RegExp(`at byte ${offset}\\.$`));
          return true;
        });
      }),
      { numRuns: 40 },
    );
  });

  it('names the lowest of several differing offsets although pieces come in another order', async () => {
    const bytes = Buffer.alloc(SIZE, 1);
    const target = targetWith(bytes);
    for (const offset of [200_000, 70_000, 130_000]) target.tamper(offset, Buffer.from([99]));
    const source = new MemoryDiskSource(bytes, { cuts: [65_536, 131_072], order: (pieces) => pieces.reverse() });
    const verifying = verifyRange(source, target, { offset: 0, length: SIZE }, 'full', 's', open);
    await expect(verifying).rejects.toThrow(/at byte 70000\./);
  });

  it('tells of what differs, although the reading is broken off after that', async () => {
    const bytes = Buffer.alloc(SIZE, 1);
    const target = targetWith(bytes);
    target.tamper(10, Buffer.from([99]));
    const lost = new AbortController();
    const read = target.read.bind(target);
    target.read = async (...parameters) => {
      const [offset] = parameters;
      if (offset > 0) lost.abort(new Error('its lock was lost'));
      lost.signal.throwIfAborted();
      return read(...parameters);
    };
    const source = new MemoryDiskSource(bytes, { cuts: [65_536] });
    const verifying = verifyRange(source, target, { offset: 0, length: SIZE }, 'full', 's', lost.signal);
    await expect(verifying).rejects.toMatchObject({ code: 'VERIFY_MISMATCH' });
  });

  it('compares every byte of an equal disk once', async () => {
    const bytes = halfEmpty();
    const verified = await verifyRange(
      new MemoryDiskSource(bytes),
      targetWith(bytes),
      { offset: 0, length: SIZE },
      'full',
      's',
      open,
    );
    expect(verified).toStrictEqual({ bytesCompared: SIZE, bytesZero: SIZE / 2 });
  });

  it('demands zeros where the disk is larger than its image', async () => {
    const target = new MemoryDiskTarget(SIZE);
    target.tamper(0, Buffer.alloc(1000, 4));
    const source = new MemoryDiskSource(Buffer.alloc(1000, 4));
    await verifyRange(source, target, { offset: 0, length: SIZE }, 'full', 's', open);
    target.tamper(SIZE - 1, Buffer.from([1]));
    const verifying = verifyRange(source, target, { offset: 0, length: SIZE }, 'full', 's', open);
    await expect(verifying).rejects.toThrow(/at byte 262143\./);
  });

  it('believes the device and not what was sent to it', async () => {
    const bytes = halfEmpty();
    const target = new MemoryDiskTarget(SIZE, 1, { flippedByteAt: 12_345 });
    target.tamper(0, bytes);
    const verifying = verifyRange(new MemoryDiskSource(bytes), target, { offset: 0, length: SIZE }, 'full', 's', open);
    await expect(verifying).rejects.toThrow(/at byte 12345\./);
  });
});

describe('verifying a sample', () => {
  it('finds damage in the first and in the last block', async () => {
    const bytes = halfEmpty();
    for (const offset of [5, SIZE - 5]) {
      const target = targetWith(bytes);
      target.tamper(offset, Buffer.from([bytes[offset]! ^ 1]));
      await expect(
        verifyRange(new MemoryDiskSource(bytes), target, { offset: 0, length: SIZE }, 'sampled', 's', open),
      ).rejects.toMatchObject({ code: 'VERIFY_MISMATCH' });
    }
  });

  it('passes an equal disk that is larger than its image', async () => {
    const bytes = Buffer.alloc(100_001, 6);
    const target = targetWith(bytes);
    const source = new MemoryDiskSource(bytes);
    const verified = await verifyRange(source, target, { offset: 0, length: SIZE }, 'sampled', 's', open);
    expect(verified.bytesCompared).toBeGreaterThan(0);
  });
});

describe('the sample', () => {
  const range = { offset: 10 * SAMPLE_BLOCK_BYTES, length: 2048 * SAMPLE_BLOCK_BYTES - 1000 };

  it('lies in the range, ascending, no block twice, first and last included', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 100_000_000 }), (seed, length) => {
        const blocks = sampleBlocks({ offset: 4096, length }, [], seed);
        expect(blocks[0]!.offset).toBe(4096);
        const last = blocks.at(-1)!;
        expect(last.offset + last.length).toBe(4096 + length);
        for (const [index, block] of blocks.entries()) {
          expect(block.length > 0 && block.length <= SAMPLE_BLOCK_BYTES).toBe(true);
          const next = blocks[index + 1];
          if (next !== undefined) expect(block.offset + block.length).toBeLessThanOrEqual(next.offset);
        }
        expect(blocks.length).toBeLessThanOrEqual(16);
      }),
    );
  });

  it('is the same for the same segment and another for another', () => {
    expect(sampleBlocks(range, [], 'a')).toStrictEqual(sampleBlocks(range, [], 'a'));
    expect(sampleBlocks(range, [], 'a')).not.toStrictEqual(sampleBlocks(range, [], 'b'));
  });

  it('looks into the only hole of a full range and at the only data of an empty one', () => {
    const island = { offset: range.offset + 700 * SAMPLE_BLOCK_BYTES, length: SAMPLE_BLOCK_BYTES };
    const around = [
      { offset: 0, length: island.offset },
      { offset: island.offset + island.length, length: range.length },
    ];
    const chosen = (extents: { offset: number; length: number }[]) =>
      sampleBlocks(range, extents, 'seed').some((block) => block.offset === island.offset);
    assert.ok(chosen([island]), 'the data is looked at');
    assert.ok(chosen(around), 'the hole is looked at');
  });
});

/** The second and the fourth quarter are empty. */
function halfEmpty(): Buffer {
  const bytes = Buffer.alloc(SIZE);
  bytes.fill(0xa5, 0, SIZE / 4);
  bytes.fill(0x5a, SIZE / 2, (SIZE * 3) / 4);
  return bytes;
}

function targetWith(bytes: Buffer): MemoryDiskTarget {
  const target = new MemoryDiskTarget(SIZE);
  target.tamper(0, bytes);
  return target;
}
