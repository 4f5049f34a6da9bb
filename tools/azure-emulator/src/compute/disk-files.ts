import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
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

  has(uniqueId: string): boolean {
    return existsSync(this.path(uniqueId));
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

  /** A copy that has its name at once; see `freeze`. */
  async copy(sourcePath: string, uniqueId: string, sizeBytes: number): Promise<void> {
    await this.freeze(sourcePath, uniqueId, sizeBytes);
    await this.settle(uniqueId);
  }

  /**
   * Keeps what the source holds now, holes kept, grown to `sizeBytes`: shared with the source where the file system can
   * do that, a sparse copy elsewhere. It has no name until it is settled, and is swept away if nobody came to know it.
   */
  async freeze(sourcePath: string, uniqueId: string, sizeBytes: number): Promise<void> {
    const frozen = this.frozenPath(uniqueId);
    await promisify(execFile)('cp', ['--sparse=always', '--reflink=auto', '--', sourcePath, frozen]);
    if (statSync(frozen).size !== sizeBytes) await truncate(frozen, sizeBytes);
  }

  /** Gives a frozen copy its name; one that has it already stays as it is. */
  async settle(uniqueId: string): Promise<void> {
    if (existsSync(this.frozenPath(uniqueId))) await rename(this.frozenPath(uniqueId), this.path(uniqueId));
  }

  /** Removes the copies that were being made when the emulator was killed. */
  sweep(isKnown: (uniqueId: string) => boolean): void {
    for (const name of readdirSync(this.directory)) {
      const uniqueId = /^(.+)\.raw\.part$/.exec(name)?.[1];
      if (uniqueId !== undefined && !isKnown(uniqueId)) rmSync(this.frozenPath(uniqueId), { force: true });
    }
  }

  async remove(uniqueId: string): Promise<void> {
    await rm(this.path(uniqueId), { force: true });
    await rm(this.frozenPath(uniqueId), { force: true });
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

  private frozenPath(uniqueId: string): string {
    return `${this.path(uniqueId)}.part`;
  }
}
