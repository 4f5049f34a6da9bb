import type { CallJournal } from './journal.js';
import type { Located, Owned } from './owned.js';
import type { CloudNic } from './reader.js';

/** Network interfaces. What `Cloud` says of changes holds for each method. */
export interface CloudNetwork {
  ensureNic(spec: NicSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudNic>;
  /** What is gone already is a success. Returns whether it was there. */
  removeNic(nic: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
}

export interface NicSpec extends Located {
  readonly subnetId: string;
  readonly privateIp: string | null;
}
