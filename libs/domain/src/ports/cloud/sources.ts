import type { OpenChange } from '../../cloud/ledger.js';
import type { Tags } from '../../cloud/ownership.js';
import type { CallJournal } from './journal.js';
import type { SourceVm } from './machines.js';
import type { SavedResource, SavedVm } from './reader.js';

/**
 * Making a VM ready to be replaced that is not ours, and putting back what was changed for it. Each change is an entry of the
 * ledger for each resource that it concerns, open until `undo` has undone it; what is as it is wanted already is entered too, with
 * nothing to put back. `machines` turns it off and on, and removes it. What `Cloud` says of changes holds for each method.
 *
 * @throws PermanentError `SOURCE_REPLACED` when another VM bears its name by now; `VM_MISSING` when none does
 */
export interface CloudSources {
  /**
   * Puts tags on it that tell whose it is for the time being, beside its own.
   * @throws PermanentError `SOURCE_CLAIMED` when it carries one of them with another value
   */
  claim(source: SourceVm, tags: Tags, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /** Makes its disks, its network interfaces and their public addresses outlive it. */
  keepParts(source: SourceVm, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /**
   * Makes the private and public addresses of its network interfaces its own, which else would be given to others while it is
   * deallocated. An address that it does not have at present is not held.
   */
  holdAddresses(source: SourceVm, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /**
   * Puts back what one of these has changed, as far as it is still as it was changed. Where the resource is gone, or another one
   * bears its name by now, nothing of the change is left, and it counts as undone.
   * @throws PermanentError `CHANGE_UNKNOWN` for a change that none of these has made
   */
  undo(change: OpenChange, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /**
   * Takes these tags of ours off what was made anew in the place of a source, or gives them the values that they had there. What
   * somebody else has made of them since stays, and so does all of another resource that bears the name by now. From then on
   * Azure's own number alone tells that we have made it: so that has to be in the ledger.
   */
  giveBack(made: MadeAnew, tags: Tags, journal: CallJournal, signal?: AbortSignal): Promise<void>;
  /**
   * Gives the parts of a VM that was made anew in the place of a source the delete options that those of the source had: network
   * interfaces, and disks by their LUNs. Of what nothing was said stays as it is. Nothing is done to another VM of that name.
   */
  giveOptionsBack(made: SourceVm, saved: SavedVm, journal: CallJournal, signal?: AbortSignal): Promise<void>;
}

export interface MadeAnew {
  readonly kind: 'vm' | 'disk';
  /** Azure's own number for it. */
  readonly instanceId: string;
  /** What it was made anew from, under whose ID it is. */
  readonly saved: SavedResource;
}
