import type { ByteRange, CutSegment, VerifyMode } from '@landfall/domain';

/*
 * How a disk is cut into jobs.
 *
 * A grid of 128 MiB lies over the target. A cell in which the backup has data becomes one segment, trimmed to what lies
 * between its first and its last byte of data (whole 4 KiB blocks, which every disk takes); an empty cell becomes
 * none. The cell's number is the segment's index, so that cutting again gives the same segments.
 *
 * Verification reads every cell where data was written, and what is in between: in `full` mode cell by cell, in
 * `sampled` mode a run of empty cells at once, since a few blocks of it are looked at anyway.
 */
export const SEGMENT_BYTES = 128 * 1024 * 1024;
const BLOCK_BYTES = 4096;

/**
 * @param extents ascending, not overlapping
 * @param diskBytes of the target; at least as large as the end of the last extent
 * @returns ascending, not overlapping; together they cover every extent, and each holds a part of one
 */
export function cutSegments(
  extents: readonly ByteRange[],
  diskBytes: number,
  segmentBytes = SEGMENT_BYTES,
): readonly CutSegment[] {
  const cells = new Map<number, { from: number; to: number; dataBytes: number }>();
  for (const extent of extents) {
    const end = extent.offset + extent.length;
    for (let from = extent.offset; from < end;) {
      const index = Math.floor(from / segmentBytes);
      const to = Math.min(end, (index + 1) * segmentBytes);
      const cell = cells.get(index);
      if (cell === undefined) cells.set(index, { from, to, dataBytes: to - from });
      else {
        cell.to = Math.max(cell.to, to);
        cell.dataBytes += to - from;
      }
      from = to;
    }
  }
  return [...cells]
    .sort(([left], [right]) => left - right)
    .map(([index, cell]) => {
      const offsetBytes = Math.floor(cell.from / BLOCK_BYTES) * BLOCK_BYTES;
      const end = Math.min(Math.ceil(cell.to / BLOCK_BYTES) * BLOCK_BYTES, diskBytes);
      return { index, offsetBytes, lengthBytes: end - offsetBytes, dataBytes: cell.dataBytes };
    });
}

/**
 * The ranges that are read back, as segments of their own.
 *
 * @param moved the disk's segments as `cutSegments` made them
 * @returns ascending, covering the whole disk without a gap; none for mode `none`
 */
export function cutVerification(
  mode: VerifyMode,
  moved: readonly Pick<CutSegment, 'index'>[],
  diskBytes: number,
  segmentBytes = SEGMENT_BYTES,
): readonly CutSegment[] {
  if (mode === 'none') return [];
  const written = new Set(moved.map((segment) => segment.index));
  const segments: CutSegment[] = [];
  const cells = Math.ceil(diskBytes / segmentBytes);
  for (let cell = 0; cell < cells;) {
    let next = cell + 1;
    if (mode === 'sampled' && !written.has(cell)) while (next < cells && !written.has(next)) next += 1;
    const offsetBytes = cell * segmentBytes;
    const lengthBytes = Math.min(next * segmentBytes, diskBytes) - offsetBytes;
    segments.push({ index: segments.length, offsetBytes, lengthBytes, dataBytes: lengthBytes });
    cell = next;
  }
  return segments;
}
