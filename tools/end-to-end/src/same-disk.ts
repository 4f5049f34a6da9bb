import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import type { RestoreView, Stack } from './landfall.js';
import { sha256 } from './machines.js';

/** The restored disk is its source, followed by zeros up to its own size. */
export async function assertSameDisk(stack: Stack, restore: RestoreView, name: string, source: string): Promise<void> {
  const disk = restore.disks.find((candidate) => candidate.name === name);
  assert.ok(disk?.azureId, `the restore has no disk ${name}`);
  const restored = await stack.restoredFile(disk.azureId);
  assert.equal(
    await sha256(restored),
    await sha256(source, (await stat(restored)).size),
    `${name} differs from its source`,
  );
}
