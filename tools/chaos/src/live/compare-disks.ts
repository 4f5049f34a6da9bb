import { firstDifference } from '@landfall/azure-emulator';
import type { Restore } from '@landfall/domain';
import type { Cell } from './cell.js';

/** What is wrong with the restored disks, held against what was backed up; nothing: they are equal. */
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
