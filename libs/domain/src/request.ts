import type { BootCheck } from './boot-check.js';

/** What a user asks for. Parsed at the API; inside, values are already right. */
export interface RestoreRequest {
  readonly restorePointId: string;
  readonly destination: DestinationRequest;
  readonly generation: 'auto' | 1 | 2;
  readonly disksOnly: boolean;
  /** Names of disks of the point that are left out. */
  readonly excludeDisks: readonly string[];
  readonly transfer: TransferMode;
  readonly verify: VerifyMode;
  readonly archivePriority: 'standard' | 'high';
  /** For how long what was brought back from the archive tier is kept after the end. Left out: 72. */
  readonly archiveKeepHours?: number;
  readonly powerOn: boolean;
  readonly isolated: boolean;
  /** Left out: at a new place none, and at the original one whether copies run. */
  readonly bootCheck?: BootCheck;
  /** What the serial console has to show; left out: a prompt. */
  readonly bootPattern?: string;
  readonly reason?: string;
  /**
   * Of the original place alone: how long the machine that is replaced may stand still before the first of it is removed. Left out:
   * four hours.
   */
  readonly maxStopSeconds?: number;
  /** Of the original place alone: how long an approval is waited for, before the restore is cancelled. Left out: seven days. */
  readonly waitDays?: number;
}

/** What is left out is decided by the planner, from the point and from the appliance's defaults. */
export interface DestinationRequest {
  readonly kind: 'new' | 'original';
  readonly name?: string;
  readonly resourceGroup?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly size?: string;
  /** The subnet's full Azure ID. */
  readonly subnetId?: string;
  readonly privateIp?: string;
  readonly diskSku?: string;
}

/** On a worker VM with the disks attached, or page by page through the disk's SAS. */
export type TransferMode = 'worker' | 'direct';
/** How much of what was written is read back and compared with the repository. */
export type VerifyMode = 'none' | 'sampled' | 'full';
