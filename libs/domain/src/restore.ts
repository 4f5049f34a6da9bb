import type { ErrorDetails } from './errors.js';
import type { RestorePlan } from './plan.js';
import type { ByteRange } from './ports/file-store.js';
import type { Problem } from './problems.js';
import type { RestoreRequest } from './request.js';
import type { Direction, Work, WorkKey } from './work.js';

/**
 * The states of a restore, and which may follow which.
 *
 *   planning ─→ refused
 *      │
 *      └──→ running ─→ completed
 *   running ─→ awaiting-approval ─→ running    (the next step removes the source, and nobody has approved the plan; `approve`)
 *   running ─→ rolling-back ─→ failed          (a permanent error; what was created is removed first)
 *   running ─→ needs-attention ─→ running      (attempts used up; `resume`)
 *   any before the end ─→ cancelling ─→ cancelled
 *   completed, needs-attention, failed ─→ rolling-back ─→ rolled-back   (`rollback`, asked for by a person)
 *
 * Once it has cut over there is no other end than completed and rolled-back, and fewer states on the way:
 *
 *   running ─→ needs-attention ─→ running      (attempts used up; also a permanent error)
 *   completed, needs-attention ─→ rolling-back ─→ rolled-back, needs-attention
 */
export const RESTORE_TRANSITIONS = {
  planning: ['refused', 'running', 'cancelling', 'failed', 'needs-attention'],
  'awaiting-approval': ['running', 'cancelling', 'rolling-back'],
  running: ['completed', 'awaiting-approval', 'cancelling', 'rolling-back', 'needs-attention'],
  cancelling: ['cancelled', 'needs-attention'],
  'rolling-back': ['rolled-back', 'failed', 'needs-attention'],
  'needs-attention': ['running', 'planning', 'cancelling', 'rolling-back'],
  refused: [],
  cancelled: [],
  'rolled-back': [],
  failed: ['rolling-back'],
  completed: ['rolling-back'],
} as const satisfies Record<string, readonly string[]>;

export type RestoreState = keyof typeof RESTORE_TRANSITIONS;

export function mayBecome(from: RestoreState, to: RestoreState): boolean {
  return (RESTORE_TRANSITIONS[from] as readonly RestoreState[]).includes(to);
}

/** @throws Error for a change that the machine does not have: a fault of whoever asks for it. Nothing may be written then. */
export function requireTransition(from: RestoreState, to: RestoreState): void {
  if (!mayBecome(from, to)) throw new Error(`A restore may not go from ${from} to ${to}.`);
}

/** In which a restore may be that has cut over. */
export const AFTER_CUT_OVER: readonly RestoreState[] = [
  'running',
  'needs-attention',
  'rolling-back',
  'rolled-back',
  'completed',
];

/** Nothing moves any more unless a person asks for it. */
export function isSettled(state: RestoreState): boolean {
  return ['refused', 'cancelled', 'rolled-back', 'failed', 'completed', 'needs-attention'].includes(state);
}

/** Over for good, but for a roll-back of it. */
export function hasEnded(state: RestoreState): boolean {
  return state !== 'needs-attention' && isSettled(state);
}

/** Why a restore goes back; decides on the state that follows. */
export type TurnPurpose = 'cancel' | 'failure' | 'roll-back';

/** The latest time that a restore turned round. */
export interface Turn {
  /** From 1; works that go back, or come after the end, belong to one. */
  readonly round: number;
  readonly purpose: TurnPurpose;
  /** What made the restore fail; shown again once the way back has ended. */
  readonly cause: ErrorDetails | null;
}

/** In which states of a restore its works of each direction move. */
export const MOVES_IN: Readonly<Record<Direction, readonly RestoreState[]>> = {
  forward: ['planning', 'running'],
  back: ['cancelling', 'rolling-back'],
  after: ['refused', 'cancelled', 'rolled-back', 'failed', 'completed'],
};

/** Whether a work may run now: its direction is the restore's, and it is of the present round. */
export function moves(
  restore: Pick<LockedRestore, 'state' | 'turn'>,
  { direction, round }: Pick<WorkKey, 'direction' | 'round'>,
): boolean {
  return MOVES_IN[direction].includes(restore.state) && round === presentRound(restore, direction);
}

export function presentRound({ turn }: Pick<LockedRestore, 'turn'>, direction: Direction): number {
  return direction === 'forward' ? 0 : (turn?.round ?? 0);
}

/** A disk that is being restored, or was. */
export interface DiskRecord {
  /** As in the plan. */
  readonly name: string;
  readonly from: string;
  readonly role: 'os' | 'data';
  readonly lun: number | null;
  readonly azureId: string | null;
}

/** With how far it has come. */
export interface RestoredDisk extends DiskRecord {
  /** Bytes that hold data, as the plan counts them: what is empty is neither moved nor counted. */
  readonly bytesTotal: number;
  /** Of these, in segments that are done. */
  readonly bytesDone: number;
}

/** One restore as a transaction sees it that has locked it: how far its disks have come would take sums over all segments. */
export interface LockedRestore {
  readonly id: string;
  readonly state: RestoreState;
  /** Grows with every change of state; guards against two writers. */
  readonly epoch: number;
  readonly request: RestoreRequest;
  readonly plan: RestorePlan | null;
  /** Of the plan that is carried out; what is approved is approved of this one. */
  readonly planHash: string | null;
  /**
   * When it has passed the gate, by the books' own clock: from here on parts of the source may be gone, and it is completed or
   * rolled back. Null: it has not, and all of the source is there.
   */
  readonly cutOverAt: Date | null;
  /** Steps in their order, then what came of each time that it turned round. */
  readonly works: readonly Work[];
  /** Null until it turns round for the first time. */
  readonly turn: Turn | null;
  readonly disks: readonly DiskRecord[];
  readonly vmAzureId: string | null;
  readonly problems: readonly Problem[];
  readonly error: ErrorDetails | null;
  readonly requestedBy: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** Everything that Postgres knows of one restore. */
export interface Restore extends LockedRestore {
  readonly disks: readonly RestoredDisk[];
}

/** One line of a restore's history, in the order of `sequence`. */
export interface RestoreEvent {
  readonly sequence: number;
  readonly restoreId: string;
  readonly at: Date;
  /** Such as `restore.running`, `step.done`, `segment.done`, `resource.created`. */
  readonly type: string;
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type SegmentState = 'pending' | 'running' | 'done' | 'failed';

/** A range of one disk that is moved as one job; about 128 MiB of the target. */
export interface Segment {
  readonly id: string;
  readonly restoreId: string;
  readonly diskName: string;
  /** `move` writes, `verify` reads back. */
  readonly purpose: 'move' | 'verify';
  readonly index: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** Of these, bytes that hold data in the backup; all of them where they are read back. */
  readonly dataBytes: number;
  readonly state: SegmentState;
  readonly epoch: number;
  readonly attempts: number;
  /** The data-mover that holds or held it. */
  readonly mover: string | null;
}

/** Why a segment has failed, or was handed out again. */
export interface SegmentError extends ErrorDetails {
  /** Of the disk, where it is about no more than a part of the segment, or beyond it. */
  readonly range?: ByteRange;
}

/** A segment that has failed for good. */
export interface FailedSegment {
  readonly segment: Segment;
  readonly error: SegmentError;
}

/** That a data-mover was given a segment, under which epoch. Kept: what it reports is held against it. */
export interface GrantRecord {
  readonly segmentId: string;
  readonly epoch: number;
  readonly restoreId: string;
  /** `name/instance`. */
  readonly mover: string;
  /** The worker that it runs on; null: it belongs to the pool. */
  readonly workerId: string | null;
}

/** What a data-mover has found out about a disk and nobody can undo: this disk does not hold, or will not take, the backup. */
export interface DiskVerdict extends ErrorDetails {
  readonly restoreId: string;
  readonly diskName: string;
  readonly segmentId: string;
  readonly epoch: number;
  readonly mover: string;
  readonly at: Date;
}
