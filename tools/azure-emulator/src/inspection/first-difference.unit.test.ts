import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstDifference } from './first-difference.js';

const MIB = 1024 * 1024;

/** @param diskBytes what the disk's file is lengthened to, by a hole */
async function differ(image: string | Buffer, disk: string | Buffer, diskBytes?: number): Promise<number | null> {
  const folder = await mkdtemp(join(tmpdir(), 'landfall-compare-'));
  try {
    const [left, right] = [join(folder, 'image'), join(folder, 'disk')];
    await Promise.all([writeFile(left, image), writeFile(right, disk)]);
    if (diskBytes !== undefined) await truncate(right, diskBytes);
    return await firstDifference(left, right);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a disk and the image that it is to hold', () => {
  it('are equal when every byte is', async () => {
    expect(await differ('same', 'same')).toBeNull();
    expect(await differ('same', 'samE')).toBe(3);
    expect(await differ('same', 'Same')).toBe(0);
  });

  it('are equal where the disk goes on with zeros', async () => {
    expect(await differ('same', 'same', 32 * MIB)).toBeNull();
    expect(await differ(Buffer.alloc(9 * MIB, 7), Buffer.alloc(9 * MIB, 7), 32 * MIB)).toBeNull();
  });

  it('differ where the disk is too short', async () => {
    expect(await differ('same', 'sam')).toBe(3);
    expect(await differ('same', '')).toBe(0);
  });

  it('differ beyond the first stretch that is read, and behind the image’s end', async () => {
    const disk = Buffer.alloc(9 * MIB, 7);
    disk[8 * MIB + 5] = 8;
    expect(await differ(Buffer.alloc(9 * MIB, 7), disk)).toBe(8 * MIB + 5);
    expect(await differ(Buffer.alloc(MIB, 7), Buffer.alloc(9 * MIB, 7))).toBe(MIB);
    expect(await differ('same', 'same\0x', 32 * MIB)).toBe(5);
  });
});
