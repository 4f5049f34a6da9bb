import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PermanentError } from '@landfall/domain';
import fc from 'fast-check';
import { BlobIndex } from './blob-index.js';
import { ImageLayout } from './image-layout.js';
import { packReads } from './pack-reads.js';

const KIB = 1024;

/** A blob of some length; of zeros, or told apart from others of its length by `mark`. */
interface Chunk {
  readonly length: number;
  readonly mark: number;
}

function contents({ length, mark }: Chunk): Buffer {
  const bytes = Buffer.alloc(length);
  if (mark > 0) bytes[length - 1] = mark;
  return bytes;
}

function layoutOf(chunks: readonly Chunk[]) {
  const index = new BlobIndex();
  const ids = chunks.map((chunk) => createHash('sha256').update(contents(chunk)).digest());
  const seen = new Set<string>();
  for (const [at, id] of ids.entries()) {
    if (seen.has(id.toString('hex'))) continue;
    seen.add(id.toString('hex'));
    // Three blobs a pack, with gaps of different sizes between them.
    const pack = index.addPack(`pack${Math.floor((seen.size - 1) / 3)}`);
    const offset = ((seen.size - 1) % 3) * 70_000 + at * 10;
    index.add(id, { pack, kind: 'data', offset, length: 60, plainLength: chunks[at]!.length });
  }
  index.seal(() => false);
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const layout = ImageLayout.build(index, 'disk.raw', sizeBytes, (onId) => ids.forEach((id) => onId(id)));
  return { index, layout, sizeBytes };
}

const chunkLists = fc
  .array(
    fc.record({
      length: fc.constantFrom(1, 7, 1_000, 512 * KIB),
      mark: fc.constantFrom(0, 1, 2),
      times: fc.integer({ min: 1, max: 4 }),
    }),
    { maxLength: 30 },
  )
  .map((runs) => runs.flatMap(({ times, ...chunk }) => Array<Chunk>(times).fill(chunk)));

describe('The layout of an image', () => {
  test('names the blobs of any range, each at its place', () => {
    fc.assert(
      fc.property(chunkLists, fc.nat(), fc.nat(), (chunks, from, to) => {
        const { index, layout, sizeBytes } = layoutOf(chunks);
        const offset = from % (sizeBytes + 1);
        const length = to % (sizeBytes - offset + 1);
        const expected: string[] = [];
        let at = 0;
        for (const chunk of chunks) {
          const inRange = at < offset + length && at + chunk.length > offset;
          const id = createHash('sha256').update(contents(chunk)).digest();
          if (inRange && !isHole(layout, at)) expected.push(`${index.find('data', id)} at ${at}, ${chunk.length}`);
          at += chunk.length;
        }
        const named = [...layout.blobsIn({ offset, length })].map(
          (blob) => `${blob.row} at ${blob.offset}, ${blob.length}`,
        );
        expect(named).toStrictEqual(expected);
      }),
    );
  });

  test('leaves out of its extents only what is zero, and all zeros that restic cuts', () => {
    fc.assert(
      fc.property(chunkLists, (chunks) => {
        const { layout } = layoutOf(chunks);
        let at = 0;
        for (const chunk of chunks) {
          if (isHole(layout, at)) assert.equal(chunk.mark, 0, 'a hole is zero');
          else assert.ok(chunk.mark > 0 || chunk.length !== 512 * KIB, '512 KiB of zeros are a hole');
          at += chunk.length;
        }
        for (const [number, extent] of layout.extents().entries()) {
          const before = layout.extents()[number - 1];
          expect(before === undefined || before.offset + before.length < extent.offset).toBe(true);
        }
      }),
    );
  });

  test('knows a short run of zeros at the end, as restic leaves it', () => {
    const { layout } = layoutOf([
      { length: 1_000, mark: 1 },
      { length: 512 * KIB, mark: 0 },
      { length: 333, mark: 0 },
    ]);
    expect(layout.extents()).toStrictEqual([{ offset: 0, length: 1_000 }]);
  });

  test('is refused when its blobs do not add up to its size, or are not in the index', () => {
    const { index } = layoutOf([{ length: 1_000, mark: 1 }]);
    const known = createHash('sha256')
      .update(contents({ length: 1_000, mark: 1 }))
      .digest();
    const build = (size: number, id: Buffer) => () => ImageLayout.build(index, 'disk.raw', size, (onId) => onId(id));
    const damaged = (error: unknown) => error instanceof PermanentError && error.code === 'REPOSITORY_DAMAGED';
    assert.throws(build(999, known), damaged);
    assert.throws(build(1_000, Buffer.alloc(32)), damaged);
    build(1_000, known)();
  });
});

describe('Reads of packs', () => {
  test('bring each blob of a range once, with all its places, and stay within their bounds', () => {
    fc.assert(
      fc.property(chunkLists, (chunks) => {
        const { index, layout, sizeBytes } = layoutOf(chunks);
        const range = { offset: 0, length: sizeBytes };
        const places = new Map<number, number[]>();
        for (const read of packReads(index, layout, range)) {
          expect(read.length).toBeLessThanOrEqual(4 * 1024 * KIB);
          for (const blob of read.blobs) {
            assert.ok(!places.has(blob.row), 'read once');
            places.set(blob.row, [...blob.places]);
            const place = index.place(blob.row);
            expect(place.pack).toBe(read.pack);
            expect(read.offset + blob.sealed.offset).toBe(place.offset);
            expect(blob.sealed.offset + blob.sealed.length).toBeLessThanOrEqual(read.length);
          }
        }
        const expected = new Map<number, number[]>();
        for (const blob of layout.blobsIn(range))
          expected.set(blob.row, [...(expected.get(blob.row) ?? []), blob.offset]);
        expect([...places].sort(byRow)).toStrictEqual([...expected].sort(byRow));
      }),
    );
  });

  test('join neighbours and read over small gaps', () => {
    const { index, layout, sizeBytes } = layoutOf(
      Array.from({ length: 30 }, (_, mark) => ({ length: 1_000, mark: mark + 1 })),
    );
    const reads = [...packReads(index, layout, { offset: 0, length: sizeBytes })];
    expect(reads.map((read) => [read.pack, read.blobs.length])).toStrictEqual(
      Array.from({ length: 10 }, (_, pack) => [`pack${pack}`, 3]),
    );
  });
});

function isHole(layout: ImageLayout, offset: number): boolean {
  return !layout.extents().some((extent) => offset >= extent.offset && offset < extent.offset + extent.length);
}

function byRow([left]: [number, number[]], [right]: [number, number[]]): number {
  return left - right;
}
