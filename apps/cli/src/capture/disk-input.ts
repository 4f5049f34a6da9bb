import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openDisk, type OpenedDisk } from '@landfall/disk';
import { blockDeviceSize } from '@landfall/disk/block-device';
import { BadInputError, outlineOf, PermanentError } from '@landfall/domain';

const CHUNK_BYTES = 1024 * 1024;

/** A range of a disk that is not backed up: it is stored as zeros. */
export interface LeftOut {
  readonly startByte: number;
  readonly sizeBytes: number;
}

/** A disk image or block device that is read from its beginning to its end. */
export class DiskInput {
  readonly path: string;
  readonly sizeBytes: number;
  /** As of an opened disk: tells whether two paths lead to one. */
  readonly identity: string;
  readonly #file: FileHandle;

  private constructor({ path, file, sizeBytes, identity }: OpenedDisk) {
    this.path = path;
    this.#file = file;
    this.sizeBytes = sizeBytes;
    this.identity = identity;
  }

  /** @throws BadInputError `PATH_UNREADABLE`, `DISK_EMPTY` */
  static async open(path: string): Promise<DiskInput> {
    const disk = await openDisk(path);
    if (disk.sizeBytes > 0) return new DiskInput(disk);
    await disk.file.close();
    throw new BadInputError({
      code: 'DISK_EMPTY',
      message: `The disk ${path} has 0 bytes.`,
      fix: 'Name a disk image or device that holds something, or leave this one out.',
    });
  }

  /**
   * All bytes, in order.
   * @throws PermanentError `DISK_CHANGED` when it is shorter or longer at the end than it was at the beginning,
   *   `DISK_UNREADABLE` naming the place that can't be read
   */
  async *chunks(leftOut: readonly LeftOut[] = []): AsyncGenerator<Buffer> {
    let position = 0;
    const stream = createReadStream('', {
      fd: this.#file.fd,
      autoClose: false,
      start: 0,
      end: this.sizeBytes - 1,
      highWaterMark: CHUNK_BYTES,
    });
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        for (const range of leftOut) clear(chunk, position, range);
        position += chunk.length;
        yield chunk;
      }
    } catch (cause) {
      throw new PermanentError(
        {
          code: 'DISK_UNREADABLE',
          message: `The disk ${this.path} can't be read from byte ${position} on: ${outlineOf(cause)}.`,
          fix: 'Check the disk (dmesg tells of read errors), or capture a copy of it.',
        },
        { cause },
      );
    }
    const now = await sizeOf(this.#file, resolve(this.path));
    if (position === this.sizeBytes && now === this.sizeBytes) return;
    throw new PermanentError({
      code: 'DISK_CHANGED',
      message: `The disk ${this.path} had ${this.sizeBytes} bytes when its capture began and has ${now} now.`,
      fix: 'Capture a disk that nothing resizes meanwhile: a snapshot, or the disk of a machine that is shut down.',
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function sizeOf(file: FileHandle, path: string): Promise<number> {
  const stats = await file.stat();
  return stats.isFile() ? stats.size : blockDeviceSize(path);
}

function clear(chunk: Buffer, position: number, { startByte, sizeBytes }: LeftOut): void {
  const from = Math.max(0, startByte - position);
  const to = Math.min(chunk.length, startByte + sizeBytes - position);
  if (from < to) chunk.fill(0, from, to);
}
