import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { BadInputError } from '@landfall/domain';
import { blockDeviceSectorSize, blockDeviceSize } from './block-device.js';

/** A disk image or a block device of this machine, open for reading; whoever opens it closes `file`. */
export interface OpenedDisk {
  readonly path: string;
  readonly file: FileHandle;
  readonly sizeBytes: number;
  /** Of block devices. */
  readonly sectorBytes?: number;
  /** Same for the same file or device, by whatever path or link it was reached. */
  readonly identity: string;
}

/**
 * Opens it without waiting for anything: a named pipe would wait for its writer.
 * @throws BadInputError `PATH_UNREADABLE` that names the path which does not exist, is no disk, or can't be read
 */
export async function openDisk(path: string): Promise<OpenedDisk> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const stats = await file.stat({ bigint: true });
    if (stats.isFile()) {
      return { path, file, sizeBytes: Number(stats.size), identity: `file ${stats.dev}:${stats.ino}` };
    }
    if (stats.isBlockDevice()) {
      const [sizeBytes, sectorBytes] = [await blockDeviceSize(path), await blockDeviceSectorSize(path)];
      return { path, file, sizeBytes, sectorBytes, identity: `device ${stats.rdev}` };
    }
  } catch (error) {
    await file.close();
    throw unreadable(path, error);
  }
  await file.close();
  throw notADisk(path);
}

/** What reading an open disk has failed with. */
export function unreadable(path: string, error: unknown): BadInputError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  // A socket can't be opened at all, and a pipe not without its reader.
  if (code === 'ENXIO') return notADisk(path);
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
      fix: code === 'ENOENT' ? 'Check the path.' : 'Check the path and its permissions; devices need root.',
    },
    { cause: error },
  );
}

function notADisk(path: string): BadInputError {
  return new BadInputError({
    code: 'PATH_UNREADABLE',
    message: `${path} is neither a file nor a block device.`,
    fix: 'Name disk images or block devices.',
  });
}
