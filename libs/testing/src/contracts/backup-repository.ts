import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PermanentError, type BackupRepository, type ByteRange, type DiskSource } from '@landfall/domain';
import fc from 'fast-check';

export interface BackupRepositorySubject {
  /** A repository with one restore point whose disks are these: name → contents. */
  make(disks: Readonly<Record<string, Buffer>>): Promise<{ repository: BackupRepository; dispose(): Promise<void> }>;
  /** A location that is well formed and names nothing in the repository. */
  readonly unknownLocation: string;
}

const MIB = 1024 * 1024;

/** Registers the tests that every BackupRepository and its DiskSources have to pass; `name` heads them. */
export function backupRepositoryContract(name: string, subject: BackupRepositorySubject): void {
  describe(`${name} as a BackupRepository`, () => {
    const mixed = mixedDisk(9 * MIB + 4321);
    const disks = { mixed, zeros: Buffer.alloc(3 * MIB), tiny: Buffer.from([0, 0, 7]) };
    let repository: BackupRepository;
    let dispose: () => Promise<void>;
    const withDisk = async (disk: keyof typeof disks, use: (source: DiskSource) => Promise<void>) => {
      const { points } = await repository.discover();
      const location = points[0]!.disks.find((candidate) => candidate.name === disk)!.location;
      const source = await repository.openDisk(location);
      try {
        await use(source);
      } finally {
        await source.close();
      }
    };

    beforeAll(async () => ({ repository, dispose } = await subject.make(disks)));
    afterAll(() => dispose());

    test('finds the point with its disks and their sizes', async () => {
      const { points, skipped } = await repository.discover();
      expect(points.length).toBe(1);
      expect(skipped).toStrictEqual([]);
      const sizes = points[0]!.disks.map((disk) => [disk.name, disk.sizeBytes] as const);
      expect(Object.fromEntries(sizes)).toStrictEqual({ mixed: mixed.length, zeros: 3 * MIB, tiny: 3 });
    });

    test('gives the same references and locations each time', async () => {
      const [first, second] = [await repository.discover(), await repository.discover()];
      expect(first.points[0]!.reference).toStrictEqual(second.points[0]!.reference);
      expect(first.points[0]!.disks).toStrictEqual(second.points[0]!.disks);
    });

    test('gives a whole disk as pieces; what no piece covers is zero', async () => {
      for (const disk of ['mixed', 'zeros', 'tiny'] as const) {
        await withDisk(disk, async (source) => {
          const whole = await assembled(source, { offset: 0, length: source.sizeBytes });
          assert.ok(whole.equals(disks[disk]), disk);
        });
      }
    });

    test('gives any range as pieces that lie in it and do not overlap', () =>
      withDisk('mixed', (source) =>
        fc.assert(
          fc.asyncProperty(ranges(mixed.length), async (range) => {
            const bytes = await assembled(source, range);
            return bytes.equals(mixed.subarray(range.offset, range.offset + range.length));
          }),
          { numRuns: 30 },
        ),
      ));

    test('reads any range', () =>
      withDisk('mixed', (source) =>
        fc.assert(
          fc.asyncProperty(ranges(mixed.length), async ({ offset, length }) =>
            (await source.read(offset, length)).equals(mixed.subarray(offset, offset + length)),
          ),
          { numRuns: 50 },
        ),
      ));

    test('answers several readers at once', () =>
      withDisk('mixed', async (source) => {
        const starts = [0, MIB, 2 * MIB, 3 * MIB + 7];
        const read = await Promise.all(starts.map((offset) => assembled(source, { offset, length: 2 * MIB })));
        read.forEach((bytes, index) => {
          expect(bytes.equals(mixed.subarray(starts[index]!, starts[index]! + 2 * MIB))).toBe(true);
        });
      }));

    test('names extents in ascending order, apart from each other, that hold all that is not zero', async () => {
      for (const disk of ['mixed', 'zeros', 'tiny'] as const) {
        await withDisk(disk, async (source) => {
          const rest = Buffer.from(disks[disk]);
          let end = -1;
          for (const { offset, length } of source.extents()) {
            assert.ok(offset > end && length > 0, 'ascending, not touching');
            end = offset + length;
            rest.fill(0, offset, end);
          }
          expect(end).toBeLessThanOrEqual(source.sizeBytes);
          assert.ok(rest.equals(Buffer.alloc(rest.length)), 'nothing but zeros outside of extents');
        });
      }
    });

    test('refuses a range that is not within the disk', () =>
      withDisk('tiny', async (source) => {
        await expect(source.read(2, 2)).rejects.toThrow();
        await expect(source.read(-1, 1)).rejects.toThrow();
        await expect(assembled(source, { offset: 0, length: 4 })).rejects.toThrow();
      }));

    test('stops handing out pieces once the signal is aborted', () =>
      withDisk('mixed', async (source) => {
        const abort = new AbortController();
        const consume = async () => {
          for await (const _ of source.pieces({ offset: 0, length: source.sizeBytes }, abort.signal)) abort.abort();
        };
        await assert.rejects(consume(), (error: Error) => error.name === 'AbortError');
      }));

    test('can be read again after a consumer left in the middle', () =>
      withDisk('mixed', async (source) => {
        for await (const piece of source.pieces({ offset: 0, length: source.sizeBytes })) {
          piece.release?.();
          break;
        }
        expect((await assembled(source, { offset: 0, length: source.sizeBytes })).equals(mixed)).toBe(true);
      }));

    test('leaves other pieces alone when one is given back, even twice', () =>
      withDisk('mixed', async (source) => {
        const kept: { offset: number; bytes: Uint8Array }[] = [];
        let number = 0;
        for await (const piece of source.pieces({ offset: 0, length: source.sizeBytes })) {
          if (number++ % 2 === 0) {
            piece.release?.();
            piece.release?.();
          } else kept.push(piece);
        }
        for (const { offset, bytes } of kept) {
          expect(Buffer.from(bytes).equals(mixed.subarray(offset, offset + bytes.byteLength))).toBe(true);
        }
      }));

    test('opens a disk by the list of its blobs, the same as by its location', async () => {
      const { points } = await repository.discover();
      for (const { name, location, sizeBytes } of points[0]!.disks) {
        const blobs = await repository.listBlobs(location);
        expect(await repository.listBlobs(location)).toStrictEqual(blobs);
        expect(blobs.sizeBytes).toBe(sizeBytes);
        for (const { hash, ids } of blobs.parts) {
          expect(createHash('sha256').update(ids).digest('hex')).toBe(hash);
          expect(ids.byteLength % 32).toBe(0);
        }
        const [listed, opened] = [await repository.openListed(location, blobs), await repository.openDisk(location)];
        expect(listed.sizeBytes).toBe(sizeBytes);
        expect(listed.extents()).toStrictEqual(opened.extents());
        const whole = await assembled(listed, { offset: 0, length: sizeBytes });
        assert.ok(whole.equals(disks[name as keyof typeof disks]), name);
        await Promise.all([listed.close(), opened.close()]);
      }
    });

    test('says REPOSITORY_DAMAGED for a list whose blobs are not there', async () => {
      const { points } = await repository.discover();
      const { location, sizeBytes } = points[0]!.disks[0]!;
      const ids = Buffer.alloc(64, 7);
      const blobs = { sizeBytes, trees: [], parts: [{ hash: createHash('sha256').update(ids).digest('hex'), ids }] };
      await assert.rejects(repository.openListed(location, blobs), hasCode('REPOSITORY_DAMAGED'));
    });

    test('says IMAGE_NOT_FOUND for a location that names nothing', async () => {
      for (const location of [subject.unknownLocation, 'nonsense']) {
        await assert.rejects(repository.openDisk(location), hasCode('IMAGE_NOT_FOUND'));
        await assert.rejects(repository.listBlobs(location), hasCode('IMAGE_NOT_FOUND'));
      }
    });
  });
}

/** The bytes of a range, put together from its pieces. */
async function assembled(source: DiskSource, range: ByteRange): Promise<Buffer> {
  const bytes = Buffer.alloc(range.length);
  const covered = Buffer.alloc(range.length);
  for await (const piece of source.pieces(range)) {
    const from = piece.offset - range.offset;
    const to = from + piece.bytes.byteLength;
    assert.ok(from >= 0 && to <= range.length && from < to, 'a piece lies in the range');
    assert.ok(!covered.subarray(from, to).includes(1), 'pieces do not overlap');
    covered.fill(1, from, to);
    bytes.set(piece.bytes, from);
    piece.release?.();
  }
  return bytes;
}

/** Unlike data, the same data again, and holes, with edges that are not aligned to anything. */
function mixedDisk(sizeBytes: number): Buffer {
  const disk = Buffer.alloc(sizeBytes);
  let state = 12345;
  const noise = (from: number, to: number) => {
    for (let at = from; at < to; at += 1) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      disk[at] = state >>> 23;
    }
  };
  noise(0, 70_001);
  noise(MIB + 13, 3 * MIB + 5);
  disk.copy(disk, 4 * MIB + 99, MIB + 13, 2 * MIB + 13);
  // Half a MiB that is there twice, and two islands in the zeros of another.
  disk.copy(disk, 5.5 * MIB, 2 * MIB, 2.5 * MIB);
  noise(6 * MIB + 1_000, 6 * MIB + 2_000);
  noise(6 * MIB + 300_000, 6 * MIB + 300_001);
  disk.fill('all alike ', 7 * MIB, 8 * MIB);
  noise(sizeBytes - 9, sizeBytes);
  return disk;
}

function ranges(sizeBytes: number): fc.Arbitrary<ByteRange> {
  return fc
    .tuple(fc.nat({ max: sizeBytes }), fc.oneof(fc.nat({ max: 5_000 }), fc.nat({ max: 3 * MIB })))
    .map(([offset, length]) => ({ offset, length: Math.min(length, sizeBytes - offset) }));
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof PermanentError && error.code === code;
}
