import { describe, expect, it } from '@jest/globals';
import { readRecordedImages, type SparseImage } from '@landfall/testing';
import fc from 'fast-check';
import { NOT_NAMED, RANGE_HOLDS, type ByteRange, type ByteReader, type RangePart } from '@landfall/domain';
import { DamagedReader } from './damaged-reader.fixture.test.js';
import { whatLiesIn } from './what-lies-in.js';

const images = readRecordedImages<object>(new URL('../../fixtures/images.json', import.meta.url));
const MIB = 1024 * 1024;
const machine = (): SparseImage => images.get('uefi-machine')!.image();
/** Where its partitions were put. */
const ESP = { offset: MIB, length: 34 * MIB };
const ROOT = { offset: 35 * MIB, length: 44 * MIB };

async function partsOf(disk: ByteReader, range: ByteRange): Promise<readonly RangePart[]> {
  const [one] = await whatLiesIn(disk, [range]);
  return one!.parts;
}

/** The first sector from there on that holds this text. */
function sectorOf(image: SparseImage, text: string, from = 0): ByteRange {
  const sector = image.written.find((one) => one * 512 >= from && image.peek(one * 512, 512).indexOf(text) !== -1);
  return { offset: sector! * 512, length: 512 };
}

const part = (changes: Partial<RangePart>): Partial<RangePart> => ({
  ...{ partition: null, logicalVolume: null, content: null, files: [], moreFiles: 0, notNamed: null },
  ...changes,
});

describe('what lies in a range of a disk', () => {
  it('is a file of a partition', async () => {
    const image = machine();
    const file = sectorOf(image, 'PRETTY_NAME', ROOT.offset);
    const [one] = await partsOf(image, file);
    expect(one).toMatchObject({ ...file, content: 'ext4', holds: ['files'], files: ['/usr/lib/os-release'] });
    expect(one!.partition!.number).toBe(2);
    const loader = sectorOf(image, 'MZ loader');
    expect(await partsOf(image, loader)).toStrictEqual([
      part({
        ...{ ...loader, partition: { number: 1, typeName: 'EFI system' }, content: 'vfat', holds: ['files'] },
        files: ['/EFI/BOOT/BOOTX64.EFI'],
      }),
    ]);
  });

  it('is told part by part where it reaches over several, and with what lies between them', async () => {
    const parts = await partsOf(machine(), { offset: 0, length: 80 * MIB });
    expect(parts.map(({ holds, partition }) => [partition?.number ?? null, ...holds])).toStrictEqual([
      [null, 'partition-table'],
      [null, 'unpartitioned'],
      [1, 'structures', 'files', 'free'],
      [2, 'structures', 'files', 'free'],
      [null, 'unpartitioned'],
      [null, 'partition-table'],
    ]);
    expect(parts.reduce((sum, { length }) => sum + length, 0)).toBe(80 * MIB);
  });

  it('is told from the second table where the first is damaged', async () => {
    const image = machine();
    const start = { offset: 0, length: MIB };
    const file = sectorOf(image, 'PRETTY_NAME', ROOT.offset);
    const told = await whatLiesIn(new DamagedReader(image, [start]), [start, file]);
    expect(told[0]!.parts[0]).toMatchObject({ holds: ['partition-table'], partition: null });
    expect(told[1]!.parts[0]).toMatchObject({ files: ['/usr/lib/os-release'] });
  });

  it('is not known where the file system’s beginning is damaged', async () => {
    const image = machine();
    const damaged = { offset: ROOT.offset, length: MIB };
    const [one] = await partsOf(new DamagedReader(image, [damaged]), damaged);
    expect(one).toMatchObject({ content: null, holds: ['unknown'], notNamed: 'damaged' });
  });

  it('is a file of a logical volume', async () => {
    const image = images.get('pv1')!.image();
    const [root] = await partsOf(image, sectorOf(image, 'lost+found'));
    expect(root).toMatchObject({ logicalVolume: 'vg0/root', content: 'ext4', holds: ['files'], files: ['/'] });
    const [head, ...others] = await partsOf(image, { offset: 0, length: image.sizeBytes });
    expect(head).toMatchObject({ offset: 0, content: 'LVM2_member', holds: ['volume-group'] });
    expect(others.map(({ logicalVolume }) => logicalVolume)).toContain('vg0/root');
    expect([head!, ...others].reduce((sum, { length }) => sum + length, 0)).toBe(image.sizeBytes);
  });

  it('is what it is where files are not read, or there are none', async () => {
    const of = async (name: string) => (await partsOf(images.get(name)!.image(), { offset: 2 * MIB, length: MIB }))[0];
    expect(await of('xfs')).toMatchObject({ content: 'xfs', holds: ['unknown'], notNamed: 'not-read' });
    expect(await of('ntfs')).toMatchObject({ content: 'ntfs', holds: ['unknown'], notNamed: 'not-read' });
    expect(await of('luks2')).toMatchObject({ content: 'crypto_LUKS', holds: ['unknown'], notNamed: 'closed' });
    expect(await of('swap')).toMatchObject({ content: 'swap', holds: ['swap'], notNamed: null });
    expect(await of('gpt')).toMatchObject({ content: null, holds: ['unknown'], notNamed: 'unknown' });
  });

  it('is free where nothing was written, in FAT of each width', async () => {
    for (const name of ['fat12', 'fat16', 'fat32']) {
      const image = images.get(name)!.image();
      const [one] = await partsOf(image, { offset: image.sizeBytes - 64 * 1024, length: 64 * 1024 });
      expect(one).toMatchObject({ content: 'vfat', holds: ['free'], files: [], notNamed: null });
    }
  });

  it('is not called free where the FAT is damaged that would say so', async () => {
    const image = machine();
    // Behind the boot sector's own 4 KiB, without which it would be no FAT at all.
    const fats = { offset: ESP.offset + 4096, length: 256 * 1024 };
    const end = { offset: ESP.offset + ESP.length - MIB, length: 4096 };
    const [one] = await partsOf(new DamagedReader(image, [fats]), end);
    expect(one).toMatchObject({ content: 'vfat', holds: ['unknown'], notNamed: 'damaged' });
  });

  it('ends where the disk ends', async () => {
    const [one] = await whatLiesIn(machine(), [{ offset: 79.5 * MIB, length: 10 * MIB }]);
    expect(one).toMatchObject({ offset: 79.5 * MIB, length: 0.5 * MIB });
    expect(await whatLiesIn(machine(), [{ offset: 1e15, length: 1 }])).toMatchObject([{ length: 0, parts: [] }]);
  });

  it('is looked for within the allowance, and told as far as it was found', async () => {
    const range = { offset: 0, length: 80 * MIB };
    for (let steps = 0; steps < 400; steps += 13) {
      const allowance = { bytes: 8 * MIB, steps, milliseconds: Infinity };
      const [one] = await whatLiesIn(machine(), [range], { allowance });
      expect(one!.parts.length).toBeGreaterThan(0);
    }
    let now = 0;
    const [late] = await whatLiesIn(machine(), [range], {
      allowance: { bytes: MIB, steps: 1e6, milliseconds: 3 },
      now: () => (now += 1),
    });
    expect(late!.parts.some(({ notNamed }) => notNamed === 'too-much')).toBe(true);
  });

  it('is called off with its signal', async () => {
    const signal = AbortSignal.abort(new Error('called off'));
    await expect(whatLiesIn(machine(), [ROOT], { signal })).rejects.toThrow('called off');
  });

  it('is answered whatever the bytes are, and whatever of them can’t be read', async () => {
    const sources = ['uefi-machine', 'pv1', 'mbr-logical', 'fat12', 'fat32', 'ext2'].map((name) => images.get(name)!);
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(511), fc.uint8Array({ minLength: 1, maxLength: 8 })), {
      maxLength: 30,
    });
    const holes = fc.array(fc.nat(80 * MIB), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sources),
        damage,
        holes,
        fc.nat(80 * MIB),
        async (source, changes, at, from) => {
          const image = source.image();
          const { written } = image;
          for (const [which, byte, bytes] of changes) image.write(written[which % written.length]! * 512 + byte, bytes);
          const disk = new DamagedReader(
            image,
            at.map((offset) => ({ offset, length: 8192 })),
          );
          image.bytesRead = 0;
          const ranges = [
            { offset: from, length: MIB },
            { offset: 0, length: 80 * MIB },
          ];
          const allowance = { bytes: 16 * MIB, steps: 20_000, milliseconds: Infinity };
          const told = await whatLiesIn(disk, ranges, { allowance });
          expect(image.bytesRead).toBeLessThanOrEqual(16 * MIB);
          for (const { offset, length, parts, moreParts } of told) {
            expect(length === 0 || parts.length > 0).toBe(true);
            if (moreParts === 0) expect(parts.reduce((sum, one) => sum + one.length, 0)).toBe(length);
            for (const one of parts) {
              expect(one.offset >= offset && one.offset + one.length <= offset + length).toBe(true);
              expect(RANGE_HOLDS).toEqual(expect.arrayContaining([...one.holds]));
              expect([null, ...NOT_NAMED]).toContain(one.notNamed);
              expect(one.files.length).toBeLessThanOrEqual(20);
              expect(one.moreFiles).toBeGreaterThanOrEqual(0);
              expect(one.files.join('')).not.toMatch(/[\p{Cc}\p{Cs}]/u);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
