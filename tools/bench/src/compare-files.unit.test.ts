import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requireEqual } from './compare-files.js';

/** Whether the two are taken for equal. */
async function areEqual(expected: string, actual: string, longer?: boolean): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), 'landfall-compare-'));
  try {
    const [left, right] = [path.join(folder, 'left'), path.join(folder, 'right')];
    await Promise.all([writeFile(left, expected), writeFile(right, actual)]);
    return await requireEqual(left, right, longer).then(
      () => true,
      () => false,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('two files', () => {
  it('are equal when every byte of both is', async () => {
    expect(await areEqual('same', 'same')).toBe(true);
    for (const other of ['samE', 'sam', 'same\0', '']) assert.equal(await areEqual('same', other), false, other);
  });

  it('are equal where the second one goes on with zeros, if that is allowed', async () => {
    expect(await areEqual('same', 'same\0\0', true)).toBe(true);
    for (const other of ['same\0x', 'sam\0\0', 'sam']) assert.equal(await areEqual('same', other, true), false, other);
  });
});
