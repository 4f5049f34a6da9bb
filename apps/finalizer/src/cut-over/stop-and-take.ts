import { setTimeout as pause } from 'node:timers/promises';
import {
  PermanentError,
  POWER_CHANGE,
  RetryableError,
  safetyGroupName,
  safetyGroupOf,
  safetySnapshotName,
  safetySnapshotOf,
  WaitingError,
  type RecordedSnapshot,
  type SourceRecord,
  sameId,
} from '@landfall/domain';
import { boundedMap, removeOwned, type StepContext } from '@landfall/pipeline';
import { modelOf, recordOf, replacedBy, sourceVmOf, type CutOverPorts } from './ports.js';

/*
 * The source stands still, and there is a snapshot of each of its disks as it is then: what it takes to bring it back. Snapshots
 * can't be moved between resource groups, so they are made where they are kept: in a group of their own.
 *
 * What was taken counts as long as nobody has started the source since, which its disks tell. Else all of it is taken anew, under
 * names of its own, and what was taken before is removed once that is complete: it is of an earlier state.
 */
const SNAPSHOTS_AT_ONCE = 16;
const LOOK_EVERY_MS = 2_000;
const LOOKS = 150;

export async function stopAndTake(ports: CutOverPorts, context: StepContext): Promise<void> {
  await stop(ports, context);
  const record = await recordOf(ports, context.restore.id);
  const isTaken = await isOfNow(ports, context, record);
  const present = isTaken ? record : await beginTake(ports, context, record);
  await take(ports, context, present);
  await removeEarlier(ports, context, present);
  if (isTaken) return;
  await context.event('source.snapshots-taken', `${present.snapshots.length} safety snapshot(s) are complete.`);
}

/** In which the snapshots are kept. It is made before the stop: nothing that can be done before lengthens the outage. */
export async function ensureSafetyGroup(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { restore, plan, journal, signal } = context;
  const maker = { applianceId: ports.applianceId, restoreId: restore.id };
  await ports.cloud.groups.ensure(safetyGroupOf(plan, maker), journal, signal);
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

async function take(ports: CutOverPorts, context: StepContext, record: SourceRecord): Promise<void> {
  const { cloud, applianceId } = ports;
  const { snapshots } = record;
  const { disks } = modelOf(ports, context.restore.id, record);
  const { restore, plan, journal, signal } = context;
  const maker = { applianceId, restoreId: restore.id };
  await ensureSafetyGroup(ports, context);
  await boundedMap(snapshots, SNAPSHOTS_AT_ONCE, ({ diskId, snapshotId }) => {
    const name = snapshotId.slice(snapshotId.lastIndexOf('/') + 1);
    const saved = disks.find(({ azureId }) => sameId(azureId, diskId));
    return cloud.snapshots.ensure(safetySnapshotOf(plan, name, diskId, saved, maker), journal, signal);
  });
  await boundedMap(snapshots, SNAPSHOTS_AT_ONCE, ({ snapshotId }) => completed(ports, snapshotId, signal));
}

async function completed(
  { cloud, lookEveryMs = LOOK_EVERY_MS }: CutOverPorts,
  snapshotId: string,
  signal: AbortSignal,
): Promise<void> {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    const now = await cloud.reader.snapshot(snapshotId);
    if (now !== null && now.completionPercent >= 100 && now.provisioningState === 'Succeeded') return;
    await pause(lookEveryMs, undefined, { signal });
  }
  throw new WaitingError(
    {
      code: 'SNAPSHOT_INCOMPLETE',
      message: `Azure is still filling the safety snapshot ${snapshotId}.`,
      fix: 'Nothing has to be done: large disks of fast kinds take a while.',
    },
    { retryAfterMs: 30_000 },
  );
}

async function removeEarlier(ports: CutOverPorts, context: StepContext, { snapshots }: SourceRecord): Promise<void> {
  const { restore, journal, signal } = context;
  const earlier = (await ports.books.ledger(restore.id)).filter(
    ({ kind, purpose, state, azureId }) =>
      kind === 'snapshot' &&
      purpose === 'safety' &&
      state !== 'removed' &&
      !snapshots.some(({ snapshotId }) => sameId(snapshotId, azureId)),
  );
  await removeOwned(ports, earlier, journal, signal);
}

/** All disks that the source has at present, the OS disk first. */
async function attachedDisks(cloud: CutOverPorts['cloud'], context: StepContext) {
  const { azureId, instanceId } = replacedBy(context);
  const vm = await cloud.reader.vm(azureId);
  if (vm !== null && !sameId(vm.instanceId, instanceId)) throw replacedMeanwhile(azureId);
  // It was there a moment ago. Taken for a machine without disks, it would lose the snapshots that it has.
  if (vm === null || vm.osDiskId === null) throw notSeen(azureId);
  const places = [{ diskId: vm.osDiskId, lun: null }, ...vm.dataDisks];
  return boundedMap(places, SNAPSHOTS_AT_ONCE, async ({ diskId, lun }) => {
    const disk = await cloud.reader.disk(diskId);
    if (disk !== null) return { ...disk, lun };
    throw new PermanentError({
      code: 'SOURCE_CHANGED',
      message: `The disk ${diskId} of the machine that is to be replaced is not to be seen.`,
      fix: 'Look at the machine in Azure; resume the restore once all of its disks are there.',
    });
  });
}

/** Its disks are none of the source's: what was taken of that must not give way to snapshots of them. */
function replacedMeanwhile(azureId: string): PermanentError {
  return new PermanentError({
    code: 'SOURCE_CHANGED',
    message: `${azureId} is another machine by now than the one that was to be replaced.`,
    fix: 'Find out who made it in the activity log; resume the restore to go on without it, or bring the original machine back.',
  });
}

export function notSeen(azureId: string): RetryableError {
  return new RetryableError({
    code: 'AZURE_INCONSISTENT',
    message: `Azure does not show the machine ${azureId} with its disks, which it has shown before.`,
    fix: 'Nothing has to be done: it is looked at again.',
  });
}
