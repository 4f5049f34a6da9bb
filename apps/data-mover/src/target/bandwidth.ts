import { setTimeout as pause } from 'node:timers/promises';
import type { DiskTarget } from '@landfall/domain';

/*
 * Keeps what this process writes, to all its disks together, below so many bytes per second. Each write books the time
 * that it takes at that speed, behind those before it, and begins when those are over; time in which nothing was
 * written is not saved up.
 */
export class Bandwidth {
  #freeAt = 0;

  constructor(
    private readonly bytesPerSecond: number,
    private readonly nowMs: () => number = () => performance.now(),
    private readonly sleep: (ms: number, signal?: AbortSignal) => Promise<unknown> = (ms, signal) =>
      pause(ms, undefined, signal === undefined ? {} : { signal }),
  ) {}

  /** The same target, written no faster than that. */
  limit(target: DiskTarget): DiskTarget {
    return {
      description: target.description,
      sizeBytes: target.sizeBytes,
      alignmentBytes: target.alignmentBytes,
      get readsPastCache() {
        return target.readsPastCache;
      },
      write: async (offset, bytes, signal, mayWrite) => {
        await this.#wait(bytes.length, signal);
        await target.write(offset, bytes, signal, mayWrite);
      },
      flush: () => target.flush(),
      read: (offset, length, signal) => target.read(offset, length, signal),
      close: () => target.close(),
    };
  }

  async #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const now = this.nowMs();
    const start = Math.max(now, this.#freeAt);
    this.#freeAt = start + (bytes / this.bytesPerSecond) * 1000;
    if (start > now) await this.sleep(start - now, signal);
  }
}
