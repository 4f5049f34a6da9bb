import { detailsOf, stepOf } from '@landfall/domain';
import { boundedMap, type StepContext, type StepOutcome, type WorkContext } from '@landfall/pipeline';
import { isSame, recordOf, replacedBy, sourceVmOf, type CutOverPorts } from './ports.js';
import { notSeen, stopAndTake } from './stop-and-take.js';

/*
 * Behind the gate: the VM goes, and then those of its disks that the restore replaces. Whatever else it had stays.
 */

const TRIES_TO_SEE_IT = 3;
const DISKS_AT_ONCE = 8;

/** One that was started after the gate is stopped once more, and its snapshots are taken anew. */
export async function removeVm(
  ports: CutOverPorts,
  context: StepContext,
): Promise<StepOutcome<'remove-source'> | null> {
  const { cloud } = ports;
  const { journal, signal } = context;
  const source = sourceVmOf(replacedBy(context));
  const found = await cloud.reader.vm(source.azureId);
  if (found === null && !(await isKnownToBeGone(ports, context))) throw notSeen(source.azureId);
  if (found !== null && isSame(found.instanceId, source.instanceId)) {
    await stopAndTake(ports, context);
    await cloud.machines.removeSource(source, journal, signal);
    await context.event('source.removed', `The machine ${found.name} that is replaced is removed.`, {
      azureId: source.azureId,
    });
  }
  return null;
}

/** Azure may not show for a moment what it has shown before: its absence is believed after some tries, or where we have made it. */
async function isKnownToBeGone({ books }: CutOverPorts, { restore }: StepContext): Promise<boolean> {
  const ledger = await books.ledger(restore.id);
  const isRemoved = ledger.some(
    ({ kind, purpose, state }) => kind === 'vm' && purpose === 'source' && state === 'removed',
  );
  return isRemoved || (stepOf(restore, 'remove-source')?.attempts ?? 0) >= TRIES_TO_SEE_IT;
}

/** Only what was attached when the snapshots were taken. What can't be deleted holds nothing up: it is tried again at the end. */
export async function removeDisks(ports: CutOverPorts, context: WorkContext): Promise<void> {
  const { cloud } = ports;
  const { restore, journal, signal } = context;
  const { snapshots } = await recordOf(ports, restore.id);
  const replaced = replacedBy(context).disks.filter(({ replacedBy: by }) => by !== null);
  await boundedMap(replaced, DISKS_AT_ONCE, async ({ azureId, uniqueId }) => {
    if (!snapshots.some((each) => isSame(each.uniqueId, uniqueId))) return;
    signal.throwIfAborted();
    try {
      await cloud.disks.removeSource({ azureId, uniqueId }, journal, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const { code, message, fix } = detailsOf(error);
      await context.event('source.disk-left', message, { azureId, code, fix });
    }
  });
}
