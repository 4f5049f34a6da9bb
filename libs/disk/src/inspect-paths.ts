import { BadInputError, type ByteReader } from '@landfall/domain';
import { inspect } from './inspect.js';
import type { Inspection } from './inspection.js';
import { openDisk, unreadable, type OpenedDisk } from './open-disk.js';

/**
 * Looks into disk images and block devices of this machine. One that is named twice, also by a link, is one disk: two
 * disks with the same contents would be told as a machine that can't be.
 * @throws BadInputError `PATH_UNREADABLE` that names the path which does not exist, is no image, or can't be read
 */
export async function inspectPaths(paths: readonly string[]): Promise<Inspection> {
  const opened: OpenedDisk[] = [];
  try {
    for (const path of paths) opened.push(await openDisk(path));
    const disks = opened.filter(
      ({ identity }, index) => index === opened.findIndex((one) => one.identity === identity),
    );
    return await inspect(disks.map((disk) => ({ ...disk, reader: new FileReader(disk) })));
  } finally {
    await Promise.all(opened.map((disk) => disk.file.close()));
  }
}

class FileReader implements ByteReader {
  readonly sizeBytes: number;

  constructor(private readonly disk: OpenedDisk) {
    this.sizeBytes = disk.sizeBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.disk.file
        .read(bytes, done, length - done, offset + done)
        .catch((error: unknown) => Promise.reject(unreadable(this.disk.path, error)));
      if (bytesRead === 0) {
        throw new BadInputError({
          code: 'PATH_UNREADABLE',
          message: `${this.disk.path} ends before byte ${offset + length}; it was ${this.sizeBytes} bytes long when it was opened.`,
          fix: 'Look into it when nothing writes to it.',
        });
      }
      done += bytesRead;
    }
    return bytes;
  }
}
