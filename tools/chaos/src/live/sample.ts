import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { initRepository } from '@landfall/repository/quick-repository';

/*
 * The machine that is restored again and again: three disks with a few MiB of data, backed up once by the real restic.
 * One disk is two segments long, with a hole between its first and last bytes; one does not end at a whole MiB.
 */
const run = promisify(execFile);
const MIB = 1024 * 1024;
/** Looked for in logs and in Redis afterwards: it must be nowhere. */
export const CANARY = `canary-${randomBytes(12).toString('hex')}`;

export interface SampleDisk {
  /** As the restore point names it. */
  readonly name: string;
  readonly path: string;
}

export interface Sample {
  readonly repository: string;
  readonly password: string;
  readonly disks: readonly SampleDisk[];
}

export interface Shape {
  readonly name: string;
  readonly sizeBytes: number;
  readonly data: readonly { readonly at: number; readonly bytes: number }[];
}

export const SMALL: readonly Shape[] = [
  { name: 'a-os', sizeBytes: 16 * MIB, data: [{ at: 0, bytes: 3 * MIB }] },
  {
    name: 'b-data',
    sizeBytes: 200 * MIB,
    data: [
      { at: 0, bytes: 2 * MIB },
      { at: 190 * MIB, bytes: 2 * MIB },
    ],
  },
  { name: 'c-data', sizeBytes: 5 * MIB + 7 * 512, data: [{ at: MIB, bytes: 4 * MIB + 7 * 512 }] },
];

/** The least that is a machine: for restores by the hundred. */
export const ONE_DISK = SMALL.slice(0, 1);

/** One disk that takes a while: for faults that somebody causes by hand. */
export function bigShape(sizeMib: number): readonly Shape[] {
  return [{ name: 'big', sizeBytes: sizeMib * MIB, data: [{ at: 0, bytes: sizeMib * MIB }] }];
}

export async function makeSample(folder: string, shapes: readonly Shape[] = SMALL): Promise<Sample> {
  const images = join(folder, 'images');
  await mkdir(images, { recursive: true });
  const disks: SampleDisk[] = [];
  for (const shape of shapes) {
    const path = join(images, `${shape.name}.raw`);
    await writeImage(path, shape);
    disks.push({ name: shape.name, path });
  }
  const repository = join(folder, 'repository');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${CANARY}\n`, { mode: 0o600 });
  const env = { ...process.env, RESTIC_REPOSITORY: repository, RESTIC_PASSWORD_FILE: passwordFile };
  await initRepository(repository, CANARY);
  const names = shapes.map((shape) => `${shape.name}.raw`);
  await run('restic', ['backup', '--quiet', '--compression', 'off', ...names], { env, cwd: images });
  return { repository, password: CANARY, disks };
}

async function writeImage(path: string, shape: Shape): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.truncate(shape.sizeBytes);
    for (const { at, bytes } of shape.data) {
      for (let done = 0; done < bytes; done += MIB) {
        const piece = randomBytes(Math.min(MIB, bytes - done));
        await file.write(piece, 0, piece.length, at + done);
      }
    }
  } finally {
    await file.close();
  }
}
