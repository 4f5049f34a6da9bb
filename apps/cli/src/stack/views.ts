import {
  isSettled,
  RESTORE_TRANSITIONS,
  type BackupLevel,
  type ErrorDetails,
  type PointKind,
  type Problem,
  type RepositoryRecord,
  type RestorePlan,
  type RestoreState,
} from '@landfall/domain';

/* What the API answers with, as far as the command line reads it; dates are ISO 8601 text. */

export type RepositoryView = Omit<RepositoryRecord, 'addedAt' | 'scannedAt'> & {
  readonly addedAt: string;
  readonly scannedAt: string | null;
};

export interface ScannedRepositoryView extends RepositoryView {
  readonly format: string;
  readonly machines: number;
  readonly skipped: readonly { readonly reference: string; readonly why: string }[];
}

export interface MachineView {
  readonly id: string;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly repositoryName: string;
  readonly points: number;
  readonly latestPointAt: string | null;
}

export interface PointView {
  readonly id: string;
  readonly machine: string;
  readonly repository: string;
  readonly reference: string;
  readonly takenAt: string;
  readonly kind: PointKind;
  readonly level: BackupLevel;
  readonly os: { readonly family: string; readonly name?: string } | null;
  readonly firmware: string | null;
  readonly hasManifest: boolean;
  readonly disks: readonly {
    readonly name: string;
    readonly role: string;
    readonly lun: number | null;
    readonly sizeBytes: number;
  }[];
  readonly restorable: boolean;
  readonly problems: readonly Problem[];
}

export type PlanView = RestorePlan;

export interface StepView {
  readonly number: number;
  readonly id: string;
  readonly state: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly attempts: number;
}

export interface DiskView {
  readonly name: string;
  readonly from: string;
  readonly role: string;
  readonly lun: number | null;
  readonly azureId: string | null;
  readonly sizeBytes: number;
  /** Of these, bytes that hold data. */
  readonly bytesTotal: number;
  readonly bytesDone: number;
}

export interface RestoreView {
  readonly id: string;
  readonly state: string;
  readonly restorePoint: { readonly id: string; readonly machine?: string } | null;
  readonly destination: {
    readonly kind?: string;
    readonly vmName?: string | null;
    readonly name?: string | null;
    readonly resourceGroup?: string | null;
    readonly region?: string | null;
  } | null;
  readonly planHash: string | null;
  readonly steps: readonly StepView[];
  readonly disks: readonly DiskView[];
  readonly vm: { readonly azureId: string } | null;
  readonly problems: readonly Problem[];
  readonly error: ErrorDetails | null;
  readonly createdAt?: string;
  readonly endedAt?: string | null;
  readonly requestedBy?: string;
}

/** Nothing moves any more; a state that this version does not know has not settled. */
export function hasSettled({ state }: Pick<RestoreView, 'state'>): boolean {
  return state in RESTORE_TRANSITIONS && isSettled(state as RestoreState);
}

export interface EventView {
  readonly sequence: number;
  readonly at: string;
  readonly type: string;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AzureResourceView {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly location?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly provisioningState?: string;
  readonly powerState?: string;
  readonly diskState?: string;
  readonly sizeBytes?: number;
  readonly managedBy?: string;
  /** Left out for what costs nothing. */
  readonly monthlyCostRank?: number;
}

export interface FaultView {
  readonly id: string;
  readonly kind: string;
  readonly operation: string;
  readonly resource: string;
  readonly size: string | null;
  readonly zone: string | null;
  readonly when: 'always' | { readonly times: number } | { readonly nth: number };
  readonly matched: number;
  readonly fired: number;
  readonly lastFiredAt: string | null;
}

/** Of the emulator's settings, those that say how fast it is. */
export interface AzurePaceView {
  readonly delaysMs: Readonly<Record<string, number>>;
  readonly diskBytesPerSecond: number | null;
  readonly workerBytesPerSecond: number | null;
  readonly bandwidthBySize: boolean;
}

export interface WorkerProcessView {
  readonly vm: string;
  readonly name: string;
  readonly pid: number;
}
