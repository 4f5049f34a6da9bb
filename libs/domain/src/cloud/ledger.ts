import type { CaptureEnd, CaptureState } from '../capture.js';
import type { RestoreState } from '../restore.js';
import type { CloudResourceKind } from './kinds.js';

/*
 * The ledger: what whoever owns something in Azure has made there, or intends to, written down before it is asked for.
 *
 * Its entries are lives. A resource that was removed and is made again under the same id is another thing: it gets an entry of
 * its own with the next life, and the earlier entry stays as it ended. A resource that moves is the same thing: its life goes
 * on in an entry of its new id. From the intent to move it until its end both entries are alive, because it may be found under
 * either id.
 */

/** What a resource is there for. With the end of its restore and its date this decides whether it may still be there then. */
export type Purpose =
  /** What the restore was asked for. */
  | 'result'
  /** Only helps a restore that is under way. */
  | 'help'
  /** A copy of what was there before, from which that can be brought back. */
  | 'safety'
  /** Taken out of use, and not thrown away. */
  | 'kept'
  /** What was replaced and is made anew by a roll-back, so that it is there again. */
  | 'brought-back'
  /** What is replaced. It is not ours. */
  | 'source';

/** What a call in Azure does to the ledger, in exactly one of four ways. */
export type CallEffect = {
  [Way in keyof Effects]: Readonly<Pick<Effects, Way>> & {
    readonly [Other in Exclude<keyof Effects, Way>]?: never;
  };
}[keyof Effects];

interface Effects {
  /** Brings a resource into being: its entry is intended from here on. */
  creates: Creation;
  /** Ends the life of what bears this id. What is not ours stands in no ledger, and is entered. */
  removes: 'ours' | SourceRemoval;
  /** The same thing goes on under another id. */
  moves: { readonly to: string };
  /** What is ours needs no undoing: it goes in the end. Any other change is open until a call undoes it. */
  changes: 'ours' | UndoableChange | { readonly undoes: string };
}

export interface Creation {
  readonly kind: CloudResourceKind;
  readonly role: string;
  readonly purpose: Purpose;
  /** Nothing takes it away before then, unless a person asks for it. Left out: its purpose alone decides. */
  readonly keepUntil?: Date;
}

/** Of what is replaced, which is not ours. */
export interface SourceRemoval {
  readonly kind: CloudResourceKind;
  /** Azure's own number for it. */
  readonly instanceId: string;
}

export interface UndoableChange {
  /** Tells it from the other changes of the same resource, such as `delete-options`. */
  readonly what: string;
  /** How it was before, as JSON: what undoing it puts back. */
  readonly was: unknown;
}

export interface LedgerEntry {
  readonly azureId: string;
  readonly kind: CloudResourceKind;
  readonly role: string;
  readonly purpose: Purpose;
  /** `intended`: it may be there. `created`: it is. `removed`: this life has ended, or goes on under another id. */
  readonly state: 'intended' | 'created' | 'removed';
  /** Which of the lives of its id, from 1. */
  readonly life: number;
  readonly keepUntil: Date | null;
  /** Azure's own number for it, such as a `vmId`; null: not known. */
  readonly instanceId: string | null;
  /** Under which id it was before. */
  readonly movedFrom: string | null;
  readonly createdAt: Date;
  /** When this was read, by the books' own clock: the only one that `keepUntil` may be compared with. */
  readonly readAt: Date;
}

/** An entry with what is known of its owner. */
export interface LedgerRecord extends LedgerEntry {
  readonly owner: LedgerOwner;
}

export type LedgerOwner =
  | { readonly kind: 'restore'; readonly id: string; readonly state: RestoreState; readonly epoch: number }
  | { readonly kind: 'capture'; readonly id: string; readonly state: CaptureState; readonly epoch: number };

/** `what` of the change that stops a VM which is not ours. */
export const POWER_CHANGE = 'power';

/** `what` of the other changes of a VM that is to be replaced, of its network interfaces and of their public addresses. */
export const SOURCE_CHANGES = {
  claim: 'claim',
  deleteOptions: 'delete-options',
  addressDeleteOptions: 'address-delete-options',
  privateAddresses: 'private-addresses',
  publicAddress: 'public-address',
} as const;

/** A change that nobody has undone yet. */
export interface OpenChange extends UndoableChange {
  readonly azureId: string;
  readonly intendedAt: Date;
}

/** An entry as a call opens it. */
export type NewEntry = Pick<
  LedgerEntry,
  'azureId' | 'kind' | 'role' | 'purpose' | 'state' | 'keepUntil' | 'instanceId'
>;

/** What a call enters before it is made, but for one that moves something: that one goes by what is there. */
export function entryOf(azureId: string, { creates, removes }: CallEffect): NewEntry | null {
  const entry = { azureId, keepUntil: null, instanceId: null };
  if (creates !== undefined) return { ...entry, ...creates, state: 'intended' };
  if (removes === undefined || removes === 'ours') return null;
  return { ...entry, ...removes, role: 'source', purpose: 'source', state: 'created' };
}

/** For how long what a machine can be brought back from is kept at least, from the end of the restore that has replaced it. */
export const RETENTION_SECONDS = 7 * 24 * 3_600;

/** By which `mayOutlive` judges: a roll-back before the gate takes back no more than a cancel, for nothing was replaced. */
export function endBy({
  state,
  cutOverAt,
}: {
  readonly state: RestoreState;
  readonly cutOverAt: Date | null;
}): RestoreState {
  return state === 'rolled-back' && cutOverAt === null ? 'cancelled' : state;
}

/**
 * Whether something may be there once its owner has ended so. A date in the future always keeps it. After that, safety and
 * what was kept go with their date; while they have none, nobody has said yet how long they are needed.
 */
export function mayOutlive(
  { purpose, keepUntil, readAt }: Pick<LedgerEntry, 'purpose' | 'keepUntil' | 'readAt'>,
  end: RestoreState | CaptureEnd,
): boolean {
  if (keepUntil !== null && keepUntil > readAt) return true;
  switch (purpose) {
    case 'result':
      return end === 'completed';
    case 'help':
      return false;
    case 'safety':
      // In any other end nothing of what was there before has been taken away.
      return keepUntil === null && (end === 'completed' || end === 'rolled-back');
    case 'kept':
      return keepUntil === null;
    case 'brought-back':
      return end === 'rolled-back';
    case 'source':
      return true;
  }
}
