import { PermanentError, workingGroupOf } from '@landfall/domain';
import type { StepHandler } from '@landfall/pipeline';
import type { CutOverPorts } from './ports.js';

/** Step 9: the new disks move beside what is kept of the source, in one call; their new ids are followed in the books. */
export function moveDisks({ cloud, books }: Pick<CutOverPorts, 'cloud' | 'books'>): StepHandler<'move-disks'> {
  return async ({ restore, plan, epoch, journal, signal, outputOf }) => {
    const created = outputOf('create-empty-disks').disks;
    const disks = created.map(({ name, azureId, uniqueId }) => {
      if (uniqueId !== undefined) return { azureId, uniqueId };
      throw new PermanentError({
        code: 'STEP_OUTPUT_MISSING',
        message: `Step create-empty-disks of restore ${restore.id} has not noted the number of the disk "${name}".`,
        fix: 'Roll the restore back and start it anew.',
      });
    });
    const move = { from: workingGroupOf(plan, restore.id), to: plan.destination.resourceGroup, disks };
    const moved = await cloud.groups.moveDisks(move, journal, signal);
    await books.transaction(async (tx) => {
      await tx.requireCurrent({ restoreId: restore.id, work: 'move-disks', epoch });
      for (const [index, { name }] of created.entries()) {
        await tx.setDiskAzureId(restore.id, name, moved[index]!.azureId);
      }
      await tx.addEvent(restore.id, 'disks.moved', `${moved.length} disk(s) are in ${move.to}.`);
    });
    return { kind: 'done', output: {} };
  };
}
