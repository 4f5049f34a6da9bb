import {
  detailsOf,
  SWEEP,
  type CallJournal,
  type CaptureBooks,
  type LedgerOwner,
  type RestoreBooks,
} from '@landfall/domain';
import { duringCleanUp, removeEach, type RemovalPorts, type RemovedOrphans } from '@landfall/pipeline';
import { findOrphans, type FoundOrphan, type SweepPorts } from './find-orphans.js';

/*
 * Takes away what ended restores have left behind: looked for anew, and of that only what the ledger lists and what carries
 * every tag that the ledger implies, read once more just before it is deleted. The journal of an ended restore, or capture, is
 * bound to its epoch: once somebody rolls it back, that clean-up does the rest.
 */
export interface RemoveOrphansPorts extends SweepPorts, RemovalPorts {
  readonly cloud: SweepPorts['cloud'] & RemovalPorts['cloud'];
  readonly books: Pick<RestoreBooks, 'ledgerOfAll' | 'journal'>;
  readonly captures: Pick<CaptureBooks, 'sweepJournal'>;
}

/** @param wanted only of these; null: all that are removable */
export function removeOrphans(
  ports: RemoveOrphansPorts,
  wanted: readonly string[] | null,
  signal: AbortSignal,
): Promise<RemovedOrphans> {
  return duringCleanUp(() => remove(ports, wanted, signal));
}

async function remove(
  ports: RemoveOrphansPorts,
  wanted: readonly string[] | null,
  signal: AbortSignal,
): Promise<RemovedOrphans> {
  const chosen = wanted === null ? null : new Set(wanted.map((id) => id.toLowerCase()));
  const orphans = (await findOrphans(ports, signal)).filter(
    (orphan) => orphan.removable && (chosen === null || chosen.has(orphan.azureId.toLowerCase())),
  );
  const removed: string[] = [];
  const kept: RemovedOrphans['kept'] = [];
  for (const group of byRestore(orphans)) {
    signal.throwIfAborted();
    const records = group.flatMap(({ record }) => record ?? []);
    const [first] = records;
    if (first === undefined) continue;
    const journal = journalOf(ports, first.owner);
    // Settled as removed or not: it was just seen, or its entry is to be settled.
    const entries = records.map((record) => ({ ...record, state: 'created' as const }));
    const { foreign, failures } = await removeEach(ports, entries, journal, signal);
    const left = [...foreign, ...failures];
    for (const { entry, error } of left) kept.push({ azureId: entry.azureId, ...detailsOf(error) });
    const stayed = new Set(left.map(({ entry }) => entry.azureId));
    removed.push(...records.map((record) => record.azureId).filter((id) => !stayed.has(id)));
  }
  return { removed, kept };
}

function journalOf({ books, captures }: RemoveOrphansPorts, { kind, id, epoch }: LedgerOwner): CallJournal {
  return kind === 'restore' ? books.journal(id, SWEEP, epoch) : captures.sweepJournal(id, epoch);
}

function byRestore(orphans: readonly FoundOrphan[]): readonly (readonly FoundOrphan[])[] {
  return [...Map.groupBy(orphans, (orphan) => orphan.restoreId).values()];
}
