import { detailsOf } from '@landfall/domain';
import type { StepContext, StepOutcome, WorkContext } from '@landfall/pipeline';
import { isSame, recordOf, replacedBy, sourceVmOf, type CutOverPorts } from './ports.js';
import { stopAndTake } from './stop-and-take.js';

/*
 * Behind the gate: the VM goes, and then those of its disks that the restore replaces. Whatever else it had stays.
 */

/** One that was started after the gate is stopped once more, and its snapshots are taken anew. */
export async function removeVm(
  ports: CutOverPorts,
  context: StepContext,
): Promise<StepOutcome<'remove-source'> | null> {
  const { cloud } = ports;
  const { journal, signal } = context;
  const source = sourceVmOf(replacedBy(context));
  const found = await cloud.reader.vm(source.azureId);
  if (found !== null && isSame(found.instanceId, source.instanceId)) {
    await stopAndTake(ports, context);
    await cloud.machines.removeSource(source, journal, signal);
    await context.event('source.removed', `The machine ${found.name} that is replaced is removed.`, {
      azureId: source.azureId,
    });
  }
  return null;
}

/** Only what was attached when the snapshots were taken. What can't be deleted holds nothing up: it is tried again at the end. */
export async function removeDisks(ports: CutOverPorts, context: WorkContext): Promise<void> {
  const { cloud } = ports;
  const { restore, journal, signal } = context;
  const { snapshots } = await recordOf(ports, restore.id);
  const replaced = replacedBy(context).disks.filter(({ replacedBy: by }) => by !== null);
  for (const { azureId, uniqueId } of replaced) {
    if (!snapshots.some((each) => isSame(each.uniqueId, uniqueId))) continue;
    signal.throwIfAborted();
    try {
      await cloud.disks.removeSource({ azureId, uniqueId }, journal, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const { code, message, fix } = detailsOf(error);
      await context.event('source.disk-left', message, { azureId, code, fix });
    }
  }
}
