import {
  ownerTags,
  stepOf,
  type DiskAttachment,
  type LedgerEntry,
  type RecordedSnapshot,
  type SavedResource,
  type SavedVm,
  sameId,
} from '@landfall/domain';
import { boundedMap, removeOwned, type WorkContext, type WorkHandler } from '@landfall/pipeline';
import { modelOf, recordOf, replacedBy, type CutOverPorts } from './ports.js';
import { putBack } from './put-back.js';
import { settleRemoval } from './removal.js';
import { removeEarlierSnapshots } from './stop-and-take.js';

/*
 * The way back of a restore to the original location.
 *
 * Before the gate the source stands: it runs again if it ran, and what was changed of it is put back. Behind it the source is
 * brought back from what is written down of it: each of its disks is the one that still stands, told by Azure's own number, or one
 * that is made from its safety snapshot; the restored machine goes, and the original one is made in its words around those disks.
 * The disks are made first: what runs at present goes only once everything is there that takes its place. What a finished restore
 * has made is in use since, so its disks are kept.
 */
const DISKS_AT_ONCE = 4;

export function bringSourceBack(ports: CutOverPorts): WorkHandler {
  return async (context) => {
    const { restore } = context;
    const source = replacedBy(context);
    const found = await ports.cloud.reader.vm(source.azureId);
    const stands = found !== null && sameId(found.instanceId, source.instanceId);
    if (restore.cutOverAt !== null && !stands) await recreateSource(ports, context);
    await putBack(ports, context);
    if (restore.cutOverAt !== null) await removeEarlierSnapshots(ports, context);
  };
}

async function recreateSource(ports: CutOverPorts, context: WorkContext): Promise<void> {
  const { cloud, books, applianceId } = ports;
  const { restore, journal, signal } = context;
  const { azureId } = replacedBy(context);
  const record = await recordOf(ports, restore.id);
  const saved = modelOf(ports, restore.id, record);
  const disks = await boundedMap(record.snapshots, DISKS_AT_ONCE, (snapshot) =>
    diskFor(ports, context, saved, snapshot),
  );
  await settleRemoval(ports, context);
  const ledger = await books.ledger(restore.id);
  const back = broughtBack(ledger, 'vm', azureId);
  const entry = ledger.find((each) => each.kind === 'vm' && sameId(each.azureId, azureId));
  if (back === undefined && entry !== undefined) await removeRestored(ports, context, entry);
  const { vm } = await cloud.machines.recreate(
    {
      ...{ saved, ...attachmentsOf(saved, disks) },
      tags: ownerTags(applianceId, restore.id, 'vm'),
      instanceId: back?.instanceId ?? null,
      ...{ role: 'vm', purpose: 'brought-back' as const },
    },
    journal,
    signal,
  );
  if (!record.ran) await cloud.machines.deallocate(vm.azureId, journal, signal);
  const { azureId: madeId, instanceId } = vm;
  await cloud.sources.giveOptionsBack({ azureId: madeId, instanceId }, saved, journal, signal);
  await giveBack(ports, context, saved);
  await context.event('source.brought-back', `${vm.name} is back, as it was when it was stopped.`, { azureId });
}

/**
 * What is back is its owner's again, and carries none of our tags: nobody is to take it for a thing that goes with its restore. Until
 * here they have told that we have made it; from here on its number does, which the ledger has.
 */
async function giveBack(
  { cloud, books, applianceId }: CutOverPorts,
  context: WorkContext,
  saved: SavedVm,
): Promise<void> {
  const { restore, journal, signal } = context;
  const ledger = await books.ledger(restore.id);
  for (const each of [saved.vm, ...saved.disks]) {
    const kind = each === saved.vm ? 'vm' : 'disk';
    const instanceId = broughtBack(ledger, kind, each.azureId)?.instanceId ?? null;
    if (instanceId === null) continue;
    const tags = ownerTags(applianceId, restore.id, kind);
    await cloud.sources.giveBack({ kind, instanceId, saved: each }, tags, journal, signal);
  }
}

/** What a roll-back has made anew under this id; undefined: nothing, or it is gone. */
function broughtBack(ledger: readonly LedgerEntry[], kind: 'vm' | 'disk', azureId: string): LedgerEntry | undefined {
  return ledger.find(
    (each) =>
      each.kind === kind &&
      each.purpose === 'brought-back' &&
      each.state !== 'removed' &&
      sameId(each.azureId, azureId),
  );
}

interface BackDisk extends Pick<RecordedSnapshot, 'lun'> {
  readonly diskId: string;
  /** As it was saved. */
  readonly saved: SavedResource | null;
}

/**
 * One that still stands is used itself: it holds what its snapshot holds. So is one that was made here already, told by its number:
 * it may have been given back by now.
 */
async function diskFor(
  { cloud, books, applianceId }: CutOverPorts,
  { restore, journal, signal }: WorkContext,
  { disks }: SavedVm,
  { diskId, uniqueId, lun, snapshotId }: RecordedSnapshot,
): Promise<BackDisk> {
  const saved = disks.find(({ azureId }) => sameId(azureId, diskId)) ?? null;
  const standing = await cloud.reader.disk(diskId);
  const made = broughtBack(await books.ledger(restore.id), 'disk', diskId);
  const numbers = [uniqueId, made?.instanceId ?? uniqueId];
  if (standing !== null && numbers.some((number) => sameId(standing.uniqueId, number))) return { diskId, lun, saved };
  if (saved === null) throw new Error(`Nothing is saved of the disk ${diskId}, of which a snapshot was taken.`);
  const { disk } = await cloud.disks.recreate(
    {
      ...{ saved, snapshotId, tags: ownerTags(applianceId, restore.id, 'disk') },
      ...{ role: 'disk', purpose: 'brought-back' as const },
    },
    journal,
    signal,
  );
  return { diskId: disk.azureId, lun, saved };
}

/**
 * Its network interfaces and its disks outlive it. One that was only asked for is looked for, too: while it may come into being, its
 * name is not free.
 */
async function removeRestored(ports: CutOverPorts, context: WorkContext, entry: LedgerEntry): Promise<void> {
  const { books } = ports;
  const { restore, epoch, journal, signal } = context;
  const isFinished = stepOf(restore, 'remove-staging-resource-group')?.state === 'done';
  if (isFinished) {
    await books.transaction(async (tx) => {
      await tx.requireCurrent({ restoreId: restore.id, work: 'bring-source-back', epoch });
      await tx.keepDisks(restore.id);
    });
  }
  if (entry.purpose !== 'result') return;
  await keepParts(ports, context, entry);
  const { foreign } = await removeOwned(ports, [entry], journal, signal);
  // While its name is taken its entry stays open, and what is made under that would be taken for the restored machine.
  if (foreign[0] !== undefined) throw foreign[0].error;
}

/** Among them the public addresses, which are told by the network interfaces: those are not ours, so this is undone in the end. */
async function keepParts({ cloud }: CutOverPorts, context: WorkContext, entry: LedgerEntry): Promise<void> {
  const { journal, signal } = context;
  const found = await cloud.reader.vm(entry.azureId);
  if (found === null || entry.instanceId === null || !sameId(found.instanceId, entry.instanceId)) return;
  await cloud.sources.keepParts({ azureId: found.azureId, instanceId: found.instanceId }, journal, signal);
}

/** All of them at their places, as the machine had them when it was stopped. */
function attachmentsOf(
  { vm }: SavedVm,
  disks: readonly BackDisk[],
): { osDiskId: string; dataDisks: readonly DiskAttachment[] } {
  const osDisk = disks.find(({ lun }) => lun === null);
  if (osDisk === undefined) throw new Error(`No snapshot was taken of the OS disk of ${vm.azureId}.`);
  const dataDisks = disks.flatMap(({ diskId, lun }) =>
    lun === null ? [] : [{ diskId, lun, caching: cachingAt(vm, lun) }],
  );
  return { osDiskId: osDisk.diskId, dataDisks };
}

function cachingAt({ body }: SavedResource, lun: number): DiskAttachment['caching'] {
  const { dataDisks = [] } =
    (body as { properties?: { storageProfile?: { dataDisks?: SavedDataDisk[] } } }).properties?.storageProfile ?? {};
  const caching = dataDisks.find((disk) => disk.lun === lun)?.caching;
  return caching === 'ReadOnly' || caching === 'ReadWrite' ? caching : 'None';
}

interface SavedDataDisk {
  readonly lun?: number;
  readonly caching?: string;
}
