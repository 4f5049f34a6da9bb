import { setTimeout as pause } from 'node:timers/promises';
import {
  LandfallError,
  ownerTags,
  REMOVAL_WAVES,
  removeResource,
  type CallJournal,
  type Cloud,
  type LedgerEntry,
  type ResourceRole,
  carriesTags,
} from '@landfall/domain';
import { boundedMap } from './side-by-side.js';

/*
 * Removing what an owner has made, in the order in which Azure lets go of it: access to disks, then VMs, then what
 * they held. Only what the ledger lists is looked at, and only what carries our tags is touched.
 *
 * What was intended and is not to be seen may have been made a moment ago: for some seconds Azure does not show it. So it is
 * looked for a while longer before its absence is believed and its entry settled, because nobody looks again then.
 */
export interface RemovalPorts {
  readonly cloud: Cloud;
  readonly applianceId: string;
  /** Milliseconds between looks at what was intended and is not to be seen; ten seconds in all when left out. */
  readonly looksForIntended?: readonly number[];
}

const LOOKS_FOR_INTENDED_MS = [1_000, 2_000, 3_000, 4_000];

interface Left {
  readonly entry: LedgerEntry;
  readonly error: LandfallError;
}

export interface Removal {
  /** What was left alone, because it does not carry our tags. */
  readonly foreign: readonly Left[];
}

const AT_ONCE = 4;

/**
 * Goes on past what can't be removed, and throws the first such error at the end. What is settled as removed is looked at
 * like the rest.
 * @throws LandfallError
 */
export async function removeOwned(
  ports: RemovalPorts,
  entries: readonly LedgerEntry[],
  journal: CallJournal,
  signal: AbortSignal,
): Promise<Removal> {
  const { foreign, failures } = await removeEach(ports, entries, journal, signal);
  if (failures[0] !== undefined) throw failures[0].error;
  return { foreign };
}

/** As `removeOwned`, and gives back what could not be removed. @throws the signal's reason, or what a look at it made of it */
export async function removeEach(
  ports: RemovalPorts,
  entries: readonly LedgerEntry[],
  journal: CallJournal,
  signal: AbortSignal,
): Promise<Removal & { readonly failures: readonly { readonly entry: LedgerEntry; readonly error: unknown }[] }> {
  const foreign: Left[] = [];
  const failures: { entry: LedgerEntry; error: unknown }[] = [];
  for (const kinds of REMOVAL_WAVES) {
    const wave = entries.filter((entry) => kinds.includes(entry.kind));
    await boundedMap(wave, AT_ONCE, async (entry) => {
      signal.throwIfAborted();
      try {
        await remove(ports, entry, journal, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        if (error instanceof LandfallError && error.code === 'RESOURCE_FOREIGN') foreign.push({ entry, error });
        else failures.push({ entry, error });
      }
    });
  }
  return { foreign, failures };
}

async function remove(
  ports: RemovalPorts,
  entry: LedgerEntry,
  journal: CallJournal,
  signal: AbortSignal,
): Promise<void> {
  const { cloud, applianceId } = ports;
  if (entry.state === 'intended') await lookForIt(ports, entry, signal);
  const tags = ownerTags(applianceId, journal.ownerId, entry.role as ResourceRole);
  await endAccess(cloud, entry, tags, journal, signal);
  await removeResource(cloud, entry.kind, { azureId: entry.azureId, tags }, journal, signal);
}

async function lookForIt(
  { cloud, looksForIntended = LOOKS_FOR_INTENDED_MS }: RemovalPorts,
  { azureId, kind }: LedgerEntry,
  signal: AbortSignal,
): Promise<void> {
  for (const milliseconds of looksForIntended) {
    if ((await cloud.reader.resource(kind, azureId)) !== null) return;
    await pause(milliseconds, undefined, { signal });
  }
}

/** What has access granted can't be deleted. What is not ours keeps its access. */
async function endAccess(
  cloud: RemovalPorts['cloud'],
  entry: LedgerEntry,
  tags: Readonly<Record<string, string>>,
  journal: CallJournal,
  signal: AbortSignal,
): Promise<void> {
  const { azureId, kind } = entry;
  if (kind !== 'disk' && kind !== 'snapshot') return;
  const found = await (kind === 'disk' ? cloud.reader.disk(azureId) : cloud.reader.snapshot(azureId));
  if (found === null || !/^Active/.test(found.diskState) || !carriesTags(found.tags, tags)) return;
  await (kind === 'disk' ? cloud.disks : cloud.snapshots).revokeAccess(azureId, journal, signal);
}
