import type { CallJournal } from './journal.js';
import type { Located, Owned } from './owned.js';
import type { CloudNic, CloudSubnet } from './reader.js';

/** Network interfaces, and networks that lead nowhere. What `Cloud` says of changes holds for each method. */
export interface CloudNetwork {
  ensureNic(spec: NicSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudNic>;
  /** What is gone already is a success. Returns whether it was there. */
  removeNic(nic: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
  /**
   * A virtual network with one subnet, out of which nothing gets and into which nothing does: it is joined to no other, Azure lends
   * it no way out, and a security group of its own denies both ways. Both are tagged alike. Returns the subnet.
   * @throws PermanentError `RESOURCE_CHANGED` when one of ours bears the name and is open by now
   */
  ensureIsolated(spec: IsolatedNetworkSpec, journal: CallJournal, signal?: AbortSignal): Promise<CloudSubnet>;
  /** What is gone already is a success. Returns whether it was there. */
  removeNetwork(network: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
  /** What is gone already is a success. Returns whether it was there. */
  removeSecurityGroup(group: Owned, journal: CallJournal, signal?: AbortSignal): Promise<boolean>;
}

export interface NicSpec extends Located {
  readonly subnetId: string;
  readonly privateIp: string | null;
}

/** It lies in no zone. */
export type IsolatedNetworkSpec = Omit<Located, 'zone'>;

/** Nobody reaches it, so that it may be the same everywhere. */
export const ISOLATED_PREFIX = '10.255.255.0/24';
