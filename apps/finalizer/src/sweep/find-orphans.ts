import {
  captureHasEnded,
  hasEnded,
  mayOutlive,
  OWNER_TAGS,
  ownerTags,
  type Cloud,
  type LedgerRecord,
  type ResourceRole,
  type RestoreBooks,
  type RestoreState,
  type TaggedResource,
  carriesTags,
  tagOf,
} from '@landfall/domain';
import { boundedMap, type Orphan } from '@landfall/pipeline';

/*
 * What is left of restores and captures that have ended: the ledger held against Azure.
 *
 * Azure is listed first, by the appliance's tag, and the ledger is read after it: a resource is written down before it is
 * made, so whatever the list shows has its entry by then. What the ledger lists beyond that is looked at one by one. Names
 * say nothing. A restore or a capture that is under way, or waits for a person, has no orphans; what may outlive one that has ended is none.
 */
export interface SweepPorts {
  readonly cloud: Pick<Cloud, 'reader'>;
  readonly books: Pick<RestoreBooks, 'ledgerOfAll'>;
  readonly applianceId: string;
}

/** Of a restore or a capture that has ended, and that it should not have outlived. */
type OverRecord = LedgerRecord & { readonly owner: { readonly state: RestoreState } };

/** An orphan, with the ledger entry that it is told by. */
export interface FoundOrphan extends Orphan {
  readonly record: OverRecord | null;
}

const READS_AT_ONCE = 4;

export async function findOrphans(ports: SweepPorts, signal?: AbortSignal): Promise<readonly FoundOrphan[]> {
  const { cloud, books, applianceId } = ports;
  const tagged = await cloud.reader.tagged(OWNER_TAGS.appliance, applianceId);
  signal?.throwIfAborted();
  const records = await books.ledgerOfAll(tagged.map((resource) => resource.azureId));
  const listed = tagged.flatMap((resource) => fromList(resource, records, applianceId) ?? []);

  const seen = new Set(tagged.map((resource) => keyOf(resource.azureId, tagOf(resource.tags, OWNER_TAGS.restore))));
  const unseen = records
    .filter(isOver)
    .filter(({ azureId, owner, state }) => state !== 'removed' && !seen.has(keyOf(azureId, owner.id)));
  const looked = await boundedMap(unseen, READS_AT_ONCE, async (record) => {
    signal?.throwIfAborted();
    return fromLook(record, await cloud.reader.resource(record.kind, record.azureId), applianceId);
  });
  return [...listed, ...looked];
}

/** Null: it is where it should be, or its restore may still want it. */
function fromList(resource: TaggedResource, records: readonly LedgerRecord[], applianceId: string): FoundOrphan | null {
  const key = keyOf(resource.azureId, tagOf(resource.tags, OWNER_TAGS.restore));
  const record = records.find((candidate) => keyOf(candidate.azureId, candidate.owner.id) === key);
  if (record === undefined) {
    return {
      ...{ azureId: resource.azureId, finding: 'unknown', removable: false, record: null },
      ...{ kind: resource.kind, role: tagOf(resource.tags, OWNER_TAGS.role) },
      ...{ restoreId: tagOf(resource.tags, OWNER_TAGS.restore), restoreState: null },
      why: 'It carries the tag of this appliance, and no ledger lists it: whoever made it has to decide.',
    };
  }
  return isOver(record) ? fromLook(record, resource, applianceId) : null;
}

function fromLook(record: OverRecord, found: Pick<TaggedResource, 'tags'> | null, applianceId: string): FoundOrphan {
  const { azureId, kind, role, owner } = record;
  const { id: restoreId, state: restoreState } = owner;
  const whose = `${owner.kind === 'restore' ? 'Restore' : 'Capture'} ${restoreId}`;
  const known = { azureId, kind, role, restoreId, restoreState, record };
  if (found === null) {
    const why = `${whose} is ${restoreState}; it intended this and it does not exist.`;
    return { ...known, finding: 'never-created', removable: true, why };
  }
  if (!isOurs(found, record, applianceId)) {
    const why = `${whose} had it in its ledger, but it does not carry the tags that go with it: it is left alone.`;
    return { ...known, finding: 'not-ours', removable: false, why };
  }
  const why = `${whose} is ${restoreState}, and this should have been removed.`;
  return { ...known, finding: 'left-behind', removable: true, why };
}

function isOver(record: LedgerRecord): record is OverRecord {
  const { owner } = record;
  if (owner.kind === 'capture') return captureHasEnded(owner.state) && !mayOutlive(record, owner.state);
  return hasEnded(owner.state) && !mayOutlive(record, owner.state);
}

function isOurs(found: Pick<TaggedResource, 'tags'>, record: LedgerRecord, applianceId: string): boolean {
  const wanted = ownerTags(applianceId, record.owner.id, record.role as ResourceRole);
  return carriesTags(found.tags, wanted);
}

function keyOf(azureId: string, restoreId: string | null): string {
  return `${azureId.toLowerCase()} ${restoreId ?? ''}`;
}
