import type { CallJournal } from './journal.js';
import type { Owned } from './owned.js';

/** Resource groups. What `Cloud` says of changes holds for each method. */
export interface CloudGroups {
  /** What is gone already is a success. Returns whether it was there. */
  remove(group: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
}
