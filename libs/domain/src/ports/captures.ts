import type {
  Capture,
  CaptureDisk,
  CaptureEnd,
  CaptureEvent,
  CaptureRequest,
  CaptureRun,
  CaptureState,
} from '../capture.js';
import type { LedgerEntry, OpenChange } from '../cloud/ledger.js';
import type { ErrorDetails } from '../errors.js';
import type { Problem } from '../problems.js';
import type { RestoreTransaction } from './books.js';
import type { CallJournal } from './cloud/journal.js';

/** The books of captures. What is said of those of restores holds for these. */
export interface CaptureBooks {
  transaction<T>(work: (tx: CaptureTransaction) => Promise<T>): Promise<T>;

  capture(id: string): Promise<Capture | null>;
  /** Newest first. */
  captures(filter?: { states?: readonly CaptureState[]; limit?: number }): Promise<readonly Capture[]>;
  /** Ascending, those after `afterSequence`. */
  events(captureId: string, afterSequence?: number, limit?: number): Promise<readonly CaptureEvent[]>;
  /** Bound to one run: refuses to write once it is no longer current. */
  journal(run: CaptureRun): CallJournal;
  /** For what an ended capture has left. @param epoch the capture's own */
  sweepJournal(captureId: string, epoch: number): CallJournal;
  /** Of each ID the latest life, in the order in which they began. */
  ledger(captureId: string): Promise<readonly LedgerEntry[]>;
  openChanges(captureId: string): Promise<readonly OpenChange[]>;
  /** The VM's model, sealed; null: it is not saved yet, or the capture has ended. */
  sealedModel(captureId: string): Promise<string | null>;
  /** How far a disk has come. A run that is not current changes nothing. */
  reportProgress(run: CaptureRun, diskName: string, bytesDone: number): Promise<void>;
  /** Captures that should be moving, whose job the relay has taken: for the reconciler. */
  runnable(): Promise<readonly Capture[]>;
}

/** With the parts of a restore's transaction that are nobody's own. */
export interface CaptureTransaction extends Pick<RestoreTransaction, 'enqueue' | 'claimIdempotencyKey' | 'audit'> {
  /** @throws ConflictError `CAPTURE_UNDER_WAY` when another capture of the VM has not ended */
  createCapture(capture: NewCapture): Promise<void>;
  /** Reads with a row lock. */
  lockCapture(id: string): Promise<Capture | null>;
  /** Locks the capture. @throws ConflictError `STEP_SUPERSEDED` when the run is not current */
  requireCurrent(run: CaptureRun): Promise<Capture>;
  /** @param guard what the writer believes in. False: somebody else was first */
  moveCapture(
    id: string,
    guard: { readonly from: CaptureState; readonly epoch: number },
    to: CaptureState,
    patch?: CapturePatch,
  ): Promise<boolean>;
  /** Of one that this transaction has locked. */
  patchCapture(id: string, patch: CapturePatch): Promise<void>;
  /** The VM as it was found, once: its name, its model and its disks. */
  saveModel(id: string, saved: CapturedMachine): Promise<void>;
  patchDisk(
    id: string,
    diskName: string,
    patch: Partial<Pick<CaptureDisk, 'file' | 'stored' | 'bytesDone'>>,
  ): Promise<void>;
  addEvent(id: string, type: string, message: string, data?: Record<string, unknown>): Promise<void>;
}

export interface NewCapture extends CaptureRequest {
  readonly id: string;
  readonly requestedBy: string;
}

export interface CapturePatch {
  /** Of a new dispatch; what was begun is not this one. */
  readonly epoch?: number;
  readonly begun?: boolean;
  readonly attempts?: number;
  readonly outcome?: CaptureEnd;
  readonly error?: ErrorDetails | null;
  readonly takenAt?: Date;
  readonly oneState?: boolean;
  readonly problems?: readonly Problem[];
}

export interface CapturedMachine {
  readonly machine: string;
  readonly sealedModel: string;
  readonly disks: readonly Pick<CaptureDisk, 'name' | 'role' | 'lun' | 'diskId' | 'sizeBytes'>[];
}
