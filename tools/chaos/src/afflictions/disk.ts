import { readlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { DiskFault } from './plan.js';

/*
 * Disks that fail. Every file below a folder is one; what a process does with its handle is passed on or struck as the
 * plan says, once. A flush that fails has lost what was written since the last one, as a kernel's would.
 *
 * Who reads past the cache reads whole blocks, and throws away up to one at either end. A lie that nobody looks at is
 * none: it lies between them, and reads that have nothing there are passed on.
 */
const BLOCK_BYTES = 4096;

type Write = (
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>;
type Read = (buffer: Uint8Array, offset: number, length: number, position: number) => Promise<{ bytesRead: number }>;

export async function spoilDisks(
  folder: string,
  fault: () => DiskFault | undefined,
  strike: (kind: DiskFault['kind'], path: string) => void,
): Promise<void> {
  const handle = await open('/dev/null');
  const real = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const write = real.write as unknown as Write;
  const read = real.read as unknown as Read;
  const sync = real.sync as unknown as (this: FileHandle) => Promise<void>;
  const unflushed = new WeakMap<FileHandle, { readonly position: number; readonly length: number }[]>();
  let passed = 0;
  let over = false;

  /** Whether this call is the one to be struck. */
  function falls(handle: FileHandle, ...kinds: readonly DiskFault['kind'][]): DiskFault['kind'] | null {
    const planned = fault();
    if (planned === undefined) {
      passed = 0;
      over = false;
      return null;
    }
    if (over || !kinds.includes(planned.kind)) return null;
    const path = pathOf(handle);
    if (!path.startsWith(`${folder}/`)) return null;
    passed += 1;
    if (passed <= planned.after) return null;
    over = true;
    strike(planned.kind, path);
    return planned.kind;
  }

  const spoiled: { write: Write; read: Read; sync(this: FileHandle): Promise<void> } = {
    async write(this: FileHandle, buffer, offset, length, position) {
      const kind = falls(this, 'EIO', 'ENOSPC', 'short write', 'lost write');
      if (kind === 'EIO' || kind === 'ENOSPC') throw failure(kind, 'write');
      if (kind === 'lost write') return { bytesWritten: length };
      const wanted = kind === 'short write' ? Math.max(1, length >> 1) : length;
      const written = unflushed.get(this) ?? [];
      unflushed.set(this, written);
      written.push({ position, length: wanted });
      return write.call(this, buffer, offset, wanted, position);
    },
    async read(this: FileHandle, buffer, offset, length, position) {
      const answer = await read.call(this, buffer, offset, length, position);
      const { bytesRead } = answer;
      if (bytesRead > 2 * BLOCK_BYTES && falls(this, 'lying read-back') !== null)
        buffer[offset + (bytesRead >> 1)]! ^= 1;
      return answer;
    },
    async sync(this: FileHandle) {
      if (falls(this, 'failed flush') !== null) {
        for (const { position, length } of unflushed.get(this) ?? []) {
          await write.call(this, Buffer.alloc(length), 0, length, position);
        }
        throw failure('EIO', 'fsync');
      }
      unflushed.delete(this);
      return sync.call(this);
    },
  };
  Object.assign(real, spoiled);
}

function pathOf({ fd }: FileHandle): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}

function failure(code: string, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: planned, ${syscall}`), { code, syscall });
}
