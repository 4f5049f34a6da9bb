import type { Purpose } from '../../cloud/ledger.js';
import type { Tags } from '../../cloud/ownership.js';
import type { CallJournal } from './journal.js';
import type { Owned } from './owned.js';
import type { CloudResourceGroup } from './reader.js';

/** Resource groups. What `Cloud` says of changes holds for each method. */
export interface CloudGroups {
  ensure(spec: GroupSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudResourceGroup>;
  /**
   * What is gone already is a success. Returns whether it was there.
   * @throws RetryableError `GROUP_NOT_EMPTY` while anything lies in it, whosever it is: Azure may list for some seconds what
   *   was just deleted
   */
  remove(group: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
}

export interface GroupSpec {
  readonly name: string;
  readonly region: string;
  readonly tags: Tags;
  /** For the ledger, as the next one. */
  readonly role: string;
  readonly purpose: Purpose;
}
