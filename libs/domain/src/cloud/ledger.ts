import type { CloudResourceKind } from './kinds.js';

/*
 * The ledger: what a restore has made in Azure, or intends to, written down before it is asked for.
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
  /** What is replaced. It is not ours. */
  | 'source';

/** What a call in Azure does to the ledger, in exactly one of three ways. */
export type CallEffect = {
  [Way in keyof Effects]: Readonly<Pick<Effects, Way>> & {
    readonly [Other in Exclude<keyof Effects, Way>]?: never;
  };
}[keyof Effects];

interface Effects {
  /** Brings a resource into being: its entry is intended from here on. */
  creates: Creation;
  /** Takes away what bears this id: settles its entry. */
  removes: 'ours' | Removal;
  /** What is ours needs no undoing: it goes in the end. */
  changes: 'ours';
}

export interface Creation {
  readonly kind: CloudResourceKind;
  readonly role: string;
  readonly purpose: Purpose;
}

/** Of something that is not ours. */
export interface Removal {
  readonly kind: CloudResourceKind;
  /** Azure's own number for it. */
  readonly instanceId: string;
}
