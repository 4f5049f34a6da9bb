import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * Compares the file of a disk with the image that it is to hold; behind the image's end the disk has to be zero.
 *
 * A disk is a GiB at least, nearly all of it a hole, and to read holes takes seconds: where both are one, none is read.
 *
 * @returns the byte at which they differ first, or at which the disk is too short; null: they are equal
 */
export async function firstDifference(imagePath: string, diskPath: string): Promise<number | null> {
  const held = await Promise.all([imagePath, diskPath].map(heldChunks));
  const [image, disk] = await Promise.all([open(imagePath, 'r'), open(diskPath, 'r')]);
  try {
    const [imageStat, diskStat] = await Promise.all([image.stat(), disk.stat()]);
    if (diskStat.size < imageStat.size) return diskStat.size;
    const [wanted, got] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
    for (let at = 0; at < diskStat.size; at += CHUNK_BYTES) {
      if (held.every((chunks) => chunks?.has(at / CHUNK_BYTES) === false)) continue;
      const length = Math.min(CHUNK_BYTES, diskStat.size - at);
      const [{ bytesRead }] = await Promise.all([image.read(wanted, 0, length, at), disk.read(got, 0, length, at)]);
      wanted.fill(0, bytesRead, length);
      if (wanted.compare(got, 0, length, 0, length) !== 0) {
        return at + wanted.subarray(0, length).findIndex((byte, index) => byte !== got[index]);
      }
    }
    return null;
  } finally {
    await Promise.all([image.close(), disk.close()]);
  }
}

/** The chunks in which a file holds anything, by their numbers; null: its file system can't tell. */
async function heldChunks(path: string): Promise<ReadonlySet<number> | null> {
  const listing = await new Promise<string | null>((resolve) => {
    execFile('filefrag', ['-e', '-b1', path], (error, stdout) => resolve(error === null ? stdout : null));
  });
  if (listing === null || !/ extents? found$/m.test(listing)) return null;
  const chunks = new Set<number>();
  for (const [, first, last] of listing.matchAll(/^\s*\d+:\s*(\d+)\.\.\s*(\d+):/gm)) {
    const end = Math.floor(Number(last) / CHUNK_BYTES);
    for (let chunk = Math.floor(Number(first) / CHUNK_BYTES); chunk <= end; chunk += 1) chunks.add(chunk);
  }
  return chunks;
}
