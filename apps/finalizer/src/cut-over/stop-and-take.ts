import {
  POWER_CHANGE,
  RetryableError,
  safetyGroupName,
  safetySnapshotName,
  type RecordedSnapshot,
  type SourceRecord,
  sameId,
} from '@landfall/domain';
import type { StepContext, WorkContext } from '@landfall/pipeline';
import { recordOf, replacedBy, sourceVmOf, type CutOverPorts } from './ports.js';
import { attachedDisks, makeSnapshots, removeSnapshots } from './safety-snapshots.js';

/*
 * The source stands still, and there is a snapshot of each of its disks as it is then: what it takes to bring it back.
 *
 * What was taken counts as long as nobody has started the source since, which its disks tell. Else all of it is taken anew, under
 * names of its own. What was taken before is of an earlier state and of no use; it goes once the machine is no longer missed.
 */
export async function stopAndTake(ports: CutOverPorts, context: StepContext): Promise<void> {
  await stop(ports, context);
  const record = await recordOf(ports, context.restore.id);
  const isTaken = await isOfNow(ports, context, record);
  const { snapshots } = isTaken ? record : await beginTake(ports, context, record);
  await makeSnapshots(ports, context, snapshots);
  if (isTaken) return;
  await context.event('source.snapshots-taken', `${snapshots.length} safety snapshot(s) are complete.`);
}

/** Those of earlier states, and the first ones, which were taken while it ran. */
export async function removeEarlierSnapshots(ports: CutOverPorts, context: WorkContext): Promise<void> {
  const { snapshots } = await recordOf(ports, context.restore.id);
  await removeSnapshots(ports, context, (id) => !snapshots.some(({ snapshotId }) => sameId(snapshotId, id)));
}

/** What was taken is noted to be of the last state. @throws RetryableError `SOURCE_CHANGED` where it was started meanwhile */
export async function noteLastState(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { cloud, books } = ports;
  const { restore, epoch } = context;
  const record = await recordOf(ports, restore.id);
  const isOfLast = await isOfNow(ports, context, record);
  const vm = await cloud.reader.vm(replacedBy(context).azureId);
  if (!isOfLast || vm?.powerState !== 'deallocated') throw startedMeanwhile(replacedBy(context).azureId);
  await books.transaction(async (tx) => {
    await tx.requireCurrent({ restoreId: restore.id, work: 'remove-source', epoch });
    const snapshots = record.snapshots.map((each) => ({ ...each, isOfLastState: true }));
    await tx.recordSource(restore.id, { ...record, snapshots });
  });
}

function startedMeanwhile(azureId: string): RetryableError {
  return new RetryableError({
    code: 'SOURCE_CHANGED',
    message: `The machine ${azureId} was started while its safety snapshots were taken.`,
    fix: 'Nothing has to be done: it is stopped again, and they are taken anew.',
  });
}

/** Whether the source, if it ran, is out of use for longer than the plan allows. */
export async function hasStoodTooLong(ports: Pick<CutOverPorts, 'books'>, context: StepContext): Promise<boolean> {
  const { restore, plan } = context;
  const record = await ports.books.sourceRecord(restore.id);
  if (record === null || record.stoppedAt === null || !(await isStoppedByUs(ports, restore.id))) return false;
  const now = await ports.books.transaction((tx) => tx.now());
  return now.getTime() - record.stoppedAt.getTime() > longestStop(record, plan.options.maxStopSeconds) * 1_000;
}

export async function isStoppedByUs({ books }: Pick<CutOverPorts, 'books'>, restoreId: string): Promise<boolean> {
  return (await books.openChanges(restoreId)).some(({ what }) => what === POWER_CHANGE);
}

/** In seconds: one that was found stopped is missed by nobody. */
export function longestStop(record: Pick<SourceRecord, 'ran'> | null, maxStopSeconds: number | undefined): number {
  return record?.ran === true ? (maxStopSeconds ?? Infinity) : Infinity;
}

async function stop(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { cloud } = ports;
  const { restore, journal, signal } = context;
  const source = sourceVmOf(replacedBy(context));
  const record = await recordOf(ports, restore.id);
  const found = await cloud.reader.vm(source.azureId);
  const isOff = found?.powerState === 'deallocated' && sameId(found.instanceId, source.instanceId);
  if (isOff && record.stoppedAt !== null && (await isStoppedByUs(ports, restore.id))) return;
  await recordStop(ports, context);
  if (isOff) return;
  const name = found?.name ?? 'The machine that is replaced';
  await context.event('source.stopping', `${name} is stopped: from here on it is out of use.`, {
    azureId: source.azureId,
  });
  // That one which was off is let go of needs no undoing: it stays off.
  if (record.ran) await cloud.machines.stopSource(source, journal, signal);
  else await cloud.machines.deallocate(source.azureId, journal, signal);
}

/** From now on the outage is counted, and an approval has to be good; of one that was found off, anew with every try. */
async function recordStop({ books }: CutOverPorts, { restore, epoch }: StepContext): Promise<void> {
  const record = await recordOf({ books }, restore.id);
  await books.transaction(async (tx) => {
    await tx.requireCurrent({ restoreId: restore.id, work: 'remove-source', epoch });
    await tx.recordSource(restore.id, { ...record, stoppedAt: await tx.now() });
  });
}

async function isOfNow(
  { cloud }: CutOverPorts,
  context: StepContext,
  { take: number, snapshots }: SourceRecord,
): Promise<boolean> {
  if (number === 0) return false;
  const attached = await attachedDisks(cloud, context);
  if (attached.length !== snapshots.length) return false;
  return attached.every((disk) =>
    snapshots.some((each) => sameId(each.uniqueId, disk.uniqueId) && each.ownership === disk.ownershipUpdatedAt),
  );
}

/** Writes down which snapshots there are going to be, before any is asked for. */
async function beginTake(
  { cloud, books }: CutOverPorts,
  context: StepContext,
  before: SourceRecord,
): Promise<SourceRecord> {
  const { restore, epoch } = context;
  const attached = await attachedDisks(cloud, context);
  const number = before.take + 1;
  const group = safetyGroupName(restore.id);
  const snapshots = attached.map(({ azureId, uniqueId, lun, ownershipUpdatedAt }, place): RecordedSnapshot => {
    const snapshotId = cloud.reader.snapshotId(group, safetySnapshotName(restore.id, number, place));
    return { diskId: azureId, uniqueId, lun, snapshotId, ownership: ownershipUpdatedAt };
  });
  return books.transaction(async (tx) => {
    await tx.requireCurrent({ restoreId: restore.id, work: 'remove-source', epoch });
    const record = { ...before, take: number, snapshots };
    await tx.recordSource(restore.id, record);
    return record;
  });
}
