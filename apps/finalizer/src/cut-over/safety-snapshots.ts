import { setTimeout as pause } from 'node:timers/promises';
import {
  PermanentError,
  RetryableError,
  safetyGroupName,
  safetyGroupOf,
  safetySnapshotName,
  safetySnapshotOf,
  WaitingError,
  type RecordedSnapshot,
  sameId,
} from '@landfall/domain';
import { boundedMap, removeOwned, type StepContext, type WorkContext } from '@landfall/pipeline';
import { modelOf, recordOf, replacedBy, type CutOverPorts } from './ports.js';

/*
 * Snapshots of the source's disks. They can't be moved between resource groups, so they are made where they are kept: in a group of
 * their own.
 */
const SNAPSHOTS_AT_ONCE = 16;
const LOOK_EVERY_MS = 2_000;
const LOOKS = 150;
/** What has changed since a first snapshot is copied during the outage: there should not be much. */
const FIRST_GOOD_FOR_MS = 60 * 60_000;
/** They are of no take: nothing is brought back from them. */
const FIRST = 0;

/** It is made before the stop: nothing that can be done before lengthens the outage. */
export async function ensureSafetyGroup(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { restore, plan, journal, signal } = context;
  const maker = { applianceId: ports.applianceId, restoreId: restore.id };
  await ports.cloud.groups.ensure(safetyGroupOf(plan, maker), journal, signal);
}

/**
 * Of all disks of a source that runs, complete. Azure copies the whole of a disk for the first of its snapshots and only what has
 * changed for the next one, which is taken while the machine is out of use. They go once those are there.
 */
export async function ensureFirstSnapshots(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { cloud, books } = ports;
  const { restore } = context;
  const group = safetyGroupName(restore.id);
  const snapshots = (await attachedDisks(cloud, context)).map(({ azureId: diskId }, place) => ({
    diskId,
    snapshotId: cloud.reader.snapshotId(group, safetySnapshotName(restore.id, FIRST, place)),
  }));
  const now = await books.transaction((tx) => tx.now());
  const outdated = await boundedMap(snapshots, SNAPSHOTS_AT_ONCE, async ({ diskId, snapshotId }) => {
    const found = await cloud.reader.snapshot(snapshotId);
    if (found === null || found.takenAt === null) return [];
    const isGood = sameId(found.diskId ?? '', diskId) && now.getTime() - found.takenAt.getTime() < FIRST_GOOD_FOR_MS;
    return isGood ? [] : [snapshotId];
  });
  await removeSnapshots(ports, context, (snapshotId) => outdated.flat().some((each) => sameId(each, snapshotId)));
  await makeSnapshots(ports, context, snapshots);
}

/** Those that are there already stay as they are; all are complete afterwards. */
export async function makeSnapshots(
  ports: CutOverPorts,
  context: StepContext,
  snapshots: readonly Pick<RecordedSnapshot, 'diskId' | 'snapshotId'>[],
): Promise<void> {
  const { cloud, applianceId } = ports;
  const { restore, plan, journal, signal } = context;
  const { disks } = modelOf(ports, restore.id, await recordOf(ports, restore.id));
  const maker = { applianceId, restoreId: restore.id };
  await ensureSafetyGroup(ports, context);
  await boundedMap(snapshots, SNAPSHOTS_AT_ONCE, ({ diskId, snapshotId }) => {
    const name = snapshotId.slice(snapshotId.lastIndexOf('/') + 1);
    const saved = disks.find(({ azureId }) => sameId(azureId, diskId));
    return cloud.snapshots.ensure(safetySnapshotOf(plan, name, diskId, saved, maker), journal, signal);
  });
  await boundedMap(snapshots, SNAPSHOTS_AT_ONCE, ({ snapshotId }) => completed(ports, snapshotId, signal));
}

/** Of those that the ledger has. */
export async function removeSnapshots(
  ports: CutOverPorts,
  { restore, journal, signal }: WorkContext,
  isMeant: (snapshotId: string) => boolean,
): Promise<void> {
  const meant = (await ports.books.ledger(restore.id)).filter(
    ({ kind, purpose, state, azureId }) =>
      kind === 'snapshot' && purpose === 'safety' && state !== 'removed' && isMeant(azureId),
  );
  await removeOwned(ports, meant, journal, signal);
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

/** All disks that the source has at present, the OS disk first. */
export async function attachedDisks(cloud: CutOverPorts['cloud'], context: StepContext) {
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
