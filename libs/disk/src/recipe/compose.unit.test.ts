import { describe, expect, it } from '@jest/globals';
import { patchId, recipeOf, wholeImage, type ByteRange, type DiskSource, type RecipePart } from '@landfall/domain';
import { MemoryDiskSource } from '@landfall/testing';
import fc from 'fast-check';
import { composeSource } from './compose.js';

const IMAGE_BYTES = 96;

interface Scene {
  readonly composed: DiskSource;
  /** What the disk has to hold. */
  readonly bytes: Buffer;
}

/** Bytes, many of them zero, and extents that cover at least all that is not. */
const images = fc
  .array(fc.record({ value: fc.oneof(fc.constant(0), fc.nat(255)), known: fc.boolean() }), {
    minLength: IMAGE_BYTES,
    maxLength: IMAGE_BYTES,
  })
  .map((all) => {
    const extents: { offset: number; length: number }[] = [];
    for (const [offset, { value, known }] of all.entries()) {
      if (value === 0 && !known) continue;
      const last = extents.at(-1);
      if (last && last.offset + last.length === offset) last.length += 1;
      else extents.push({ offset, length: 1 });
    }
    return { bytes: Buffer.from(all.map(({ value }) => value)), extents };
  });

const specs = fc.array(
  fc.record({
    gap: fc.nat(6),
    length: fc.integer({ min: 1, max: 40 }),
    offset: fc.nat(IMAGE_BYTES - 40),
    from: fc.constantFrom('a', 'b', null),
  }),
  { maxLength: 8 },
);

const scenes: fc.Arbitrary<Scene> = fc
  .tuple(images, images, specs, fc.nat(8), fc.array(fc.nat(IMAGE_BYTES), { maxLength: 6 }))
  .map(([a, b, all, rest, cuts]) => {
    const contents = { a, b };
    const source = ({ bytes, extents }: typeof a) =>
      new MemoryDiskSource(bytes, { extents, cuts, order: (pieces) => pieces.toReversed() });
    const patches = new Map<string, Buffer>();
    const parts: RecipePart[] = [];
    const model: Buffer[] = [];
    let at = 0;
    for (const [number, { gap, length, offset, from }] of all.entries()) {
      model.push(Buffer.alloc(gap));
      at += gap;
      const patch = Buffer.alloc(length, number);
      if (from === null) patches.set(patchId(patch), patch);
      parts.push({ at, length, from: from === null ? { bytes: patchId(patch) } : { image: from, offset } });
      model.push(from === null ? patch : contents[from].bytes.subarray(offset, offset + length));
      at += length;
    }
    model.push(Buffer.alloc(rest));
    const opened = new Map([
      ['a', source(a)],
      ['b', source(b)],
    ]);
    const composed = composeSource(recipeOf(at + rest, parts), { images: opened, patches });
    return { composed, bytes: Buffer.concat(model) };
  });

/** A scene with a range that lies within its disk. */
const scenesWithRange = scenes.chain((scene) =>
  fc
    .tuple(fc.nat(scene.bytes.length), fc.nat(scene.bytes.length))
    .map(([one, other]) => ({ ...scene, range: { offset: Math.min(one, other), length: Math.abs(one - other) } })),
);

function part(bytes: Buffer, { offset, length }: ByteRange): Buffer {
  return bytes.subarray(offset, offset + length);
}

describe('a composed disk', () => {
  it('reads as its parts and zeros do, in whatever range', async () => {
    await fc.assert(
      fc.asyncProperty(scenesWithRange, async ({ composed, bytes, range }) => {
        expect(composed.sizeBytes).toBe(bytes.length);
        expect(await composed.read(range.offset, range.length)).toStrictEqual(Buffer.from(part(bytes, range)));
      }),
      { numRuns: 300 },
    );
  });

  it('gives pieces of a range that do not overlap, between which all is zero', async () => {
    await fc.assert(
      fc.asyncProperty(scenesWithRange, async ({ composed, bytes, range }) => {
        const seen = Buffer.alloc(bytes.length);
        const covered = new Set<number>();
        for await (const piece of composed.pieces(range)) {
          seen.set(piece.bytes, piece.offset);
          for (let at = piece.offset; at < piece.offset + piece.bytes.length; at += 1) {
            expect(covered.has(at)).toBe(false);
            expect(at >= range.offset && at < range.offset + range.length).toBe(true);
            covered.add(at);
          }
          piece.release?.();
        }
        expect(part(seen, range)).toStrictEqual(part(bytes, range));
      }),
      { numRuns: 300 },
    );
  });

  it('has extents in order that do not touch, outside of which all is zero', () => {
    fc.assert(
      fc.property(scenes, ({ composed, bytes }) => {
        const rest = Buffer.from(bytes);
        let end = -1;
        for (const { offset, length } of composed.extents()) {
          expect(offset > end && length > 0).toBe(true);
          end = offset + length;
          rest.fill(0, offset, end);
        }
        expect(end <= bytes.length && rest.every((byte) => byte === 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves out what its images know to be empty, where it has moved them', async () => {
    const bytes = Buffer.alloc(64);
    bytes.fill(7, 16, 24);
    const images = new Map([['sda', new MemoryDiskSource(bytes, { extents: [{ offset: 16, length: 8 }] })]]);
    const recipe = recipeOf(200, [{ at: 100, length: 40, from: { image: 'sda', offset: 10 } }]);
    const composed = composeSource(recipe, { images, patches: new Map() });
    expect(composed.extents()).toStrictEqual([{ offset: 106, length: 8 }]);
    const offsets: number[] = [];
    for await (const piece of composed.pieces({ offset: 0, length: 200 })) offsets.push(piece.offset);
    expect(offsets).toStrictEqual([106]);
  });

  it('is its image where it is one from end to end', () => {
    const image = new MemoryDiskSource(Buffer.alloc(8192, 1));
    const composed = composeSource(wholeImage('sda', 8192), { images: new Map([['sda', image]]), patches: new Map() });
    expect(composed.extents()).toBe(image.extents());
  });

  it('leaves open what was opened for it', async () => {
    const image = new MemoryDiskSource(Buffer.alloc(10));
    const composed = composeSource(wholeImage('sda', 10), { images: new Map([['sda', image]]), patches: new Map() });
    await composed.close();
    expect(image.closed).toBe(false);
  });

  it('is refused without one of its ingredients, and when an image is too short', () => {
    const images = new Map([['sda', new MemoryDiskSource(Buffer.alloc(10))]]);
    const patch = recipeOf(10, [{ at: 0, length: 1, from: { bytes: patchId(Buffer.alloc(1)) } }]);
    for (const recipe of [wholeImage('sdb', 10), wholeImage('sda', 11), patch]) {
      expect(() => composeSource(recipe, { images, patches: new Map() })).toThrow(
        expect.objectContaining({ code: 'RECIPE_INVALID' }),
      );
    }
  });

  it('refuses a range outside of it', async () => {
    const images = new Map([['sda', new MemoryDiskSource(Buffer.alloc(10))]]);
    const composed = composeSource(wholeImage('sda', 10), { images, patches: new Map() });
    await expect(composed.read(5, 6)).rejects.toMatchObject({ code: 'RANGE_INVALID' });
    await expect(composed.pieces({ offset: -1, length: 2 })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'RANGE_INVALID',
    });
  });
});
