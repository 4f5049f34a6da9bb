import { describe, expect, it } from '@jest/globals';
import type { ByteRange } from '@landfall/domain';
import fc from 'fast-check';
import { cutSegments, cutVerification, SEGMENT_BYTES } from './cut.js';

const MIB = 1024 * 1024;
const CELL = 64 * 1024;

describe('cutting a disk into segments', () => {
  it('covers every byte of every extent exactly once', () => {
    fc.assert(
      fc.property(extents(), ({ ranges, diskBytes }) => {
        const segments = cutSegments(ranges, diskBytes, CELL);
        for (const { offset, length } of ranges) {
          let covered = 0;
          for (const segment of segments) {
            const from = Math.max(offset, segment.offsetBytes);
            const to = Math.min(offset + length, segment.offsetBytes + segment.lengthBytes);
            covered += Math.max(0, to - from);
          }
          expect(covered).toBe(length);
        }
      }),
    );
  });

  it('makes segments that ascend, do not overlap, lie in the disk, are small enough and hold data', () => {
    fc.assert(
      fc.property(extents(), ({ ranges, diskBytes }) => {
        let end = 0;
        for (const { offsetBytes, lengthBytes } of cutSegments(ranges, diskBytes, CELL)) {
          expect(offsetBytes >= end && lengthBytes > 0 && lengthBytes <= CELL).toBe(true);
          expect(offsetBytes % 4096).toBe(0);
          end = offsetBytes + lengthBytes;
          expect(end).toBeLessThanOrEqual(diskBytes);
          expect(ranges.some((range) => range.offset < end && range.offset + range.length > offsetBytes)).toBe(true);
        }
      }),
    );
  });

  it('counts what holds data, as the extents have it', () => {
    fc.assert(
      fc.property(extents(), ({ ranges, diskBytes }) => {
        const segments = cutSegments(ranges, diskBytes, CELL);
        const counted = segments.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
        expect(counted).toBe(ranges.reduce((sum, { length }) => sum + length, 0));
        expect(segments.every(({ dataBytes, lengthBytes }) => dataBytes <= lengthBytes)).toBe(true);
      }),
    );
  });

  it('makes none of an empty disk', () => {
    expect(cutSegments([], 1024 * MIB)).toStrictEqual([]);
  });

  it('trims a segment to its data and keeps the number of its place', () => {
    const third = 2 * SEGMENT_BYTES;
    expect(cutSegments([{ offset: third + MIB + 5, length: 10 }], 1024 * MIB)).toStrictEqual([
      { index: 2, offsetBytes: third + MIB, lengthBytes: 4096, dataBytes: 10 },
    ]);
  });

  it('cuts 1 TiB of data into 8192 segments', () => {
    const whole = 1024 * 1024 * MIB;
    expect(cutSegments([{ offset: 0, length: whole }], whole).length).toBe(8192);
  });
});

describe('cutting the verification', () => {
  for (const mode of ['full', 'sampled'] as const) {
    it(`covers the whole disk without a gap or an overlap in mode ${mode}`, () => {
      fc.assert(
        fc.property(extents(), ({ ranges, diskBytes }) => {
          const segments = cutVerification(mode, cutSegments(ranges, diskBytes, CELL), diskBytes, CELL);
          let end = 0;
          for (const [position, segment] of segments.entries()) {
            expect(segment.index).toBe(position);
            expect(segment.offsetBytes).toBe(end);
            expect(segment.lengthBytes).toBeGreaterThan(0);
            end += segment.lengthBytes;
          }
          expect(end).toBe(diskBytes);
        }),
      );
    });
  }

  it('takes a run of empty cells as one sample', () => {
    const segments = cutVerification('sampled', [{ index: 1 }], 5 * CELL + 4096, CELL);
    expect(segments.map(({ offsetBytes, lengthBytes }) => [offsetBytes / CELL, lengthBytes])).toStrictEqual([
      [0, CELL],
      [1, CELL],
      [2, 3 * CELL + 4096],
    ]);
  });

  it('is empty in mode none', () => {
    expect(cutVerification('none', [{ index: 0 }], CELL, CELL)).toStrictEqual([]);
  });
});

/** Extents of a disk whose size is a multiple of 4 KiB: ascending, apart from each other. */
function extents(): fc.Arbitrary<{ ranges: ByteRange[]; diskBytes: number }> {
  const gapsAndLengths = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 200_000 }), fc.integer({ min: 1, max: 200_000 })),
    {
      maxLength: 12,
    },
  );
  return fc.tuple(gapsAndLengths, fc.nat(300_000), fc.boolean()).map(([pairs, rest, fromZero]) => {
    const ranges: ByteRange[] = [];
    let at = fromZero ? -1 : 0;
    for (const [gap, length] of pairs) {
      const offset = at < 0 ? 0 : at + gap;
      ranges.push({ offset, length });
      at = offset + length;
    }
    return { ranges, diskBytes: (Math.floor((Math.max(at, 0) + rest) / 4096) + 1) * 4096 };
  });
}
