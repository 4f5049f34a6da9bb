import { access } from 'node:fs/promises';
import os from 'node:os';

/** A folder in memory where there is one: disks would measure themselves. */
export async function memoryFolder(say: (line: string) => void): Promise<string> {
  try {
    await access('/dev/shm');
    return '/dev/shm';
  } catch {
    say(`There is no /dev/shm: ${os.tmpdir()} is used, and its disk is measured too.`);
    return os.tmpdir();
  }
}
