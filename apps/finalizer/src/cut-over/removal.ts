import { setTimeout as pause } from 'node:timers/promises';
import { detailsOf, PermanentError, stepOf, type CloudDisk, type RecordedSnapshot, sameId } from '@landfall/domain';
import { boundedMap, type StepContext, type StepOutcome, type WorkContext } from '@landfall/pipeline';
import { recordOf, replacedBy, sourceVmOf, type CutOverPorts } from './ports.js';
import { notSeen } from './safety-snapshots.js';
import { noteLastState, stopAndTake } from './stop-and-take.js';

/*
 * Behind the gate: the VM goes, and then those of its disks that the restore replaces. Whatever else it had stays.
 */

const TRIES_TO_SEE_IT = 3;
const DISKS_AT_ONCE = 8;
const LOOKS_AT_ONCE = 8;
const LOOK_EVERY_MS = 2_000;
const LOOKS = 15;

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
  if (found !== null && sameId(found.instanceId, source.instanceId)) {
    await stopAndTake(ports, context);
    await noteLastState(ports, context);
    const { snapshots } = await recordOf(ports, context.restore.id);
    const diskIds = snapshots.map(({ diskId }) => diskId);
    await cloud.machines.removeSource({ ...source, diskIds }, journal, signal);
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

/**
 * That the source is gone is in the ledger before anything else is made under its name: what is made then would be taken for it. Its
 * removal may have had its effect, and nobody have been told.
 */
export async function settleRemoval(ports: CutOverPorts, context: WorkContext): Promise<void> {
  const { cloud, books } = ports;
  const { restore, journal, signal } = context;
  const source = sourceVmOf(replacedBy(context));
  const isOpen = (await books.ledger(restore.id)).some(
    ({ kind, purpose, state, azureId }) =>
      kind === 'vm' && purpose === 'source' && state !== 'removed' && sameId(azureId, source.azureId),
  );
  if (!isOpen || (await cloud.reader.vm(source.azureId)) !== null) return;
  await cloud.machines.removeSource(source, journal, signal);
}

/**
 * Notes of each disk that is replaced how its machine has left it. What somebody uses from then on holds more than its snapshot, and
 * is not removed.
 */
export async function noteReleased(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { books } = ports;
  const { restore, epoch } = context;
  const record = await recordOf(ports, restore.id);
  if (record.snapshots.every(({ released }) => released !== undefined)) return;
  const snapshots = await boundedMap(record.snapshots, LOOKS_AT_ONCE, async (each) =>
    each.released === undefined ? { ...each, ...(await releaseOf(ports, context, each)) } : each,
  );
  await books.transaction(async (tx) => {
    await tx.requireCurrent({ restoreId: restore.id, work: 'remove-source', epoch });
    await tx.recordSource(restore.id, { ...record, snapshots });
  });
}

/** Azure may show for a while that it belongs to a machine that is gone. */
async function releaseOf(
  { cloud, lookEveryMs = LOOK_EVERY_MS }: CutOverPorts,
  context: StepContext,
  { diskId, uniqueId, isOfLastState = false }: RecordedSnapshot,
): Promise<Pick<RecordedSnapshot, 'released'>> {
  // Somebody else has removed its machine, which may have run until then.
  if (!isOfLastState) return { released: null };
  const source = replacedBy(context);
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const disk = await cloud.reader.disk(diskId);
    if (disk === null || !sameId(disk.uniqueId, uniqueId)) return {};
    if (disk.managedBy === null) return { released: disk.ownershipUpdatedAt };
    const isHeld = !sameId(disk.managedBy, source.azureId) || (await cloud.reader.vm(source.azureId)) !== null;
    if (isHeld) return { released: null };
    await pause(lookEveryMs, undefined, { signal: context.signal });
  }
  return { released: null };
}

/**
 * Only what was attached when the snapshots were taken, and what nobody has used since. What can't be deleted holds nothing up: it is
 * tried again at the end, where only what is refused for good is left.
 */
export async function removeDisks(ports: CutOverPorts, context: WorkContext, isEnd = false): Promise<void> {
  const { cloud } = ports;
  const { restore, journal, signal } = context;
  const { snapshots } = await recordOf(ports, restore.id);
  const replaced = replacedBy(context).disks.filter(({ replacedBy: by }) => by !== null);
  await boundedMap(replaced, DISKS_AT_ONCE, async ({ azureId, uniqueId }) => {
    const taken = snapshots.find((each) => sameId(each.uniqueId, uniqueId));
    if (taken === undefined) return;
    signal.throwIfAborted();
    try {
      requireUnused(await cloud.reader.disk(azureId), taken);
      await cloud.disks.removeSource({ azureId, uniqueId }, journal, signal);
    } catch (error) {
      if (signal.aborted || (isEnd && !(error instanceof PermanentError))) throw error;
      const { code, message, fix } = detailsOf(error);
      await context.event('source.disk-left', message, { azureId, code, fix });
    }
  });
}

function requireUnused(disk: CloudDisk | null, { uniqueId, released }: RecordedSnapshot): void {
  if (disk === null || !sameId(disk.uniqueId, uniqueId)) return;
  if (typeof released === 'string' && disk.ownershipUpdatedAt === released) return;
  throw new PermanentError({
    code: 'SOURCE_DISK_USED',
    message: `${disk.azureId} is not deleted, because somebody has used it since its machine was removed: it may hold more than its safety snapshot.`,
    fix: 'Find out in the activity log who used it, and what for; delete it by hand once nobody needs what it holds.',
  });
}
