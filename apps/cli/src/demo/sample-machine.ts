import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PermanentError } from '@landfall/domain';

/*
 * A small machine without any download: its first disk has a partition table and a real ext4 file system with files in
 * it, the others are data disks, in turn sparse with scattered data and dense. One of them does not end at a whole GiB,
 * or even MiB, as disks of physical computers do.
 */
const run = promisify(execFile);
const MIB = 1024 * 1024;
const SECTOR = 512;
const PARTITION_START = MIB;

export interface SampleDisk {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

/** @param count of disks, 1 or more */
export async function makeSampleMachine(folder: string, count: number): Promise<readonly SampleDisk[]> {
  const disks = [await systemDisk(folder, 384 * MIB)];
  for (let index = 1; index < count; index += 1) {
    const name = `disk-${index + 1}-${index % 2 === 1 ? 'sparse' : 'dense'}`;
    const path = join(folder, `${name}.raw`);
    const sizeBytes = index % 2 === 1 ? 1536 * MIB : 144 * MIB + 7 * SECTOR;
    const stretches: Stretch[] = index % 2 === 1 ? scattered(sizeBytes) : [{ offset: 0, length: sizeBytes }];
    await writeStretches(path, sizeBytes, stretches);
    disks.push({ name, path, sizeBytes });
  }
  return disks;
}

async function systemDisk(folder: string, sizeBytes: number): Promise<SampleDisk> {
  const name = 'disk-1-system';
  const path = join(folder, `${name}.raw`);
  const files = join(folder, 'files');
  for (const directory of ['etc', 'var/www', 'home/demo']) await mkdir(join(files, directory), { recursive: true });
  await writeFile(
    join(files, 'etc/os-release'),
    'ID=landfall-demo\nNAME="Landfall demo"\nPRETTY_NAME="Landfall demo 1"\n',
  );
  await writeFile(join(files, 'etc/fstab'), 'LABEL=demo-root / ext4 defaults 0 1\n');
  await writeFile(join(files, 'var/www/index.html'), '<h1>It was here before the fire.</h1>\n');
  for (let index = 0; index < 40; index += 1) {
    await writeFile(join(files, `home/demo/document-${index}.bin`), randomBytes(MIB));
  }

  await writeStretches(path, sizeBytes, []);
  const kibibytes = (sizeBytes - PARTITION_START) / 1024;
  const offset = `offset=${PARTITION_START}`;
  try {
    await run('mkfs.ext4', ['-q', '-F', '-L', 'demo-root', '-E', offset, '-d', files, path, `${kibibytes}k`]);
  } catch (cause) {
    throw new PermanentError(
      {
        code: 'SAMPLE_NOT_MADE',
        message: `The sample machine's file system could not be made: ${(cause as Error).message.trim()}`,
        fix: 'Install e2fsprogs (Debian: apt-get install e2fsprogs) and see that mkfs.ext4 is on PATH.',
      },
      { cause },
    );
  }
  const file = await open(path, 'r+');
  try {
    await file.write(partitionTable(sizeBytes), 0, SECTOR, 0);
  } finally {
    await file.close();
  }
  await rm(files, { recursive: true });
  return { name, path, sizeBytes };
}

/** A master boot record with one active Linux partition to the end of the disk, and no boot code. */
function partitionTable(sizeBytes: number): Buffer {
  const record = Buffer.alloc(SECTOR);
  const entry = record.subarray(446, 462);
  entry[0] = 0x80; // active
  entry.fill(0xff, 1, 4); // the old cylinder numbers are not used
  entry[4] = 0x83; // Linux
  entry.fill(0xff, 5, 8);
  entry.writeUInt32LE(PARTITION_START / SECTOR, 8);
  entry.writeUInt32LE((sizeBytes - PARTITION_START) / SECTOR, 12);
  record.writeUInt16BE(0x55aa, 510);
  return record;
}

interface Stretch {
  readonly offset: number;
  readonly length: number;
}

/** From the first byte to the last, and not at round places. */
function scattered(sizeBytes: number): Stretch[] {
  const length = 6 * MIB + 3 * SECTOR;
  const count = 8;
  return Array.from({ length: count }, (_, index) => ({
    offset: Math.floor(((sizeBytes - length) / SECTOR / (count - 1)) * index) * SECTOR,
    length,
  }));
}

/** Half of what is written can be compressed, as on most disks. */
async function writeStretches(path: string, sizeBytes: number, stretches: readonly Stretch[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.truncate(sizeBytes);
    for (const { offset, length } of stretches) {
      for (let done = 0; done < length; done += MIB) {
        const size = Math.min(MIB, length - done);
        const bytes = Buffer.alloc(size, `block ${offset + done} `);
        randomBytes(size >> 1).copy(bytes);
        await file.write(bytes, 0, size, offset + done);
      }
    }
  } finally {
    await file.close();
  }
}
