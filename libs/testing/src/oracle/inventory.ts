import { endBy, hasEnded, mayOutlive, OWNER_TAGS, tagOf } from '@landfall/domain';
import type { Evidence, InventoryItem, RestoreHistory } from './evidence.js';
import type { Violation } from './violation.js';

/** I4: what is there and what the ledger says should be there, both ways. */
export function inventoryFitsLedger(evidence: Evidence): Violation[] {
  const { inventory, restores, applianceId } = evidence;
  if (inventory === undefined) return [];
  const present = new Map(inventory.map((item) => [item.azureId.toLowerCase(), item]));
  const one = restores.flatMap((history) => (hasEnded(history.restore.state) ? of(history, present, applianceId) : []));
  return [...one, ...nothingUnknown(evidence)];
}

/** Where it is known what was there before and everything has ended, nothing may be there that no ledger expects: tags or not. */
function nothingUnknown({ inventory = [], restores, foreign, sources = [] }: Evidence): Violation[] {
  if (foreign === undefined || restores.some(({ restore }) => !hasEnded(restore.state))) return [];
  const known = new Set(foreign.before.map(({ azureId }) => azureId.toLowerCase()));
  for (const { azureIds } of sources) for (const azureId of azureIds) known.add(azureId.toLowerCase());
  for (const { ledger } of restores) {
    for (const { azureId, state } of ledger) if (state === 'created') known.add(azureId.toLowerCase());
  }
  return inventory
    .filter(({ azureId }) => !known.has(azureId.toLowerCase()))
    .map((item) => ({ invariant: 'I4', what: 'Something is left behind that nobody knows of.', evidence: item }));
}

function of(
  { restore, ledger }: RestoreHistory,
  present: ReadonlyMap<string, InventoryItem>,
  applianceId: string,
): Violation[] {
  const found: Violation[] = [];
  const blame = (what: string, evidence: unknown): void => {
    found.push({ invariant: 'I4', what: `Restore ${restore.id} is ${restore.state}, and ${what}`, evidence });
  };
  const entries = new Map(ledger.map((entry) => [entry.azureId.toLowerCase(), entry]));
  for (const entry of ledger) {
    const item = present.get(entry.azureId.toLowerCase());
    const ours = item !== undefined && isOf(item, restore.id, applianceId);
    const expected = entry.state === 'created' && mayOutlive(entry, endBy(restore));
    if (expected && item === undefined) blame('something of it is missing.', entry);
    if (!expected && ours) blame('something of it is left behind.', { entry, item });
    if (!expected && entry.state === 'created' && item === undefined) blame('its ledger lists what is gone.', entry);
    // What Azure made along with a VM carries no tags until it is given them: it is told by its ledger entry alone.
    if (!expected && item !== undefined && Object.keys(item.tags).length === 0 && entry.role === 'worker-os-disk') {
      blame('the OS disk of its worker is left behind.', { entry, item });
    }
  }
  for (const [key, item] of present) {
    if (isOf(item, restore.id, applianceId) && !entries.has(key)) blame('something carries its tags unknown.', item);
  }
  return found;
}

function isOf({ tags }: InventoryItem, restoreId: string, applianceId: string): boolean {
  return tagOf(tags, OWNER_TAGS.restore) === restoreId && tagOf(tags, OWNER_TAGS.appliance) === applianceId;
}

/** I8 */
export function nothingForeignTouched({ foreign }: Evidence): Violation[] {
  if (foreign === undefined) return [];
  const after = new Map(foreign.after.map(({ azureId, print }) => [azureId.toLowerCase(), print]));
  return foreign.before
    .filter(({ azureId, print }) => after.get(azureId.toLowerCase()) !== print)
    .map((thing) => ({
      invariant: 'I8' as const,
      what: `Something that is not Landfall's was ${after.has(thing.azureId.toLowerCase()) ? 'changed' : 'removed'}.`,
      evidence: { before: thing, after: after.get(thing.azureId.toLowerCase()) ?? null },
    }));
}
