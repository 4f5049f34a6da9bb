import { createHash } from 'node:crypto';
import { Secret, type BackupRepository, type ByteRange, type DiscoveredPoint, type DiskSource } from '@landfall/domain';
import { openRepository } from '@landfall/repository';
import { HANDMADE_PASSWORD, HandmadeRepository } from '@landfall/repository/handmade-repository';
import { MemoryFileStore } from '@landfall/testing';
import { seededRandom } from '../../matrix/seeded.js';
import { faultsOfMessage } from '../judge.js';
import type { Reading } from '../target.js';

/*
 * A small restic repository with one machine of two disks, and what the product makes of one that was tampered with below
 * its encryption: opened, searched, and the disks read.
 */
export type Files = Readonly<Record<string, Buffer>>;

export const DISKS: Readonly<Record<string, Buffer>> = {
  'sda.raw': Buffer.concat([numbered(1_500), Buffer.alloc(2_000), numbered(96)]),
  'sdb.raw': Buffer.alloc(1_024, 'landfall '),
};

/** Every `machine.json` names these. */
export const MANIFEST = {
  schema: 'landfall.machine/1',
  name: 'db01',
  kind: 'computer',
  level: 'computer',
  os: { family: 'linux', name: 'Debian 12' },
  firmware: 'bios',
  takenAt: '2026-03-04T05:00:00Z',
  disks: [
    { file: 'sda.raw', name: 'sda', role: 'os', lun: 0, sizeBytes: 3_596, volumes: [1, 2] },
    { file: 'sdb.raw', role: 'data', lun: 1, sku: 'Premium_LRS', caching: 'ReadOnly' },
  ],
  azure: { vmId: '6f6c0a3c-0000-4000-8000-000000000001', tags: { a: 'b' } },
};

/** The same bytes each time: a run has to be the same in every process. */
export function handmade(version = 2): HandmadeRepository {
  const random = seededRandom(version);
  return new HandmadeRepository(version, (bytes) =>
    Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256))),
  );
}

export function wholeRepository(version = 2): HandmadeRepository {
  const made = handmade(version);
  const files = { ...DISKS, 'machine.json': Buffer.from(JSON.stringify(MANIFEST)) };
  made.backUp(files, { tags: ['landfall-point=p1'], paths: ['/srv'] }, 512);
  made.writeIndex();
  return made;
}

/** The files without those of a directory, and one new one, which is named by its contents. */
export function withFile(files: Files, directory: string, bytes: Buffer): Files {
  const kept = Object.entries(files).filter(([path]) => !path.startsWith(`${directory}/`));
  return { ...Object.fromEntries(kept), [`${directory}/${sha256(bytes)}`]: bytes };
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const MOST_BYTES_READ = 1024 * 1024;

/**
 * @param genuine the disks' contents are the backed-up ones, or are not given out
 */
export async function readRepository(files: Files, { genuine }: { genuine: boolean }): Promise<Reading> {
  const store = new MemoryFileStore(files);
  const access = { kind: 'restic', store, password: new Secret(HANDMADE_PASSWORD), threads: 0 } as const;
  const repository = await openRepository(access);
  try {
    const { points, skipped } = await repository.discover();
    const faults = skipped.flatMap(({ why }) => faultsOfMessage(why));
    for (const point of points.slice(0, 4)) {
      faults.push(...faultsOfPoint(point));
      for (const disk of point.disks.slice(0, 4)) {
        faults.push(...(await faultsOfDisk(repository, disk.location, disk.sizeBytes, genuine)));
      }
    }
    const sound = points.every((point) => point.problems.every((problem) => problem.severity !== 'error'));
    return { accepted: points.length > 0 && skipped.length === 0 && sound, faults };
  } finally {
    await repository.close();
  }
}

function faultsOfPoint(point: DiscoveredPoint): string[] {
  const faults = point.problems.flatMap(({ message }) => faultsOfMessage(message));
  if (Number.isNaN(point.takenAt.getTime())) faults.push('a point was taken at no time');
  if (new Set(point.disks.map((disk) => disk.name)).size < point.disks.length) faults.push('two disks have one name');
  return faults;
}

async function faultsOfDisk(
  repository: BackupRepository,
  location: string,
  sizeBytes: number,
  genuine: boolean,
): Promise<string[]> {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return [`a disk has ${sizeBytes} bytes`];
  const disk = await repository.openDisk(location);
  try {
    const faults = faultsOfExtents(disk.extents(), disk.sizeBytes);
    if (disk.sizeBytes > MOST_BYTES_READ) return faults;
    const bytes = await disk.read(0, disk.sizeBytes);
    if (!(await fromPieces(disk)).equals(bytes)) faults.push('the pieces of a disk are not what its bytes are');
    if (genuine && !Object.values(DISKS).some((contents) => contents.equals(bytes))) {
      faults.push('a disk was given out with other bytes than were backed up');
    }
    return faults;
  } finally {
    await disk.close();
  }
}

async function fromPieces(disk: DiskSource): Promise<Buffer> {
  const whole = Buffer.alloc(disk.sizeBytes);
  for await (const piece of disk.pieces({ offset: 0, length: disk.sizeBytes })) whole.set(piece.bytes, piece.offset);
  return whole;
}

/** Ascending, neither empty, overlapping nor past the end. */
function faultsOfExtents(extents: readonly ByteRange[], sizeBytes: number): string[] {
  let end = 0;
  for (const { offset, length } of extents) {
    if (!(offset >= end && length > 0 && offset + length <= sizeBytes)) {
      return [`the extent of ${length} bytes at ${offset} of ${sizeBytes} overlaps another one, or is none`];
    }
    end = offset + length;
  }
  return [];
}

function numbered(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
}
