import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { firstDifference } from '@landfall/azure-emulator';

/**
 * @param longer whether the second one may go on, with zeros: a disk has more room than its image
 * @throws Error naming the first byte that differs
 */
export async function requireEqual(expectedPath: string, actualPath: string, longer = false): Promise<void> {
  const { size: wanted } = await stat(expectedPath);
  const { size } = await stat(actualPath).catch(async (error: unknown) => {
    const there = await readdir(path.dirname(actualPath)).catch(() => []);
    throw new Error(`${actualPath} was not restored; there is ${there.join(', ') || 'nothing'}.`, { cause: error });
  });
  if (size < wanted || (size > wanted && !longer)) throw new Error(`${actualPath} has another size than the disk.`);
  const at = await firstDifference(expectedPath, actualPath);
  if (at !== null) throw new Error(`${actualPath} differs from the disk at byte ${at}.`);
}
