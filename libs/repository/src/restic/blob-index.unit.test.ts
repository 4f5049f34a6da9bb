import { describe, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { BlobIndex } from './blob-index.js';

const idOf = (number: number) => createHash('sha256').update(String(number)).digest();
const none = () => false;

describe('The blob index', () => {
  test('finds every blob where it was put, and none that was not', () => {
    const entry = fc.record({
      number: fc.nat({ max: 5_000 }),
      kind: fc.constantFrom('data' as const, 'tree' as const),
      pack: fc.nat({ max: 9 }),
      offset: fc.nat(),
      length: fc.integer({ min: 32, max: 2 ** 31 }),
      plainLength: fc.option(fc.nat()),
    });
    const key = (one: { number: number; kind: string }) => `${one.kind} ${one.number}`;
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: key, maxLength: 3_000 }), (entries) => {
        const index = new BlobIndex();
        for (const one of entries) index.add(idOf(one.number), { ...one, pack: index.addPack(`pack${one.pack}`) });
        index.seal(none);
        for (const one of entries) {
          const place = index.place(index.find(one.kind, idOf(one.number)));
          expect(place).toStrictEqual({
            pack: `pack${one.pack}`,
            offset: one.offset,
            length: one.length,
            compressed: one.plainLength !== null,
            plainLength: one.plainLength ?? one.length - 32,
          });
        }
        const known = new Set(entries.map(key));
        for (let number = 0; number < 50; number += 1) {
          for (const kind of ['data', 'tree'] as const) {
            expect(index.find(kind, idOf(number)) >= 0).toBe(known.has(key({ number, kind })));
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  test('keeps data and trees of the same contents apart', () => {
    const index = new BlobIndex();
    const pack = index.addPack('p');
    index.add(idOf(1), { pack, kind: 'data', offset: 0, length: 40, plainLength: null });
    index.add(idOf(1), { pack, kind: 'tree', offset: 40, length: 50, plainLength: null });
    index.seal(none);
    expect(index.place(index.find('tree', idOf(1))).offset).toBe(40);
    expect(index.place(index.find('data', idOf(1))).offset).toBe(0);
  });

  test('takes the first of several places, and second choices only where there is no other', () => {
    const index = new BlobIndex();
    const blob = { kind: 'data', offset: 0, length: 40, plainLength: null } as const;
    const packs = ['old', 'new', 'newer'].map((name) => index.addPack(name));
    index.add(idOf(1), { ...blob, pack: packs[0]! });
    index.add(idOf(2), { ...blob, pack: packs[0]! });
    index.add(idOf(1), { ...blob, pack: packs[1]! });
    index.add(idOf(1), { ...blob, pack: packs[2]! });
    index.seal((row) => row < 2);
    expect(index.place(index.find('data', idOf(1))).pack).toBe('new');
    expect(index.place(index.find('data', idOf(2))).pack).toBe('old');
    const copies = (number: number) =>
      [...index.copies(index.find('data', idOf(number)))].map((row) => index.place(row).pack);
    expect(copies(1)).toStrictEqual(['new', 'newer', 'old']);
    expect(copies(2)).toStrictEqual(['old']);
  });

  test('is not slowed down by ids that are made up to collide', () => {
    const index = new BlobIndex();
    const pack = index.addPack('p');
    const common = randomBytes(28);
    for (let number = 0; number < 50_000; number += 1) {
      const id = Buffer.concat([common, Buffer.alloc(4)]);
      id.writeUInt32BE(number, 28);
      index.add(id, { pack, kind: 'data', offset: 0, length: 40, plainLength: null });
    }
    const started = performance.now();
    index.seal(none);
    // Walks through 50,000 collisions each would take minutes.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('is empty to begin with', () => {
    const index = new BlobIndex();
    expect(index.find('data', idOf(1))).toBe(-1);
    index.seal(none);
    expect(index.find('data', idOf(1))).toBe(-1);
  });
});
