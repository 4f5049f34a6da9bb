import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ByteReader } from '@landfall/domain';
import { skip } from '@landfall/testing';

/*
 * Images made here and now by the tools of this machine, whatever their versions are. A tool that is missing leaves its
 * test out, with the reason.
 */
const run = promisify(execFile);
export const MIB = 1024 * 1024;
// The tools lie in sbin, which is not on every user's path.
const environment = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: '1' };

export const tool = (program: string, ...args: string[]) =>
  run(program, args, { env: environment, maxBuffer: 64 * MIB });

export async function needs(...programs: string[]): Promise<void> {
  for (const program of programs) {
    const found = await tool('which', program).then(
      () => true,
      () => false,
    );
    if (!found) skip(`${program} is not installed`);
  }
}

export class ImageFolder {
  private constructor(private readonly folder: string) {}

  static async make(): Promise<ImageFolder> {
    return new ImageFolder(await mkdtemp(join(tmpdir(), 'landfall-disk-')));
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  async blank(name: string, mib: number): Promise<string> {
    await writeFile(this.path(name), '');
    await truncate(this.path(name), mib * MIB);
    return this.path(name);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** A file of this size, read at random. */
export async function withImage<T>(path: string, use: (image: ByteReader) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await use(readerOf(file, (await file.stat()).size));
  } finally {
    await file.close();
  }
}

function readerOf(file: FileHandle, sizeBytes: number): ByteReader {
  return {
    sizeBytes,
    read: async (offset, length) => (await file.read(Buffer.alloc(length), 0, length, offset)).buffer,
  };
}
