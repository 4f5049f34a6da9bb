import type { Operations } from './operations/engine.js';
import type { Faults } from './faults/faults.js';
import type { DiskFiles } from './compute/disk-files.js';
import type { Settings } from './settings/settings.js';
import type { State } from './state/state.js';
import type { Bandwidth } from './page-blob/bandwidth.js';
import type { Transfers } from './page-blob/transfers.js';
import type { Workers } from './workers/workers.js';

/** Everything that an operation of the emulated Azure works on. */
export interface Azure {
  readonly subscriptionId: string;
  /** Where this Azure answers, without a slash at the end. */
  readonly baseUrl: string;
  readonly state: State;
  readonly operations: Operations<Azure>;
  readonly files: DiskFiles;
  readonly workers: Workers;
  readonly transfers: Transfers;
  readonly bandwidth: Bandwidth;
  readonly settings: Settings;
  readonly faults: Faults;
  readonly now: () => Date;
}
