import type { CloudDisks } from './disks.js';
import type { CloudGroups } from './groups.js';
import type { CloudMachines } from './machines.js';
import type { CloudNetwork } from './network.js';
import type { CloudPolicies } from './policies.js';
import type { CloudReader } from './reader.js';
import type { CloudSnapshots } from './snapshots.js';
import type { CloudSources } from './sources.js';

/**
 * What Landfall needs of Azure, in its own words and noun by noun. `libs/azure` implements it with the SDK; no other code
 * knows the SDK. Whoever needs some of it takes those parts only.
 *
 * Every change is idempotent: it looks first (GET), adopts what carries our tags and fits, else records the intent in the
 * journal, calls, records the poller's state, and waits for the end. A repetition with the same arguments after a crash at
 * any point resumes and never makes a second thing.
 *
 * @throws PermanentError with a code of its own where Azure refuses; `RESOURCE_FOREIGN` when the name is taken by something
 *   that is not ours. RetryableError, WaitingError otherwise.
 */
export interface Cloud {
  readonly reader: CloudReader;
  readonly policies: CloudPolicies;
  readonly disks: CloudDisks;
  readonly snapshots: CloudSnapshots;
  readonly machines: CloudMachines;
  readonly sources: CloudSources;
  readonly network: CloudNetwork;
  readonly groups: CloudGroups;
}
