import { detailsOf, diskOf, PermanentError, workingGroupOf, type DiskCopySpec } from '@landfall/domain';
import { boundedMap, type StepContext, type StepHandler } from '@landfall/pipeline';
import { isLastTry } from './last-try.js';
import type { CutOverPorts } from './ports.js';

/*
 * Step 9: the new disks move beside what is kept of the source, in one call; their new ids are followed in the books. The machine is
 * gone by now, so nothing waits for a move that Azure refuses for good, or does not come to the end of: what is still in the staging
 * group is copied instead, which is another disk of the same contents. The disks that it was copied from go with that group.
 */
const COPIES_AT_ONCE = 4;

export function moveDisks(ports: Pick<CutOverPorts, 'cloud' | 'books' | 'applianceId'>): StepHandler<'move-disks'> {
  return async (context) => {
    try {
      await move(ports, context);
    } catch (error) {
      if (context.signal.aborted || !isLastTry(context, 'move-disks', error)) throw error;
      const { code, message } = detailsOf(error);
      await context.event('disks.not-moved', `The new disks are copied, because they can't be moved: ${message}`, {
        code,
      });
      await copy(ports, context);
    }
    return { kind: 'done', output: {} };
  };
}

async function move(
  { cloud, books }: Pick<CutOverPorts, 'cloud' | 'books'>,
  { restore, plan, epoch, journal, signal, outputOf }: StepContext,
): Promise<void> {
  const created = outputOf('create-empty-disks').disks;
  const disks = created.map(({ name, azureId, uniqueId }) => {
    if (uniqueId !== undefined) return { azureId, uniqueId };
    throw new PermanentError({
      code: 'STEP_OUTPUT_MISSING',
      message: `Step create-empty-disks of restore ${restore.id} has not noted the number of the disk "${name}".`,
      fix: 'Roll the restore back and start it anew.',
    });
  });
  const wish = { from: workingGroupOf(plan, restore.id), to: plan.destination.resourceGroup, disks };
  const moved = await cloud.groups.moveDisks(wish, journal, signal);
  await books.transaction(async (tx) => {
    await tx.requireCurrent({ restoreId: restore.id, work: 'move-disks', epoch });
    for (const [index, { name }] of created.entries()) {
      await tx.setDiskAzureId(restore.id, name, moved[index]!.azureId);
    }
    await tx.addEvent(restore.id, 'disks.moved', `${moved.length} disk(s) are in ${wish.to}.`);
  });
}

/** A move may have moved some of them: those are where they belong. */
async function copy(ports: Pick<CutOverPorts, 'cloud' | 'books' | 'applianceId'>, context: StepContext): Promise<void> {
  const { cloud, books } = ports;
  const { restore, plan, epoch, journal, signal, outputOf } = context;
  const created = outputOf('create-empty-disks').disks;
  const inPlace = await boundedMap(created, COPIES_AT_ONCE, async ({ name, azureId: stagedId, uniqueId }) => {
    const spec = copySpecOf(ports, context, name, stagedId);
    const there = await cloud.reader.disk(cloud.reader.diskId(spec.resourceGroup, spec.name));
    const { azureId } =
      there !== null && there.uniqueId === uniqueId ? there : await cloud.disks.ensureCopy(spec, journal, signal);
    return { name, azureId };
  });
  await books.transaction(async (tx) => {
    await tx.requireCurrent({ restoreId: restore.id, work: 'move-disks', epoch });
    for (const { name, azureId } of inPlace) await tx.setDiskAzureId(restore.id, name, azureId);
    const { resourceGroup } = plan.destination;
    await tx.addEvent(restore.id, 'disks.copied', `${inPlace.length} disk(s) are in ${resourceGroup}.`);
  });
}

function copySpecOf(
  { applianceId }: Pick<CutOverPorts, 'applianceId'>,
  { plan, restore }: StepContext,
  diskName: string,
  sourceDiskId: string,
): DiskCopySpec {
  const planned = plan.disks.find(({ name }) => name === diskName);
  if (planned === undefined) throw new Error(`The plan of ${restore.id} has no disk "${diskName}".`);
  const { sizeBytes: _size, os: _os, ...spec } = diskOf(plan, planned, { applianceId, restoreId: restore.id });
  return { ...spec, resourceGroup: plan.destination.resourceGroup, sourceDiskId };
}
