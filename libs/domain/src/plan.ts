import { stagingGroupName } from './names.js';
import type { DiskOrigin, DiskRole, Firmware, OperatingSystem, PointKind } from './machine.js';
import type { Problem } from './problems.js';
import type { BootCheck } from './boot-check.js';
import type { RestoreRequest } from './request.js';
import type { StepId } from './steps.js';

export type Generation = 1 | 2;

/** What a restore will do; making one changes nothing. Shown as it is, so a new field is a change of the contract. */
export interface RestorePlan {
  readonly restorePoint: PlannedPoint;
  readonly destination: PlannedDestination;
  /** The machine that is replaced; left out: none is. */
  readonly source?: ReplacedVm;
  /** Null where it could not be decided; the plan then has an error that says why, unless only disks are wanted. */
  readonly generation: Generation | null;
  readonly steps: readonly PlannedStep[];
  readonly disks: readonly PlannedDisk[];
  /** Empty for `--transfer direct`. */
  /** Left out: nothing that is read is archived. */
  readonly retrieval?: PlannedRetrieval;
  readonly workers: readonly PlannedWorker[];
  readonly problems: readonly Problem[];
  readonly estimates: Estimates;
  readonly options: PlannedOptions;
  /** `sha256:` over the canonical JSON of everything above but the estimates. */
  readonly planHash: string;
}

export type PlannedOptions = Pick<
  RestoreRequest,
  'disksOnly' | 'excludeDisks' | 'transfer' | 'verify' | 'powerOn' | 'isolated' | 'bootPattern'
> & { readonly bootCheck: BootCheck } &
  /** With the defaults filled in; left out: the restore goes to a new place. */
  Pick<RestoreRequest, 'maxStopSeconds' | 'waitDays'>;

export interface PlannedPoint {
  readonly id: string;
  readonly machine: string;
  readonly repository: string;
  /** As the repository had it when the plan was made: `DiscoveredPoint.reference`. */
  readonly reference: string;
  readonly kind: PointKind;
  readonly takenAt: string;
  readonly os: OperatingSystem | null;
  readonly firmware: Firmware | null;
}

export interface PlannedDestination {
  readonly kind: 'new' | 'original';
  readonly subscriptionId: string;
  /** Where the machine will be. */
  readonly resourceGroup: string;
  /**
   * Where the new disks are until they replace those of the source; left out: they are made where the machine will be. Less the
   * restore's suffix: the name itself is `stagingGroupName`.
   */
  readonly stagingResourceGroup?: string;
  readonly region: string;
  readonly zone: string | null;
  /** Null where only disks are restored. */
  readonly vmName: string | null;
  readonly size: string | null;
  /** Named where the size has no other than NVMe; left out, Azure takes SCSI. */
  readonly diskController?: 'NVMe';
  /** Named where the machine's processors are not x64; its OS disk says so. */
  readonly architecture?: 'Arm64';
  readonly subnetId: string | null;
  readonly privateIp: string | null;
}

/** The living VM that a restore to the original location replaces, as it was found when the plan was made. */
export interface ReplacedVm {
  readonly azureId: string;
  /** Azure's `vmId`: another VM under the same name has another one. */
  readonly instanceId: string;
  /** Such as `running`. One that is found deallocated is left so by every way out. */
  readonly powerState: string | null;
  /** All that are attached, the OS disk first. */
  readonly disks: readonly ReplacedVmDisk[];
  /** Full ids, in their order. They stay, and are attached again. */
  readonly nicIds: readonly string[];
  readonly addressIds: readonly string[];
}

export interface ReplacedVmDisk {
  readonly azureId: string;
  /** Azure's own number for it. */
  readonly uniqueId: string;
  /** Null for the OS disk. */
  readonly lun: number | null;
  readonly caching: 'None' | 'ReadOnly' | 'ReadWrite';
  /** The planned disk that takes its place, by name; null: it is kept, and attached again at its LUN. */
  readonly replacedBy: string | null;
}

export interface PlannedStep {
  readonly number: number;
  readonly id: StepId;
  readonly applies: boolean;
  readonly why: string;
}

export interface PlannedDisk {
  readonly name: string;
  readonly from: `disk:${string}` | `volume-group:${string}`;
  readonly role: DiskRole;
  /** Null for the OS disk. */
  readonly lun: number | null;
  /** Of the new Azure disk: the source's size rounded up to whole GiB. */
  readonly sizeBytes: number;
  /** What is read for it, whatever the catalogue says later: `PointDisk.location` when the plan was made. */
  readonly sourceLocation: string;
  /** Where that was backed up; null where it is not known. */
  readonly origin: DiskOrigin | null;
  /** Bytes that the backup holds for it, before any rounding. */
  readonly sourceBytes: number;
  /** Bytes in ranges that are not known to be zero. */
  readonly usedBytes: number;
  readonly sku: string;
  readonly caching: 'None' | 'ReadOnly' | 'ReadWrite';
  readonly removableAfterwards: boolean;
  /** The name that the Azure disk will have, less the restore's suffix. */
  readonly azureName: string;
}

export interface PlannedWorker {
  readonly size: string;
  /** Names of the disks that it writes; the position is the LUN on the worker. */
  readonly disks: readonly string[];
}

/** What is brought back from the archive tier first. */
export interface PlannedRetrieval {
  /** Files of the repository, and how large they are together. */
  readonly objects: number;
  readonly bytes: number;
  readonly priority: 'standard' | 'high';
  /** Within which Azure promises to bring them back. */
  readonly hours: number;
  /** For how long they are kept once the restore has ended. */
  readonly keepHours: number;
}

export interface RetrievalFee {
  readonly amount: number;
  readonly currency: string;
  /** When the prices were looked up. */
  readonly asOf: string;
}

export interface Estimates {
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly retrievalSeconds: number;
  /** Null: the prices are not known. Left out: nothing has to be brought back. */
  readonly retrievalFee?: RetrievalFee | null;
  readonly transferSeconds: number;
  /** How long the machine that is replaced will be gone; left out: none is replaced. */
  readonly outageSeconds?: number;
}

/** The resource group in which a restore makes its disks, and what writes them. */
export function workingGroupOf({ destination }: RestorePlan, restoreId: string): string {
  const { resourceGroup, stagingResourceGroup } = destination;
  return stagingResourceGroup === undefined ? resourceGroup : stagingGroupName(restoreId);
}

export function isRefused(plan: RestorePlan): boolean {
  return plan.problems.some((problem) => problem.severity === 'error');
}
