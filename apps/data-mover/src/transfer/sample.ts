import { createHash } from 'node:crypto';
import type { ByteRange } from '@landfall/domain';

/*
 * Which blocks of a range a sampled verification looks at: the first, the last, and pseudo-random ones, some of them
 * where the backup has data and some where it has a hole. The choice follows from the segment's id alone, so that a
 * repetition looks at the same blocks and another segment at others.
 */
export const SAMPLE_BLOCK_BYTES = 64 * 1024;
const ANYWHERE = 6;
const IN_DATA = 4;
const IN_HOLES = 4;

/**
 * @param extents of the disk, ascending: where the backup may hold something other than zeros
 * @returns blocks within the range, ascending, none twice; the last may be shorter
 */
export function sampleBlocks(range: ByteRange, extents: readonly ByteRange[], seed: string): readonly ByteRange[] {
  const blocks = Math.ceil(range.length / SAMPLE_BLOCK_BYTES);
  if (blocks === 0) return [];
  const numbers = new Set<number>([0, blocks - 1]);
  const random = pseudoRandom(seed);
  for (let i = 0; i < ANYWHERE; i += 1) numbers.add(Math.floor(random() * blocks));

  const { data, holes } = split(range, extents);
  for (const [ranges, count] of [
    [data, IN_DATA],
    [holes, IN_HOLES],
  ] as const) {
    for (let i = 0; i < count && ranges.length > 0; i += 1) {
      const chosen = ranges[Math.floor(random() * ranges.length)]!;
      const byte = chosen.offset + Math.floor(random() * chosen.length);
      numbers.add(Math.floor((byte - range.offset) / SAMPLE_BLOCK_BYTES));
    }
  }

  const end = range.offset + range.length;
  return [...numbers]
    .sort((left, right) => left - right)
    .map((number) => {
      const offset = range.offset + number * SAMPLE_BLOCK_BYTES;
      return { offset, length: Math.min(SAMPLE_BLOCK_BYTES, end - offset) };
    });
}

/** The range's parts inside and outside the extents. */
function split(range: ByteRange, extents: readonly ByteRange[]): { data: ByteRange[]; holes: ByteRange[] } {
  const data: ByteRange[] = [];
  const holes: ByteRange[] = [];
  const end = range.offset + range.length;
  let at = range.offset;
  for (const extent of extents) {
    const from = Math.max(extent.offset, range.offset);
    const to = Math.min(extent.offset + extent.length, end);
    if (from >= to) continue;
    if (from > at) holes.push({ offset: at, length: from - at });
    data.push({ offset: from, length: to - from });
    at = to;
  }
  if (at < end) holes.push({ offset: at, length: end - at });
  return { data, holes };
}

/** Numbers in [0, 1), the same ones for the same seed: SHA-256 in counter mode, 48 bits a number. */
function pseudoRandom(seed: string): () => number {
  let counter = 0;
  return () => {
    const digest = createHash('sha256').update(`${seed}\n${counter}`).digest();
    counter += 1;
    return digest.readUIntBE(0, 6) / 2 ** 48;
  };
}
