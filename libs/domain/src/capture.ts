import type { ErrorDetails } from './errors.js';
import type { DiskRole } from './machine.js';
import type { Problem } from './problems.js';

/**
 * The states of a capture: an image-level backup of an Azure VM.
 *
 *   queued ─→ running ─→ completed, failed
 *   queued, running ─→ cancelling ─→ cancelled
 *
 * How it is going to end is decided once, with the reason, before what it has made is cleaned up: the clean-up, which may take
 * several tries, can't lead to another end.
 */
export const CAPTURE_TRANSITIONS = {
  queued: ['running', 'cancelling'],
  running: ['completed', 'failed', 'cancelling'],
  cancelling: ['cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type CaptureState = keyof typeof CAPTURE_TRANSITIONS;
export type CaptureEnd = 'completed' | 'failed' | 'cancelled';

/** @throws Error for a change that there is not: a fault of whoever asks for it. Nothing may be written then. */
export function requireCaptureTransition(from: CaptureState, to: CaptureState): void {
  if ((CAPTURE_TRANSITIONS[from] as readonly CaptureState[]).includes(to)) return;
  throw new Error(`A capture may not go from ${from} to ${to}.`);
}

export function captureHasEnded(state: CaptureState): state is CaptureEnd {
  return CAPTURE_TRANSITIONS[state].length === 0;
}

export interface CaptureRequest {
  readonly repositoryName: string;
  /** The VM's resource id. */
  readonly vmId: string;
  /** Deallocates a running VM, so that its disks are of one moment, and starts it again once its snapshots are there. */
  readonly stop: boolean;
}

export interface CaptureDisk {
  /** Unique in its capture: `os`, or `lun3`. */
  readonly name: string;
  readonly role: DiskRole;
  readonly lun: number | null;
  /** The managed disk's id. */
  readonly diskId: string;
  readonly sizeBytes: number;
  /** Of these, sent to the repository by the latest run, holes included. */
  readonly bytesDone: number;
  /** The name of its image in the repository; null: it is not stored yet. */
  readonly file: string | null;
  /** The id of the repository's snapshot that holds the image; null as before. */
  readonly stored: string | null;
}

export interface Capture extends CaptureRequest {
  /** Also the reference of the restore point that it makes. */
  readonly id: string;
  readonly state: CaptureState;
  /** Of its latest dispatch. A job with an older one is stale. */
  readonly epoch: number;
  /** Whether the run of this epoch was taken up by a process. */
  readonly begun: boolean;
  /** Failed tries of what it does at present: to capture, or to clean up. */
  readonly attempts: number;
  /** How it is going to end; from then on it only cleans up. Null: nothing is decided. */
  readonly outcome: CaptureEnd | null;
  /** Why it fails, or has failed. */
  readonly error: ErrorDetails | null;
  /** The VM's name; null until its model is saved. */
  readonly machine: string | null;
  /** When the first of its snapshots was taken; null before all of them are complete. */
  readonly takenAt: Date | null;
  /** Whether its VM was deallocated all the while, so that the disks are of one moment; null as before. */
  readonly oneState: boolean | null;
  readonly disks: readonly CaptureDisk[];
  readonly problems: readonly Problem[];
  readonly requestedBy: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** One run of a capture: forward, or cleaning up after it is decided how it ends. */
export interface CaptureRun {
  readonly captureId: string;
  readonly epoch: number;
  readonly goesBack: boolean;
}

/** One line of a capture's history, in the order of `sequence`. */
export interface CaptureEvent {
  readonly sequence: number;
  readonly captureId: string;
  readonly at: Date;
  /** Such as `capture.running`, `disk.stored`, `resource.created`. */
  readonly type: string;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Whether a run is the one that is wanted, as the capture is now. */
export function isCurrentRun(capture: Capture, { epoch, goesBack }: CaptureRun): boolean {
  const { state, begun, outcome } = capture;
  return !captureHasEnded(state) && begun && capture.epoch === epoch && goesBack === (outcome !== null);
}
