import { execFile } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { open, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The bytes of managed disks and snapshots: sparse files named by the disk's `uniqueId`. */
export class DiskFiles {
  private readonly directory: string;

  constructor(dataDirectory: string) {
    this.directory = join(dataDirectory, 'disks');
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
  }

  path(uniqueId: string): string {
    return join(this.directory, `${uniqueId}.raw`);
  }

  /** All zeros; a file that is there already keeps its content. */
  async create(uniqueId: string, sizeBytes: number): Promise<void> {
    const file = await open(this.path(uniqueId), 'a', 0o600);
    try {
      await file.truncate(sizeBytes);
    } finally {
      await file.close();
    }
  }

  async resize(uniqueId: string, sizeBytes: number): Promise<void> {
    await truncate(this.path(uniqueId), sizeBytes);
  }

  /** A copy at this moment, holes kept, grown to `sizeBytes`; it appears under its name when it is whole. */
  async copy(sourcePath: string, uniqueId: string, sizeBytes: number): Promise<void> {
    const temporary = `${this.path(uniqueId)}.part`;
    await promisify(execFile)('cp', ['--sparse=always', '--reflink=auto', '--', sourcePath, temporary]);
    if (statSync(temporary).size !== sizeBytes) await truncate(temporary, sizeBytes);
    await rename(temporary, this.path(uniqueId));
  }

  async remove(uniqueId: string): Promise<void> {
    await rm(this.path(uniqueId), { force: true });
    await rm(`${this.path(uniqueId)}.part`, { force: true });
  }

  async read(uniqueId: string, offset: number, length: number): Promise<Buffer> {
    const file = await open(this.path(uniqueId), 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }
}
