import type { ErrorDetails } from '../../errors.js';
import type { DiskSpec } from './disks.js';
import type { GroupSpec } from './groups.js';
import type { RecreateSpec, VmSpec } from './machines.js';
import type { NicSpec } from './network.js';
import type { SnapshotSpec } from './snapshots.js';

/** What Azure's policies say. Nothing here changes anything. */
export interface CloudPolicies {
  /**
   * Which of them would refuse something that is going to be made, with the very words in which it will be asked for. Those that
   * only audit, or that add what is missing, refuse nothing. Where Landfall may not ask, or Azure can't say, that is what is
   * answered: whoever makes it is told then.
   * @throws RetryableError `AZURE_UNREACHABLE`, `AZURE_THROTTLED`
   */
  denying(wanted: ToBeMade): Promise<PolicyAnswer>;
}

/** Something that is going to be made, as whoever makes it is going to ask for it. */
export type ToBeMade =
  | { readonly kind: 'resource-group'; readonly spec: GroupSpec }
  | { readonly kind: 'disk'; readonly spec: DiskSpec; readonly waitsForUpload: boolean }
  | { readonly kind: 'snapshot'; readonly spec: SnapshotSpec }
  | { readonly kind: 'nic'; readonly spec: NicSpec }
  | { readonly kind: 'vm'; readonly spec: VmSpec }
  /** Under the ID that it has in what was saved of it. */
  | { readonly kind: 'vm-anew'; readonly spec: RecreateSpec };

/** What Azure's policies say to something that is going to be made. */
export interface PolicyAnswer {
  /** Those that would refuse it as it is going to be asked for; none: all let it pass. */
  readonly denials: readonly PolicyDenial[];
  /** Why Azure does not tell, or not of all policies; null: it has told. */
  readonly untold: ErrorDetails | null;
}

export interface PolicyDenial {
  /** Full IDs, as Azure gives them. */
  readonly assignmentId: string;
  readonly definitionId: string;
  /** Azure's own sentence; null: it gives none. */
  readonly reason: string | null;
}
