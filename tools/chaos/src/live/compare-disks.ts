import { open, stat } from 'node:fs/promises';
import type { Restore } from '@landfall/domain';
import type { Cell } from './cell.js';

/*
 * Whether the restored disks are what was backed up. A disk is a GiB at least, nearly all of it a hole: what the file
 * system holds no blocks for is zero and need not be read.
 */
const CHUNK = 4 * 1024 * 1024;
const BLOCK = 512;

/** What is wrong with them; nothing: they are equal. */
export async function differences(cell: Cell, restore: Restore): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const source of cell.ground.sample.disks) {
    const disk = restore.disks.find((each) => each.name === source.name);
    if (!disk?.azureId) {
      wrong.push(`disk ${source.name} was not made`);
      continue;
    }
    const path = await cell.azure.diskPath(disk.azureId);
    const at = await firstDifference(source.path, path);
    if (at !== null) wrong.push(`disk ${source.name} differs from its backup at byte ${at}`);
  }
  return wrong;
}

/** Beyond the source's end the target has to be zero. */
export async function firstDifference(sourcePath: string, targetPath: string): Promise<number | null> {
  const [source, target] = await Promise.all([open(sourcePath, 'r'), open(targetPath, 'r')]);
  try {
    const [sourceSize, targetStat, sourceStat] = await Promise.all([
      source.stat().then((found) => found.size),
      stat(targetPath),
      stat(sourcePath),
    ]);
    if (targetStat.size < sourceSize) return targetStat.size;
    const spare = targetStat.blocks * BLOCK - sourceStat.blocks * BLOCK;
    // As many blocks as the source has, more or less the file system's own: there is nothing behind its end.
    const readTo = spare <= CHUNK ? sourceSize : targetStat.size;
    const [wanted, got] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)];
    for (let at = 0; at < readTo; at += CHUNK) {
      const length = Math.min(CHUNK, readTo - at);
      wanted.fill(0, 0, length);
      await source.read(wanted, 0, Math.max(0, Math.min(length, sourceSize - at)), at);
      await target.read(got, 0, length, at);
      if (!wanted.subarray(0, length).equals(got.subarray(0, length))) {
        for (let byte = 0; byte < length; byte += 1) if (wanted[byte] !== got[byte]) return at + byte;
      }
    }
    return null;
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}
