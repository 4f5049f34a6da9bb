import type { FileHandle } from 'node:fs/promises';
import type { ByteRange } from './storage-rules.js';

/*
 * Which parts of a disk hold something. Node can't ask a file for its holes, so the content decides: a run of 64 KiB
 * that is all zero is a hole. A file without any allocated block is known to be empty without looking.
 */
const GRAIN_BYTES = 64 * 1024;
const WINDOW_BYTES = 4 * 1024 * 1024;
const ZERO_GRAIN = Buffer.alloc(GRAIN_BYTES);

/** At most `most` ranges between `start` and `end`; `next` is where to go on, null at the end. */
export async function pageRanges(
  file: FileHandle,
  start: number,
  end: number,
  most: number,
): Promise<{ ranges: readonly ByteRange[]; next: number | null }> {
  const ranges: ByteRange[] = [];
  if ((await file.stat()).blocks === 0) return { ranges, next: null };
  const window = Buffer.allocUnsafe(WINDOW_BYTES);
  let open: { start: number; end: number } | null = null;
  for (let position = start; position < end;) {
    const length = Math.min(WINDOW_BYTES - (position % WINDOW_BYTES), end - position);
    const { bytesRead } = await file.read(window, 0, length, position);
    for (let offset = 0; offset < bytesRead;) {
      const grain = Math.min(GRAIN_BYTES - ((position + offset) % GRAIN_BYTES), bytesRead - offset);
      const isZero = window.compare(ZERO_GRAIN, 0, grain, offset, offset + grain) === 0;
      const at = position + offset;
      if (!isZero && open !== null && open.end === at) open.end = at + grain;
      else if (!isZero) {
        if (open !== null) ranges.push({ start: open.start, length: open.end - open.start });
        if (ranges.length === most) return { ranges, next: at };
        open = { start: at, end: at + grain };
      }
      offset += grain;
    }
    if (bytesRead === 0) break;
    position += bytesRead;
  }
  if (open !== null) ranges.push({ start: open.start, length: open.end - open.start });
  return { ranges, next: null };
}
