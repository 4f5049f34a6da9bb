import type { Approval } from '../approval.js';
import type { ErrorDetails } from '../errors.js';
import type { Machine, RepositoryRecord, RepositoryKind, RestorePoint, DiscoveredPoint } from '../machine.js';
import type { RestorePlan } from '../plan.js';
import type { DiskIngredients, PlannedContents } from '../planned-contents.js';
import type { Problem } from '../problems.js';
import type { RestoreRequest } from '../request.js';
import type {
  DiskVerdict,
  LockedRestore,
  Restore,
  RestoreEvent,
  RestoreState,
  FailedSegment,
  Segment,
  SegmentError,
  GrantRecord,
  SegmentState,
  Turn,
} from '../restore.js';
import type { SourceRecord } from '../source-record.js';
import type { Work, WorkKey, WorkState } from '../work.js';
import type { LedgerEntry, LedgerRecord, OpenChange } from '../cloud/ledger.js';
import type { CallJournal } from './cloud/journal.js';
import type { Retrieval } from './retrievals.js';

/*
 * The books: everything that has to survive lies behind these ports, in Postgres. Changes of state happen inside a
 * transaction and are guarded by the state and epoch that the writer believes in: `false` means that somebody else
 * was there first, and the writer stops.
 */

export interface RestoreBooks {
  /** One database transaction; when the outcome of its COMMIT is unknown it throws and the caller reads again. */
  transaction<T>(work: (tx: RestoreTransaction) => Promise<T>): Promise<T>;

  restore(id: string): Promise<Restore | null>;
  /** Its plan alone, for whoever asks often: how far its disks have come takes sums over all segments. Null: none is made yet. */
  plan(restoreId: string): Promise<RestorePlan | null>;
  restores(filter?: { states?: readonly RestoreState[]; limit?: number }): Promise<readonly Restore[]>;
  /** Ascending, those after `afterSequence`. */
  events(restoreId: string, afterSequence?: number, limit?: number): Promise<readonly RestoreEvent[]>;
  /**
   * Bound to one run of a work: refuses to write once it is no longer current. `SWEEP`: for what an ended restore has left;
   * its epoch is the restore's own.
   */
  journal(restoreId: string, work: string, epoch: number): CallJournal;
  /** Of each ID the latest life, in the order in which they began. */
  ledger(restoreId: string): Promise<readonly LedgerEntry[]>;
  /** What a restore has changed of what is not its own, in the order in which it was: to be undone from the end. */
  openChanges(restoreId: string): Promise<readonly OpenChange[]>;
  /** Restores that have not ended and replace the VM of this id by their plans. */
  replacing(vmId: string): Promise<readonly string[]>;
  /** Of the machine that it replaces. Null: nothing is written down yet. */
  sourceRecord(restoreId: string): Promise<SourceRecord | null>;
  /**
   * Of all owners: the latest lives of these IDs, and those of ended restores that are not settled as removed. One query,
   * whatever the number of owners.
   */
  ledgerOfAll(azureIds: readonly string[]): Promise<readonly LedgerRecord[]>;
  segments(
    restoreId: string,
    filter?: { purpose?: Segment['purpose']; states?: readonly SegmentState[]; diskName?: string; limit?: number },
  ): Promise<readonly Segment[]>;
  segment(id: string): Promise<Segment | null>;
  /** The first `limit` that have failed for good, by disk, purpose and index. */
  failedSegments(restoreId: string, limit: number): Promise<readonly FailedSegment[]>;
  /** Running ones that were given to data-movers of this name at this worker; null: of the pool. */
  segmentsHeldBy(workerId: string | null, name: string): Promise<readonly Segment[]>;
  /** The latest grant of a segment to this data-mover. */
  latestGrant(segmentId: string, mover: string): Promise<GrantRecord | null>;
  /** What data-movers have found out about its disks for good, oldest first. */
  verdicts(restoreId: string): Promise<readonly DiskVerdict[]>;
  /** Numbers and bytes by disk, purpose and state. */
  segmentTotals(restoreId: string): Promise<readonly SegmentTotal[]>;
  /** What is read for a disk of its plan. Null: nothing was written down for it. */
  ingredients(restoreId: string, diskName: string): Promise<DiskIngredients | null>;
  /** Those of these patches that are known, by their SHA-256. */
  patches(ids: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;

  /** Works that should be moving: for the reconciler. */
  runnable(): Promise<readonly RunnableWork[]>;
  /** Those that were begun and wait for somebody else's result. */
  parked(): Promise<readonly WorkRun[]>;
  /** For each run whether it is still wanted: its epoch is the current one and the restore goes its way. */
  areCurrent(runs: readonly WorkRun[]): Promise<readonly boolean[]>;
  /** Those that have waited for an approval for longer than their plans allow, by the books' own clock. */
  unapprovedForLong(): Promise<readonly string[]>;
  /**
   * Those that have replaced a machine and ended at least so many seconds ago, by the books' own clock, and of which nobody has
   * asked since to throw away what is kept.
   */
  keptFor(seconds: number): Promise<readonly string[]>;
  /** Calls back after each commit of this process that wrote to the outbox. Returns what ends it. */
  onOutbox(listener: () => void): () => void;
  /** Oldest first, locked for this relay alone until `sent` or the lock's end; other relays get others. */
  claimOutbox(limit: number): Promise<readonly OutboxMessage[]>;
  outboxSent(ids: readonly string[]): Promise<void>;
}

export interface RestoreTransaction {
  createRestore(restore: NewRestore): Promise<void>;
  /** Reads with a row lock, so that two outcomes for one restore line up. */
  lockRestore(id: string): Promise<LockedRestore | null>;
  /**
   * Locks the restore as `lockRestore` does, so that what this run then writes is written by the run that is wanted.
   * @throws ConflictError `STEP_SUPERSEDED` when the run has ended, another has its place, or the restore has turned round
   */
  requireCurrent(run: WorkRun): Promise<void>;
  /** Also gives the restore its end, or takes it away, as the new state has it. */
  moveRestore(
    id: string,
    guard: { from: RestoreState; epoch: number },
    to: RestoreState,
    patch?: RestorePatch,
  ): Promise<boolean>;
  patchRestore(id: string, patch: RestorePatch): Promise<void>;
  /** A new epoch on a work that becomes pending counts as its dispatch. */
  moveWork(
    restoreId: string,
    work: WorkKey,
    guard: { from: WorkState; epoch: number },
    to: WorkState,
    patch?: WorkPatch,
  ): Promise<boolean>;
  /**
   * Adds works to the restore, pending and not yet dispatched: under epoch 0, or above every epoch that a work of this id
   * had in an earlier round. Gives them in the order in which they were asked for.
   */
  openWorks(restoreId: string, works: readonly WorkKey[]): Promise<readonly Work[]>;
  /**
   * Also writes the restore's disks from the plan, its hash, and which VM it replaces unless it is refused: no two restores that
   * have not ended replace the same.
   * @throws ConflictError `STEP_SUPERSEDED` when the restore is no longer being planned
   */
  storePlan(restoreId: string, plan: RestorePlan): Promise<void>;
  /**
   * What disks of the plan are to hold, with the patches that their recipes name; in the transaction that has stored the plan,
   * which takes away what was written down for an earlier one.
   * @throws PermanentError `RECIPE_INVALID` for a recipe that can't be composed, or that names a patch which is not given
   */
  storeContents(restoreId: string, contents: readonly PlannedContents[], patches: readonly Uint8Array[]): Promise<void>;
  /** What has to be brought back from the archive tier for the plan; in the transaction that has stored the plan, as contents are. */
  storeRetrieval(restoreId: string, retrieval: Retrieval): Promise<void>;
  /** What the disks of the plan are to hold, as far as that was written down, in the plan's order. */
  contents(restoreId: string): Promise<readonly PlannedContents[]>;
  /** By the books' own clock, in milliseconds: that of a service may be wrong. */
  now(): Promise<Date>;
  /** Of a plan, by whoever has read it; asked for it had who has asked for the restore. */
  addApproval(approval: NewApproval): Promise<Approval>;
  /** The latest. */
  approval(restoreId: string): Promise<Approval | null>;
  /** The restore passes the gate; one that has passed it stays as it is. Nothing takes this back. Returns when it was. */
  cutOver(restoreId: string): Promise<Date>;
  /** The disks that the restore was asked for are not thrown away with it: from here on they are `kept`. */
  keepDisks(restoreId: string): Promise<void>;
  /** In the place of what was written down before. */
  recordSource(restoreId: string, record: SourceRecord): Promise<void>;
  setDiskAzureId(restoreId: string, diskName: string, azureId: string): Promise<void>;
  addEvent(restoreId: string, type: string, message: string, data?: Record<string, unknown>): Promise<void>;
  /** The job to send is a row in the same transaction as the state that wants it. */
  enqueue(message: NewOutboxMessage): Promise<void>;
  /** Those that exist already (same restore, disk, purpose, index) are left as they are. */
  createSegments(segments: readonly NewSegment[]): Promise<void>;
  moveSegment(
    id: string,
    guard: { from: SegmentState; epoch: number },
    to: SegmentState,
    patch?: { mover?: string | null; epoch?: number; attempts?: number; error?: SegmentError | null },
  ): Promise<boolean>;
  /** Those of these disks that are pending or running, the first `perDisk` of each by their index. */
  unfinishedSegments(
    restoreId: string,
    filter: { purpose: Segment['purpose']; disks: readonly string[]; perDisk: number },
  ): Promise<readonly Segment[]>;
  segment(id: string): Promise<Segment | null>;
  hasSegments(restoreId: string, filter: SegmentFilter): Promise<boolean>;
  segments(restoreId: string, filter: SegmentFilter): Promise<readonly Segment[]>;
  segmentTotals(restoreId: string): Promise<readonly SegmentTotal[]>;
  /**
   * Sends segments out: each becomes pending under its next epoch, named by nobody, and its job is written to the outbox.
   * One that is not as it was read is passed over. Returns how many were sent.
   */
  handOut(segments: readonly SegmentToHandOut[]): Promise<number>;
  /** Once for each segment and epoch. */
  addGrant(grant: GrantRecord): Promise<void>;
  /** What was given out under this epoch, and the segment as it is now. Null: nothing was. */
  granted(segmentId: string, epoch: number): Promise<{ grant: GrantRecord; segment: Segment } | null>;
  /** False: it is known already. */
  addVerdict(verdict: Omit<DiskVerdict, 'at'>): Promise<boolean>;
  verdicts(restoreId: string): Promise<readonly DiskVerdict[]>;
  /** Takes the key for this restore, or tells which restore took it before, and with which body. */
  claimIdempotencyKey(claim: IdempotencyClaim): Promise<IdempotencyClaim>;
  audit(entry: { actor: string; action: string; subject: string; details: Record<string, unknown> }): Promise<void>;
}

export interface NewRestore {
  readonly id: string;
  readonly request: RestoreRequest;
  readonly requestedBy: string;
}

export interface NewApproval {
  readonly restoreId: string;
  readonly planHash: string;
  readonly approvedBy: string;
  /** From now on. */
  readonly validSeconds: number;
  readonly selfApproval: boolean;
}

export interface RestorePatch {
  readonly error?: ErrorDetails | null;
  readonly problems?: readonly Problem[];
  readonly vmAzureId?: string | null;
  readonly endedAt?: Date | null;
  readonly turn?: Turn;
}

export interface WorkPatch {
  /** The new epoch; every dispatch takes a higher one. */
  readonly epoch?: number;
  readonly attempts?: number;
  readonly startedAt?: Date;
  readonly endedAt?: Date | null;
  readonly output?: unknown;
  readonly error?: ErrorDetails | null;
  /** Not to be taken up before: back-off, `Retry-After`. */
  readonly notBefore?: Date | null;
  /** Begun, and ended by somebody else than a job of its own. */
  readonly parked?: boolean;
  readonly resumeFrom?: string | null;
}

export interface IdempotencyClaim {
  readonly key: string;
  /** SHA-256 of the request's body, in hexadecimal. */
  readonly bodyHash: string;
  /** Of the restore, or the capture, that was asked for. */
  readonly restoreId: string;
}

/** One run of a work. */
export interface WorkRun {
  readonly restoreId: string;
  readonly work: string;
  readonly epoch: number;
}

/** In the place of a work's id: for what an ended restore has left. */
export const SWEEP = 'sweep';

export interface NewSegment {
  readonly restoreId: string;
  readonly diskName: string;
  readonly purpose: Segment['purpose'];
  readonly index: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Absent: all of them. */
  readonly dataBytes?: number;
}

export interface SegmentFilter {
  readonly purpose?: Segment['purpose'];
  readonly states?: readonly SegmentState[];
}

/** A segment as it was read, and the job that is sent for it. */
export interface SegmentToHandOut {
  readonly segment: Pick<Segment, 'id' | 'restoreId' | 'state' | 'epoch'>;
  readonly queue: string;
  /** Of the job; a function of the segment and its next epoch. */
  readonly jobId: string;
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface SegmentTotal {
  readonly diskName: string;
  readonly purpose: Segment['purpose'];
  readonly state: SegmentState;
  readonly count: number;
  readonly bytes: number;
}

export interface RunnableWork extends WorkRun {
  readonly state: 'pending' | 'running';
  readonly notBefore: Date | null;
  /** When its latest job was written to the outbox. */
  readonly dispatchedAt: Date | null;
  /** Its job still lies in the outbox: the relay's business. */
  readonly awaitsRelay: boolean;
}

export interface NewOutboxMessage {
  readonly queue: string;
  /** Unique for the attempt: `restoreId-work-epoch`; holds no `:` (BullMQ). */
  readonly jobId: string;
  readonly name: string;
  /** Clear text: identifiers only, never a secret. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly delayMs?: number;
}

export interface OutboxMessage extends NewOutboxMessage {
  readonly id: string;
}

/** Repositories, machines and points. */
export interface Catalogue {
  addRepository(repository: {
    name: string;
    kind: RepositoryKind;
    url: string;
    hostedByProvider: boolean;
    sealedPassword: string | null;
  }): Promise<void>;
  repository(name: string): Promise<RepositoryRecord | null>;
  repositories(): Promise<readonly RepositoryRecord[]>;
  sealedPassword(name: string): Promise<string | null>;
  /** Its points and machines go with it. @throws ConflictError `REPOSITORY_IN_USE` when a restore that has not ended needs it */
  removeRepository(name: string): Promise<boolean>;
  /**
   * To be called before the repository is looked through. Gives the scan a number, higher than that of every earlier one.
   * @throws NotFoundError `REPOSITORY_NOT_FOUND`
   */
  beginScan(repositoryName: string): Promise<number>;
  /**
   * Makes the catalogue say what the scan found: new points come in, vanished ones go. A point that a restore uses which has
   * not ended stays as it is until a later scan, whatever this one has found.
   * @param scan its number; nothing is changed when a scan that began later was here before. Left out: the latest
   * @param unread references of points that could not be read at the moment: what is known of them stays
   * @returns how many the catalogue holds of the repository now
   * @throws NotFoundError `REPOSITORY_NOT_FOUND`
   */
  replacePoints(
    repositoryName: string,
    points: readonly DiscoveredPoint[],
    scan?: number,
    unread?: readonly string[],
  ): Promise<{ machines: number; points: number }>;
  machines(): Promise<readonly Machine[]>;
  /** By id, name or alias. */
  findMachines(text: string): Promise<readonly Machine[]>;
  points(machineIds?: readonly string[]): Promise<readonly RestorePoint[]>;
  point(id: string): Promise<RestorePoint | null>;
  /** By id, by reference, or by a prefix of at least six characters of either. More than one hit is for the caller to refuse. */
  findPoints(text: string): Promise<readonly RestorePoint[]>;
}

/**
 * Worker VMs and the data-movers on them, as far as the books know. How long a token is valid is counted from now on the
 * books' own clock: those of the services may be wrong.
 */
export interface WorkerRegistry {
  /**
   * Enters a worker, or gives one that is entered, and was not let in yet, one more bootstrap token. Each of its tokens is
   * good until the first is redeemed: which of several requests for its VM Azure has taken is not known beforehand.
   * False: nothing was changed, because the worker was let in, is retired, or is another restore's.
   */
  enter(worker: {
    id: string;
    restoreId: string;
    azureId: string;
    disks: readonly string[];
    bootstrapTokenHash: string;
    /** From now on, for all of its tokens. */
    bootstrapSeconds: number;
  }): Promise<boolean>;
  worker(id: string): Promise<WorkerRecord | null>;
  workers(filter?: { restoreId?: string; active?: boolean }): Promise<readonly WorkerRecord[]>;
  /**
   * Once: exchanges a bootstrap token for a session token. Null when it is wrong, used or expired. The same
   * exchange again succeeds again: its answer may have been lost.
   */
  redeemBootstrap(
    id: string,
    bootstrapTokenHash: string,
    session: { tokenHash: string; validSeconds: number },
  ): Promise<WorkerRecord | null>;
  /** Null when the token is unknown, expired or revoked. */
  bySession(tokenHash: string): Promise<WorkerRecord | null>;
  /** Also by a session that has ended, by time or with the worker: for what must be heard all the same. */
  byAnySession(tokenHash: string): Promise<WorkerRecord | null>;
  renewSession(tokenHash: string, validSeconds: number): Promise<boolean>;
  heartbeat(id: string, mover: { name: string; pid: number }): Promise<void>;
  /**
   * Its tokens are void from here on. False: nothing was changed, because it was entered again since it had been entered so
   * many times, and belongs to whoever did.
   * @param entered of the record by which the caller has judged; left out: whatever has become of it
   */
  retire(id: string, entered?: number): Promise<boolean>;
}

export interface WorkerRecord {
  readonly id: string;
  readonly restoreId: string;
  readonly azureId: string;
  /** Names of the plan's disks; the position is the LUN. */
  readonly disks: readonly string[];
  readonly state: 'launching' | 'ready' | 'retired';
  /** How many times: once for each request for its VM. 0 once it is retired. */
  readonly entered: number;
  readonly movers: readonly MoverRecord[];
}

export interface MoverRecord {
  readonly name: string;
  readonly pid: number;
  readonly seenAt: Date;
  /** Milliseconds since then, when this was read, by the books' own clock: the only one that `seenAt` may be compared with. */
  readonly silentMs: number;
}
