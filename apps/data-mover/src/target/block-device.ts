import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { blockDeviceSize } from '@landfall/disk/block-device';
import { type DiskTarget, type ErrorFacts, PermanentError, RetryableError } from '@landfall/domain';
import { SLOT_BYTES, withAlignedSlot } from './aligned-memory.js';

/*
 * A disk as a block device, or as a plain file that stands for one. It is never created and never resized.
 *
 * Writes go through the page cache and count after `fsync` only. Each segment opens the device for itself, because the
 * kernel reports a failed write-back once to every descriptor that was open when it failed: one that is shared, or
 * opened later, may be told that all is well.
 *
 * Reading back uses O_DIRECT, so that the device answers and not the page cache. It is opened through the descriptor that
 * is written: the path is a link, which udev may point elsewhere meanwhile. Where the file system does not know O_DIRECT
 * (EINVAL), reading goes through the cache, and `onCached` says so: Node has no call that drops cached pages. Any other
 * error is one.
 */
const DIRECT_ALIGNMENT = 4096;

/** The part of a file handle that is needed; tests give one that fails. */
export type DeviceHandle = Pick<FileHandle, 'fd' | 'write' | 'read' | 'sync' | 'close'>;

/**
 * Opens an existing device or file for writing.
 *
 * @param sizeBytes how much of it there must be; what lies beyond is never touched
 * @param onCached told once, when what is read back comes from the page cache
 * @throws RetryableError `TARGET_MISSING` when it is not there (a disk may appear a while after it was attached),
 *   `TARGET_NOT_OPENED` when the system has no descriptor or memory left for it
 * @throws PermanentError `TARGET_TOO_SMALL`, `TARGET_FAILED`
 */
export async function openBlockDevice(path: string, sizeBytes: number, onCached?: () => void): Promise<BlockDevice> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDWR);
  } catch (error) {
    throw openingError(path, 'for writing', error);
  }
  try {
    const actual = await deviceSize(handle);
    if (actual < sizeBytes) {
      throw new PermanentError({
        code: 'TARGET_TOO_SMALL',
        message: `The disk at ${path} has ${actual} bytes, and ${sizeBytes} are to be written to it.`,
        fix: 'See whether the right disk is attached at this LUN; start the restore anew.',
      });
    }
    return new BlockDevice(path, sizeBytes, handle, onCached);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export class BlockDevice implements DiskTarget {
  readonly alignmentBytes = 1;

  #broken: PermanentError | undefined;
  #isCached = false;
  #direct: Promise<FileHandle | null> | undefined;

  constructor(
    readonly description: string,
    readonly sizeBytes: number,
    private readonly handle: DeviceHandle,
    private readonly onCached: () => void = () => undefined,
  ) {}

  async write(offset: number, bytes: Uint8Array, signal?: AbortSignal, mayWrite?: () => void): Promise<void> {
    signal?.throwIfAborted();
    this.#checkUsable();
    this.#checkRange(offset, bytes.length);
    let done = 0;
    while (done < bytes.length) {
      signal?.throwIfAborted();
      mayWrite?.();
      let written: number;
      try {
        ({ bytesWritten: written } = await this.handle.write(bytes, done, bytes.length - done, offset + done));
      } catch (error) {
        throw this.#failure('write to', error);
      }
      if (written === 0) throw this.#failure('write to', new Error('the device took no bytes'));
      done += written;
    }
  }

  get readsPastCache(): boolean | undefined {
    return this.#isCached ? false : undefined;
  }

  async flush(): Promise<void> {
    this.#checkUsable();
    try {
      await this.handle.sync();
    } catch (error) {
      this.#broken =
        codeOf(error) === 'ENOSPC'
          ? this.#failure('flush', error)
          : new PermanentError(
              {
                code: 'TARGET_FLUSH_FAILED',
                message: `The disk at ${this.description} did not take what was written to it: ${textOf(error)}.`,
                fix: 'Look into the worker’s kernel log for the disk’s errors; start the restore anew.',
              },
              { cause: error, facts: factsOf(error) },
            );
      throw this.#broken;
    }
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    this.#checkRange(offset, length);
    const result = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      signal?.throwIfAborted();
      const inBlock = (offset + done) % DIRECT_ALIGNMENT;
      const wanted = Math.min(length - done, SLOT_BYTES - inBlock);
      const bytes = await this.#readSome(offset + done - inBlock, inBlock + wanted, result, done, inBlock);
      done += bytes;
    }
    return result;
  }

  async close(): Promise<void> {
    const direct = await this.#direct?.catch(() => null);
    await direct?.close();
    await this.handle.close();
  }

  /** Reads from an aligned offset and copies what comes after `skip` into `result`; answers how much that was. */
  async #readSome(offset: number, length: number, result: Buffer, at: number, skip: number): Promise<number> {
    const direct = await this.#openDirect();
    return withAlignedSlot(async (slot) => {
      const wanted = Math.min(SLOT_BYTES, Math.ceil(length / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT);
      const read = await this.#readInto(slot, wanted, offset, direct);
      if (read < length) {
        throw this.#failure('read from', new Error(`it ended after ${offset + read} bytes`));
      }
      slot.copy(result, at, skip, length);
      return length - skip;
    });
  }

  async #readInto(slot: Buffer, wanted: number, offset: number, direct: FileHandle | null): Promise<number> {
    let read = 0;
    try {
      if (direct !== null) {
        try {
          ({ bytesRead: read } = await direct.read(slot, 0, wanted, offset));
          return read;
        } catch (error) {
          if (codeOf(error) !== 'EINVAL') throw error;
        }
      }
      this.#noteCached();
      while (read < wanted) {
        const { bytesRead } = await this.handle.read(slot, read, wanted - read, offset + read);
        if (bytesRead === 0) break;
        read += bytesRead;
      }
      return read;
    } catch (error) {
      throw this.#failure('read from', error);
    }
  }

  /** Null where direct reading is not known. */
  #openDirect(): Promise<FileHandle | null> {
    const flags = constants.O_RDONLY | constants.O_DIRECT;
    this.#direct ??= open(pathOf(this.handle), flags).catch((error: unknown) => {
      if (codeOf(error) === 'EINVAL') return null;
      throw openingError(this.description, 'for reading past the page cache', error);
    });
    return this.#direct;
  }

  #noteCached(): void {
    if (this.#isCached) return;
    this.#isCached = true;
    this.onCached();
  }

  #checkUsable(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #checkRange(offset: number, length: number): void {
    if (offset >= 0 && offset + length <= this.sizeBytes) return;
    throw new PermanentError({
      code: 'TARGET_TOO_SMALL',
      message: `The disk at ${this.description} has ${this.sizeBytes} bytes; ${length} at ${offset} do not lie in it.`,
      fix: 'Rescan the repository and start the restore anew: the backup and the plan do not fit.',
    });
  }

  #failure(action: string, error: unknown): PermanentError {
    if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error) ?? '')) {
      return new PermanentError(
        {
          code: 'TARGET_FULL',
          message: `There is no space left to ${action} the disk at ${this.description}.`,
          fix: 'Make room where the disk lies, then start the restore anew.',
        },
        { cause: error, facts: factsOf(error) },
      );
    }
    return new PermanentError(
      {
        code: 'TARGET_FAILED',
        message: `Landfall could not ${action} the disk at ${this.description}: ${textOf(error)}.`,
        fix: 'Look into the worker’s kernel log for the disk’s errors; start the restore anew.',
      },
      { cause: error, facts: factsOf(error) },
    );
  }
}

/** Of the very file that is open, whatever its path names by now. */
function pathOf({ fd }: Pick<FileHandle, 'fd'>): string {
  return `/proc/self/fd/${fd}`;
}

function openingError(path: string, purpose: string, error: unknown): PermanentError | RetryableError {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENXIO') {
    return new RetryableError(
      {
        code: 'TARGET_MISSING',
        message: `There is no disk at ${path}.`,
        fix: 'See whether the disk is attached to the worker at this LUN.',
      },
      { cause: error },
    );
  }
  if (['EMFILE', 'ENFILE', 'ENOMEM'].includes(codeOf(error) ?? '')) {
    return new RetryableError(
      {
        code: 'TARGET_NOT_OPENED',
        message: `The disk at ${path} could not be opened ${purpose} just now: ${textOf(error)}.`,
        fix: 'Allow the data-mover more open files or more memory if it goes on.',
      },
      { cause: error, facts: factsOf(error) },
    );
  }
  return new PermanentError(
    {
      code: 'TARGET_FAILED',
      message: `The disk at ${path} can't be opened ${purpose}: ${textOf(error)}.`,
      fix: 'See whether the data-mover runs as a user that may read and write block devices.',
    },
    { cause: error, facts: factsOf(error) },
  );
}

/** In bytes. */
async function deviceSize(handle: FileHandle): Promise<number> {
  const status = await handle.stat();
  return status.isBlockDevice() ? blockDeviceSize(pathOf(handle)) : status.size;
}

function factsOf(error: unknown): ErrorFacts {
  const system = codeOf(error);
  return system === undefined ? {} : { system };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function textOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}
