import { describe, expect, it } from '@jest/globals';
import { patchId, recipeOf, type BackupRepository, type Recipe } from '@landfall/domain';
import { MemoryDiskSource, MemoryDiskTarget } from '@landfall/testing';
import type { SegmentGrant } from '@landfall/transfer';
import fc from 'fast-check';
import { moveRange } from '../transfer/move.js';
import { verifyRange } from '../transfer/verify.js';
import { Sources } from './sources.js';

const KIB = 1024;
const IMAGE_BYTES = 64 * KIB;
const DISK_BYTES = 128 * KIB;
const WHOLE = { offset: 0, length: DISK_BYTES };
const signal = new AbortController().signal;

/** Every fourth KiB of an image is empty. */
function imageOf(value: number): Buffer {
  const bytes = Buffer.alloc(IMAGE_BYTES, value);
  for (let at = 0; at < IMAGE_BYTES; at += 4 * KIB) bytes.fill(0, at, at + KIB);
  return bytes;
}

const IMAGES: Readonly<Record<string, Buffer>> = { 'at/a': imageOf(1), 'at/b': imageOf(2) };

function sourcesOver(opened: string[]): Sources {
  return new Sources(async () => {
    const repository: Pick<BackupRepository, 'openDisk' | 'close'> = {
      openDisk: async (location) => {
        opened.push(location);
        return new MemoryDiskSource(IMAGES[location]!);
      },
      close: async () => undefined,
    };
    return repository as BackupRepository;
  });
}

function grantOf(recipe: Recipe, patches: readonly Buffer[]): SegmentGrant {
  return {
    ...{ segmentId: 's1', restoreId: 'r1', epoch: 1, purpose: 'move', verify: 'full' },
    ...{ offsetBytes: 0, lengthBytes: DISK_BYTES },
    repository: { kind: 'restic', store: { kind: 'folder', path: '/backups' }, password: null },
    recipe: { ...recipe, parts: [...recipe.parts] },
    images: ['a', 'b'].map((name) => ({ name, location: `at/${name}` })),
    patches: patches.map((bytes) => bytes.toString('base64')),
    target: { kind: 'lun', lun: 0, sizeBytes: DISK_BYTES },
  };
}

const specs = fc.array(
  fc.record({
    gap: fc.nat(3 * KIB),
    length: fc.integer({ min: 1, max: 12 * KIB }),
    offset: fc.nat(IMAGE_BYTES - 12 * KIB),
    from: fc.constantFrom('a', 'b', null),
  }),
  { minLength: 1, maxLength: 8 },
);

describe('what a segment is read from', () => {
  it('is composed as its grant says, so that it is written and found equal byte by byte', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (all) => {
        const patches: Buffer[] = [];
        const expected = Buffer.alloc(DISK_BYTES);
        let at = 0;
        const parts = all.map(({ gap, length, offset, from }, number) => {
          const bytes = from === null ? Buffer.alloc(length, 100 + number) : IMAGES[`at/${from}`]!.subarray(offset);
          if (from === null) patches.push(bytes);
          const part = { at: at + gap, length };
          expected.set(bytes.subarray(0, length), part.at);
          at = part.at + length;
          return { ...part, from: from === null ? { bytes: patchId(bytes) } : { image: from, offset } };
        });
        const grant = grantOf(recipeOf(DISK_BYTES, parts), patches);
        const target = new MemoryDiskTarget(DISK_BYTES, 512);
        const sources = sourcesOver([]);
        await sources.use(grant, (source) => moveRange(source, target, WHOLE, { signal }));
        expect((await target.read(0, DISK_BYTES)).equals(expected)).toBe(true);
        const verified = await sources.use(grant, (source) => verifyRange(source, target, WHOLE, 'full', 's1', signal));
        expect(verified.bytesCompared).toBe(DISK_BYTES);
        await sources.close();
      }),
      { numRuns: 50 },
    );
  });

  it('keeps its images open for the next segment', async () => {
    const opened: string[] = [];
    const sources = sourcesOver(opened);
    const grant = grantOf(recipeOf(DISK_BYTES, []), []);
    for (let time = 0; time < 2; time += 1) await sources.use(grant, async (source) => source.extents());
    expect(opened).toStrictEqual(['at/a', 'at/b']);
    await sources.close();
  });

  it('is refused when the bytes that came are not those that the recipe names', async () => {
    const patch = Buffer.from('boot code');
    const recipe = recipeOf(DISK_BYTES, [{ at: 0, length: patch.length, from: { bytes: patchId(patch) } }]);
    const grant = grantOf(recipe, [Buffer.from('boot cod3')]);
    const sources = sourcesOver([]);
    await expect(sources.use(grant, async () => undefined)).rejects.toMatchObject({ code: 'RECIPE_INVALID' });
    await sources.close();
  });
});
