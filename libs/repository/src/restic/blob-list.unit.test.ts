import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { BlobList } from '@landfall/domain';
import fc from 'fast-check';
import { BlobListCutter, eachId } from './blob-list.js';

const ID_BYTES = 32;

function listOf(ids: readonly Buffer[]): Pick<BlobList, 'parts'> {
  const cutter = new BlobListCutter();
  for (const id of ids) cutter.add(id);
  return cutter.finish();
}

function idsOf(list: Pick<BlobList, 'parts'>): string[] {
  const ids: string[] = [];
  eachId(list, (id) => ids.push(id.toString('hex')));
  return ids;
}

/** Deterministic and unlike each other. */
function manyIds(count: number, name = 'disk'): Buffer[] {
  return Array.from({ length: count }, (_, at) => createHash('sha256').update(`${name} ${at}`).digest());
}

const marked = Buffer.alloc(ID_BYTES, 9).fill(0, ID_BYTES - 4);

describe('A list of blobs, cut into parts', () => {
  test('gives the ids back in their order, whatever they are', () => {
    const id = fc.oneof(
      fc.constant(marked),
      fc.constant(Buffer.alloc(ID_BYTES, 1)),
      fc.uint8Array({ minLength: ID_BYTES, maxLength: ID_BYTES }).map((bytes) => Buffer.from(bytes)),
    );
    const run = fc.tuple(id, fc.oneof(fc.nat(3), fc.integer({ min: 8_000, max: 20_000 })));
    fc.assert(
      fc.property(fc.array(run, { maxLength: 6 }), (runs) => {
        const ids = runs.flatMap(([each, count]) => Array<Buffer>(count).fill(each));
        const list = listOf(ids);
        expect(idsOf(list)).toStrictEqual(ids.map((each) => each.toString('hex')));
        for (const { hash, ids: all } of list.parts) {
          expect(all.byteLength).toBeGreaterThan(0);
          expect(createHash('sha256').update(all).digest('hex')).toBe(hash);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('has nearly all parts in common with the list of a disk that was changed a little', () => {
    const ids = manyIds(100_000);
    const changed = ids.toSpliced(50_000, 3, ...manyIds(5, 'changed'));
    const [before, after] = [listOf(ids).parts, listOf(changed).parts];
    const known = new Set(before.map(({ hash }) => hash));
    expect(before.length).toBeGreaterThan(20);
    expect(after.filter(({ hash }) => !known.has(hash)).length).toBeLessThanOrEqual(3);
  });

  test('keeps zeros once, however many there are', () => {
    for (const zero of [
      createHash('sha256')
        .update(Buffer.alloc(512 * 1024))
        .digest(),
      marked,
    ]) {
      const list = listOf([...manyIds(10), ...Array<Buffer>(100_000).fill(zero), ...manyIds(10)]);
      expect(new Set(list.parts.map(({ hash }) => hash)).size).toBeLessThanOrEqual(4);
      expect(new Set(list.parts.map(({ ids }) => ids)).size).toBeLessThanOrEqual(4);
    }
  });

  test('refuses a part that is no list of ids', () => {
    const list = { parts: [{ hash: 'ab', ids: randomBytes(ID_BYTES + 1) }] };
    expect(() => idsOf(list)).toThrow(expect.objectContaining({ code: 'REPOSITORY_DAMAGED' }));
  });
});
