import { describe, expect, it } from '@jest/globals';
import { readRecordedImages, type SparseImage } from '@landfall/testing';
import fc from 'fast-check';
import type { ByteRange, ByteReader } from '@landfall/domain';
import { type Allowance, Care, CarefulReader } from '../occupants/careful-reader.js';
import type { Occupants } from '../occupants/claims.js';
import { DamagedReader } from '../occupants/damaged-reader.fixture.test.js';
import { WindowReader } from '../readers.js';
import { extOccupants } from './ext-occupants.js';

const images = readRecordedImages<object>(new URL('../../fixtures/images.json', import.meta.url));
const MIB = 1024 * 1024;
const ALLOWANCE: Allowance = { bytes: 32 * MIB, steps: 20_000, milliseconds: Infinity };
const machine = (): SparseImage => images.get('uefi-machine')!.image();
/** Where its file system was put. */
const ROOT = { offset: 35 * MIB, length: 44 * MIB };
const root = (image: ByteReader): ByteReader => new WindowReader(image, ROOT.offset, ROOT.length);

function occupantsOf(
  reader: ByteReader,
  ranges: readonly ByteRange[],
  allowance = ALLOWANCE,
): Promise<readonly Occupants[]> {
  const care = new Care(allowance);
  return extOccupants(new CarefulReader(reader, care), ranges, care);
}

/** Of the sector, within the file system, that holds this text. */
function placeOf(image: SparseImage, text: string): ByteRange {
  const sector = image.written.find(
    (one) => one * 512 >= ROOT.offset && image.peek(one * 512, 512).indexOf(text) !== -1,
  );
  return { offset: sector! * 512 - ROOT.offset, length: 512 };
}

function inodeTableOf(image: SparseImage): ByteRange {
  return blockNamedAt(image, 8, 4096);
}

function bitmapOf(image: SparseImage): ByteRange {
  return blockNamedAt(image, 0, 1024);
}

/** By the first group's descriptor. */
function blockNamedAt(image: SparseImage, field: number, length: number): ByteRange {
  const superblock = image.peek(ROOT.offset + 1024, 1024);
  const blockBytes = 1024 << superblock.readUInt32LE(0x18);
  const descriptor = image.peek(ROOT.offset + Math.max(2048, blockBytes), 32);
  return { offset: descriptor.readUInt32LE(field) * blockBytes, length };
}

describe('whose a range of an ext file system is', () => {
  it('is told by the path of its file', async () => {
    const image = machine();
    const [one] = await occupantsOf(root(image), [placeOf(image, 'PRETTY_NAME')]);
    expect(one).toStrictEqual({ holds: ['files'], files: ['/usr/lib/os-release'], moreFiles: 0, notNamed: null });
  });

  it('is told by the path of its folder', async () => {
    const image = machine();
    const [one] = await occupantsOf(root(image), [placeOf(image, 'lost+found')]);
    expect(one).toMatchObject({ holds: ['files'], files: ['/'], notNamed: null });
  });

  it('is told although the range itself is damaged', async () => {
    const image = machine();
    const place = placeOf(image, 'PRETTY_NAME');
    const [one] = await occupantsOf(new DamagedReader(root(image), [place]), [place]);
    expect(one).toMatchObject({ files: ['/usr/lib/os-release'], notNamed: null });
  });

  it('is told as far as it is known where a folder above the file is damaged', async () => {
    const image = machine();
    const place = placeOf(image, 'PRETTY_NAME');
    const [usr] = await occupantsOf(new DamagedReader(root(image), [placeOf(image, 'lost+found')]), [place]);
    expect(usr!.files).toStrictEqual(['…/lib/os-release']);
  });

  it('is not known where the inodes are damaged, which are told to be the file system’s own', async () => {
    const image = machine();
    const table = inodeTableOf(image);
    const reader = new DamagedReader(root(image), [table]);
    const [file, own] = await occupantsOf(reader, [placeOf(image, 'PRETTY_NAME'), table]);
    expect(file).toStrictEqual({ holds: ['unknown'], files: [], moreFiles: 0, notNamed: 'damaged' });
    expect(own).toStrictEqual({ holds: ['structures'], files: [], moreFiles: 0, notNamed: null });
  });

  it('is not called free where the bitmap is damaged that would say so', async () => {
    const image = machine();
    const free = { offset: 8 * MIB - MIB / 2, length: 4096 };
    const [whole] = await occupantsOf(root(image), [free]);
    expect(whole).toMatchObject({ holds: ['free'], notNamed: null });
    const [damaged] = await occupantsOf(new DamagedReader(root(image), [bitmapOf(image)]), [free]);
    expect(damaged).toMatchObject({ holds: ['unknown'], notNamed: 'damaged' });
  });

  it('is not known where the superblock is damaged, or has features that are not read', async () => {
    const image = machine();
    const place = placeOf(image, 'PRETTY_NAME');
    const [damaged] = await occupantsOf(new DamagedReader(root(image), [{ offset: 1024, length: 1 }]), [place]);
    expect(damaged).toMatchObject({ files: [], notNamed: 'damaged' });
    image.write(ROOT.offset + 1024 + 0x61, Buffer.from([0x80]));
    const [unread] = await occupantsOf(root(image), [place]);
    expect(unread).toMatchObject({ files: [], notNamed: 'not-read' });
  });

  it('is not looked for beyond the allowance', async () => {
    const image = machine();
    const place = placeOf(image, 'PRETTY_NAME');
    for (let steps = 0; steps < 200; steps += 7) {
      const [one] = await occupantsOf(root(image), [place], { ...ALLOWANCE, steps });
      if (one!.notNamed === null) expect(one!.files).toStrictEqual(['/usr/lib/os-release']);
      else expect(one).toMatchObject({ files: [], notNamed: 'too-much' });
    }
    const [enough] = await occupantsOf(root(image), [place], { ...ALLOWANCE, steps: 2_000 });
    expect(enough!.notNamed).toBe(null);
  });

  it('is looked for until the call is called off, and fails with what else is wrong with the reader', async () => {
    const image = machine();
    const care = new Care(ALLOWANCE, AbortSignal.abort(new Error('called off')));
    const ranges = [{ offset: 0, length: MIB }];
    await expect(extOccupants(new CarefulReader(root(image), care), ranges, care)).rejects.toThrow('called off');
    const away: ByteReader = { sizeBytes: ROOT.length, read: () => Promise.reject(new Error('the network is away')) };
    await expect(occupantsOf(away, ranges)).rejects.toThrow('the network is away');
  });

  it('is answered whatever is damaged, within the allowance', async () => {
    const written = machine().written.filter((sector) => sector * 512 >= ROOT.offset);
    const damage = fc.array(
      fc.tuple(fc.constantFrom(...written), fc.nat(511), fc.uint8Array({ minLength: 1, maxLength: 4 })),
      { minLength: 1, maxLength: 30 },
    );
    const unreadable = fc.array(fc.nat(ROOT.length - 4096), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(damage, unreadable, fc.nat(40 * MIB), async (changes, holes, offset) => {
        const image = machine();
        for (const [sector, at, bytes] of changes) image.write(sector * 512 + at, bytes);
        image.bytesRead = 0;
        const reader = new DamagedReader(
          root(image),
          holes.map((hole) => ({ offset: hole, length: 4096 })),
        );
        const told = await occupantsOf(reader, [
          { offset, length: MIB },
          { offset: 0, length: 4 * MIB },
        ]);
        expect(told.length).toBe(2);
        for (const { files } of told) expect(files.join('')).not.toMatch(/\p{Cc}/u);
        expect(image.bytesRead).toBeLessThanOrEqual(ALLOWANCE.bytes);
      }),
      { numRuns: 200 },
    );
  });
});
