import assert from 'node:assert/strict';
import { firstDifference } from '@landfall/azure-emulator';
import type { RestoreView, Stack } from './landfall.js';

/** The restored disk is its source, followed by zeros up to its own size. */
export async function assertSameDisk(stack: Stack, restore: RestoreView, name: string, source: string): Promise<void> {
  const disk = restore.disks.find((candidate) => candidate.name === name);
  assert.ok(disk?.azureId, `the restore has no disk ${name}`);
  const at = await firstDifference(source, await stack.restoredFile(disk.azureId));
  assert.equal(at, null, `${name} differs from its source at byte ${at}`);
}
