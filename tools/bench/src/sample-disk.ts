import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';

const BLOCK_BYTES = 1024 * 1024;
const HOLE_BYTES = 64 * 1024 * 1024;
const WORDS =
  'kernel mount device sector volume group boot sshd session opened closed for user root uid pid started stopped unit service network interface address lease granted error retry timeout queue depth'.split(
    ' ',
  );

/**
 * What a disk is made of, in each MiB: 40 % random (as compressed or encrypted files are), 30 % random half-bytes
 * (as numbers are), 30 % lines of text.
 */
export const SAMPLE_DESCRIPTION = '40 % random, 30 % random half-bytes, 30 % lines of text';

/** Writes a disk of the given size; with `halfEmpty`, every other 64 MiB are a hole. */
export async function writeSampleDisk(path: string, sizeBytes: number, halfEmpty: boolean): Promise<void> {
  const text = logLines(16 * BLOCK_BYTES);
  const block = Buffer.alloc(BLOCK_BYTES);
  const nibblesFrom = Math.floor(BLOCK_BYTES * 0.4) & ~3;
  const textFrom = Math.floor(BLOCK_BYTES * 0.7) & ~3;
  const disk = await open(path, 'wx');
  try {
    await disk.truncate(sizeBytes);
    for (let offset = 0; offset < sizeBytes; offset += BLOCK_BYTES) {
      if (halfEmpty && Math.floor(offset / HOLE_BYTES) % 2 === 1) continue;
      randomFillSync(block, 0, textFrom);
      const nibbles = new Uint32Array(block.buffer, block.byteOffset + nibblesFrom, (textFrom - nibblesFrom) / 4);
      for (let index = 0; index < nibbles.length; index += 1) nibbles[index]! &= 0x0f0f0f0f;
      const at = Math.floor(Math.random() * (text.length - BLOCK_BYTES));
      text.copy(block, textFrom, at, at + BLOCK_BYTES - textFrom);
      await disk.write(block, 0, Math.min(BLOCK_BYTES, sizeBytes - offset), offset);
    }
  } finally {
    await disk.close();
  }
}

function logLines(length: number): Buffer {
  const lines: string[] = [];
  for (let size = 0, second = 0; size < length; second += 1) {
    const words = Array.from({ length: 8 }, () => WORDS[Math.floor(Math.random() * WORDS.length)]);
    const line = `${new Date(1.7e12 + second * 1000).toISOString()} host[${Math.floor(Math.random() * 1e5)}]: ${words.join(' ')}\n`;
    lines.push(line);
    size += line.length;
  }
  return Buffer.from(lines.join(''));
}
