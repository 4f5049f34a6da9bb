import { setTimeout as pause } from 'node:timers/promises';
import type { SettingValues } from '../settings/settings.js';

/*
 * Bytes per second, for each disk by itself: every transfer books the time that it takes at this speed, behind those
 * that came before it, and passes when its time is over.
 */
export class Bandwidth {
  private readonly freeAt = new Map<string, number>();

  constructor(
    private readonly nowMs: () => number = () => performance.now(),
    private readonly sleep: (ms: number) => Promise<unknown> = (ms) => pause(ms, undefined, { ref: false }),
  ) {}

  /** Ends when so many bytes may have passed; at once where there is no limit. */
  async pass(disk: string, bytes: number, bytesPerSecond: number | null): Promise<void> {
    if (bytesPerSecond === null) return;
    const now = this.nowMs();
    const end = Math.max(now, this.freeAt.get(disk) ?? 0) + (bytes / bytesPerSecond) * 1000;
    this.freeAt.set(disk, end);
    await this.sleep(end - now);
  }
}

const GIB = 1024 ** 3;

/**
 * Bytes per second through a disk's signature; null: as fast as it goes. Azure takes uploads at the speed of a
 * Standard HDD of the disk's size (Azure documentation, managed disk types).
 */
export function diskLimit(
  settings: Pick<SettingValues, 'diskBytesPerSecond' | 'bandwidthBySize'>,
  sizeBytes: number,
): number | null {
  if (settings.diskBytesPerSecond !== null || !settings.bandwidthBySize) return settings.diskBytesPerSecond;
  if (sizeBytes <= 4_096 * GIB) return 60e6;
  return sizeBytes <= 8_192 * GIB ? 300e6 : 500e6;
}
