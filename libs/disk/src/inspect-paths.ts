import { open, type FileHandle } from 'node:fs/promises';
import { BadInputError, type ByteReader } from '@landfall/domain';
import { blockDeviceSectorSize, blockDeviceSize } from './block-device.js';
import { inspect } from './inspect.js';
import type { Inspection } from './inspection.js';

/**
 * Looks into disk images and block devices of this machine.
 * @throws BadInputError `PATH_UNREADABLE` that names the path which does not exist, is no image, or can't be read
 */
export async function inspectPaths(paths: readonly string[]): Promise<Inspection> {
  const opened: OpenedDisk[] = [];
  try {
    for (const path of paths) opened.push(await openDisk(path));
    return await inspect(opened.map((disk) => ({ ...disk, reader: new FileReader(disk) })));
  } finally {
    await Promise.all(opened.map((disk) => disk.file.close()));
  }
}

interface OpenedDisk {
  readonly path: string;
  readonly file: FileHandle;
  readonly sizeBytes: number;
  readonly sectorBytes?: number;
}

async function openDisk(path: string): Promise<OpenedDisk> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const stats = await file.stat();
    if (stats.isFile()) return { path, file, sizeBytes: stats.size };
    if (stats.isBlockDevice()) {
      const [sizeBytes, sectorBytes] = [await blockDeviceSize(path), await blockDeviceSectorSize(path)];
      return { path, file, sizeBytes, sectorBytes };
    }
  } catch (error) {
    await file.close();
    throw unreadable(path, error);
  }
  await file.close();
  throw new BadInputError({
    code: 'PATH_UNREADABLE',
    message: `${path} is neither a file nor a block device.`,
    fix: 'Name disk images or block devices.',
  });
}

function unreadable(path: string, error: unknown): BadInputError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const why =
    code === 'ENOENT'
      ? 'does not exist'
      : code === 'EACCES' || code === 'EPERM'
        ? 'may not be read by you'
        : `can't be read${typeof code === 'string' ? ` (${code})` : ''}`;
  return new BadInputError(
    {
      code: 'PATH_UNREADABLE',
      message: `${path} ${why}.`,
      fix: code === 'ENOENT' ? 'Check the path.' : 'Check the path and its permissions.',
    },
    { cause: error },
  );
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
