import { entryOf, type CallIntent, type CallResult, type LedgerEntry, type OpenChange, sameId } from '@landfall/domain';

type Row = { -readonly [Column in keyof Omit<LedgerEntry, 'readAt'>]: LedgerEntry[Column] };

/** A ledger as plain data: every life of every id, in the order in which their entries were made. */
export interface LedgerRows {
  entries: Row[];
  changes: (OpenChange & { undone: boolean })[];
}

/** What has come of a call, as the history of its owner tells it. */
export interface LedgerEvent {
  readonly type: 'resource.created' | 'resource.removed' | 'resource.moved';
  readonly message: string;
  readonly data: { readonly azureId: string };
}

export function emptyLedger(): LedgerRows {
  return { entries: [], changes: [] };
}

export function copyLedger({ entries, changes }: LedgerRows): LedgerRows {
  return { entries: entries.map((entry) => ({ ...entry })), changes: changes.map((change) => ({ ...change })) };
}

export function latestLives({ entries }: LedgerRows, readAt: Date): LedgerEntry[] {
  const latest = new Map(entries.map((entry) => [keyOf(entry.azureId), entry]));
  return entries.filter((entry) => latest.get(keyOf(entry.azureId)) === entry).map((entry) => ({ ...entry, readAt }));
}

export function openChanges({ changes }: LedgerRows): OpenChange[] {
  return changes.filter(({ undone }) => !undone).map(({ undone: _undone, ...change }) => change);
}

/** Enters what a call is going to do. Returns the life that it brings into being; null: none. */
export function enter(rows: LedgerRows, { azureId, effect }: CallIntent, now: Date): number | null {
  const entry = entryOf(azureId, effect);
  if (entry !== null) {
    const lives = rows.entries.filter((each) => sameId(each.azureId, azureId));
    const isKnown =
      lives.some(isAlive) ||
      (entry.instanceId !== null && lives.some(({ instanceId }) => instanceId === entry.instanceId));
    const life = Math.max(0, ...lives.map((each) => each.life)) + 1;
    if (!isKnown) rows.entries.push({ ...entry, life, movedFrom: null, createdAt: now });
  }
  if (effect.moves !== undefined) {
    const moved = aliveUnder(rows, azureId);
    if (moved !== undefined && aliveUnder(rows, effect.moves.to) === undefined)
      rows.entries.push({ ...moved, azureId: effect.moves.to, state: 'intended', movedFrom: moved.azureId });
  }
  if (effect.changes !== undefined && effect.changes !== 'ours' && !('undoes' in effect.changes)) {
    const { what, was } = effect.changes;
    // What it was before the first try: a later one may find what that has made of it.
    if (openChange(rows, azureId, what) === undefined)
      rows.changes.push({ azureId, what, was, intendedAt: now, undone: false });
  }
  return effect.creates === undefined ? null : (aliveUnder(rows, azureId)?.life ?? null);
}

/** Settles what a call has done. @param life as `enter` gave it; a later one is not this call's */
export function settle(
  rows: LedgerRows,
  intent: CallIntent,
  life: number | null,
  result: CallResult,
): LedgerEvent | null {
  const { effect } = intent;
  const azureId = result.azureId ?? intent.azureId;
  const alive = aliveUnder(rows, azureId);
  if (effect.creates !== undefined) {
    if (alive?.state !== 'intended' || alive.life !== life) return null;
    Object.assign(alive, { state: 'created', instanceId: result.instanceId ?? alive.instanceId });
    return told('created', azureId);
  }
  if (effect.removes !== undefined) {
    if (alive === undefined) return null;
    alive.state = 'removed';
    return told('removed', azureId);
  }
  if (effect.moves !== undefined) {
    const { to } = effect.moves;
    const there = aliveUnder(rows, to);
    if (there?.state !== 'intended' || there.movedFrom === null || !sameId(there.movedFrom, azureId)) return null;
    there.state = 'created';
    if (alive?.life === there.life) alive.state = 'removed';
    return told('moved', to);
  }
  if (effect.changes !== 'ours' && 'undoes' in effect.changes) {
    const open = openChange(rows, azureId, effect.changes.undoes);
    if (open !== undefined) open.undone = true;
  }
  return null;
}

function told(what: 'created' | 'removed' | 'moved', azureId: string): LedgerEvent {
  const verb = { created: 'Created', removed: 'Removed', moved: 'Moved' }[what];
  return { type: `resource.${what}`, message: `${verb} ${azureId.split('/').at(-1)}.`, data: { azureId } };
}

function aliveUnder({ entries }: LedgerRows, azureId: string): Row | undefined {
  return entries.find((entry) => isAlive(entry) && sameId(entry.azureId, azureId));
}

function openChange({ changes }: LedgerRows, azureId: string, what: string): LedgerRows['changes'][number] | undefined {
  return changes.find((change) => !change.undone && change.what === what && sameId(change.azureId, azureId));
}

function isAlive({ state }: Pick<LedgerEntry, 'state'>): boolean {
  return state !== 'removed';
}

function keyOf(azureId: string): string {
  return azureId.toLowerCase();
}
