import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spoilDisks } from './disk.js';
import type { DiskFault } from './plan.js';

/** Node's own files are changed for the whole process: once, before all tests. */
const BLOCK = 4096;
let folder: string;
let planned: DiskFault | undefined;
const struck: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'landfall-disk-'));
  await writeFile(join(folder, 'disk'), Buffer.alloc(64 * BLOCK));
  await spoilDisks(
    folder,
    () => planned,
    (kind, path) => struck.push(`${kind} ${path}`),
  );
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  planned = undefined;
  struck.length = 0;
  await read(0, 8 * BLOCK); // sees that nothing is planned any more
});

async function read(position: number, length: number): Promise<Buffer> {
  const handle = await open(join(folder, 'disk'));
  try {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await handle.read(buffer, 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function lies(bytes: Buffer): number[] {
  return [...bytes.entries()].filter(([, byte]) => byte !== 0).map(([index]) => index);
}

describe('a disk that lies about what it holds', () => {
  it('changes one byte that whoever reads whole blocks has asked for, whatever he throws away at their ends', async () => {
    for (const blocks of [3, 4, 16]) {
      planned = undefined;
      await read(0, 8 * BLOCK);
      planned = { kind: 'lying read-back', after: 0 };
      const changed = lies(await read(BLOCK, blocks * BLOCK));
      expect(changed.length).toBe(1);
      assert.ok(changed[0]! >= BLOCK && changed[0]! < (blocks - 1) * BLOCK, `byte ${changed[0]} of ${blocks} blocks`);
    }
  });

  it('passes on reads of which every byte may be thrown away, and does not count them', async () => {
    planned = { kind: 'lying read-back', after: 1 };
    for (let reads = 0; reads < 3; reads += 1) expect(lies(await read(0, 2 * BLOCK))).toStrictEqual([]);
    assert.deepEqual(lies(await read(0, 8 * BLOCK)), [], 'the first one goes well');
    expect(struck).toStrictEqual([]);
    expect(lies(await read(0, 8 * BLOCK)).length).toBe(1);
    expect(struck).toStrictEqual([`lying read-back ${join(folder, 'disk')}`]);
    assert.deepEqual(lies(await read(0, 8 * BLOCK)), [], 'once is once');
  });
});
