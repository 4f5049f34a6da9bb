import { open, readdir } from 'node:fs/promises';
import path from 'node:path';

const COMPARE_BYTES = 8 * 1024 * 1024;

/**
 * @param longer whether the second one may go on, with zeros: a disk has more room than its image
 * @throws Error naming the first block that differs
 */
export async function requireEqual(expectedPath: string, actualPath: string, longer = false): Promise<void> {
  const expected = await open(expectedPath, 'r');
  const actual = await open(actualPath, 'r').catch(async (error: unknown) => {
    const there = await readdir(path.dirname(actualPath)).catch(() => []);
    throw new Error(`${actualPath} was not restored; there is ${there.join(', ') || 'nothing'}.`, { cause: error });
  });
  try {
    const [{ size: wantedSize }, { size }] = await Promise.all([expected.stat(), actual.stat()]);
    if (size < wantedSize || (size > wantedSize && !longer))
      throw new Error(`${actualPath} has another size than the disk.`);
    const [left, right] = [Buffer.alloc(COMPARE_BYTES), Buffer.alloc(COMPARE_BYTES)];
    for (let at = 0; at < size; at += COMPARE_BYTES) {
      const [{ bytesRead: wanted }, { bytesRead: got }] = await Promise.all([
        expected.read(left, 0, COMPARE_BYTES, at),
        actual.read(right, 0, COMPARE_BYTES, at),
      ]);
      left.fill(0, wanted, got);
      if (wanted > got || left.compare(right, 0, got, 0, got) !== 0) {
        throw new Error(`${actualPath} differs from the disk somewhere after byte ${at}.`);
      }
    }
  } finally {
    await expected.close();
    await actual.close();
  }
}
