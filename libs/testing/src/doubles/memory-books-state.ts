import { byTurn, ConflictError, hasEnded, isRefused, moves, SWEEP } from '@landfall/domain';
import type {
  Approval,
  AuditEntry,
  CallIntent,
  DiskVerdict,
  GrantRecord,
  IdempotencyClaim,
  LockedRestore,
  OutboxMessage,
  PlannedContents,
  Restore,
  RestoredDisk,
  RestoreEvent,
  Retrieval,
  RunnableWork,
  FailedSegment,
  Segment,
  SegmentError,
  SegmentFilter,
  SegmentTotal,
  SourceRecord,
  Work,
  WorkRun,
} from '@landfall/domain';
import { copyLedger, type LedgerRows } from './memory-ledger.js';

/*
 * What the books in memory hold, as plain data: a transaction works on a copy, and a commit puts the copy in its place.
 */
export type Changeable<T> = { -readonly [K in keyof T]: T[K] };

export interface RestoreData extends Changeable<Omit<Restore, 'works' | 'disks'>> {
  works: (Changeable<Work> & { notBefore: Date | null })[];
  disks: Changeable<RestoredDisk>[];
  contents: readonly PlannedContents[];
  retrieval: Retrieval | null;
  approvals: readonly Approval[];
  source: SourceRecord | null;
  awaitingSince: Date | null;
  events: RestoreEvent[];
  calls: CallData[];
  ledger: LedgerRows;
}

export interface CallData {
  intent: CallIntent;
  work: string;
  epoch: number;
  state: 'intended' | 'submitted' | 'succeeded' | 'failed';
  pollerState: string | null;
  /** That it brings into being. */
  life: number | null;
}

export interface BooksState {
  restores: Map<string, RestoreData>;
  segments: Map<string, Changeable<Segment> & { error: SegmentError | null }>;
  /** By their SHA-256. */
  patches: Map<string, Uint8Array>;
  grants: readonly GrantRecord[];
  verdicts: readonly DiskVerdict[];
  outbox: (OutboxMessage & { claimedUntil: number })[];
  lastOutboxId: number;
  keys: Map<string, IdempotencyClaim>;
  audit: Omit<AuditEntry, 'hash'>[];
}

export function emptyBooks(): BooksState {
  return {
    ...{ restores: new Map(), segments: new Map(), keys: new Map(), patches: new Map() },
    ...{ grants: [], verdicts: [], outbox: [], lastOutboxId: 0, audit: [] },
  };
}

/**
 * A copy to work on. Rows are copied, and what lies in them (plans, requests, errors) is not: nobody changes that in place.
 */
export function copyBooks(state: BooksState): BooksState {
  const rows = <T extends object>(list: readonly T[]): T[] => list.map((row) => ({ ...row }));
  return {
    ...state,
    restores: new Map(
      [...state.restores].map(([id, data]) => [
        id,
        {
          ...data,
          works: rows(data.works),
          disks: rows(data.disks),
          events: [...data.events],
          calls: rows(data.calls),
          ledger: copyLedger(data.ledger),
        },
      ]),
    ),
    segments: new Map([...state.segments].map(([id, segment]) => [id, { ...segment }])),
    outbox: rows(state.outbox),
    keys: new Map(state.keys),
    patches: new Map(state.patches),
    audit: [...state.audit],
  };
}

export function toLockedRestore(data: RestoreData): LockedRestore {
  const { works, disks, contents: _contents, retrieval: _retrieval, approvals: _approvals, ...others } = data;
  const { events: _events, calls: _calls, ledger: _ledger, ...rest } = others;
  return {
    ...rest,
    works: works.map(({ notBefore: _before, ...work }) => work).sort(byTurn),
    disks: disks.map(({ bytesTotal: _total, bytesDone: _done, ...disk }) => disk),
  };
}

export function toRestore(state: BooksState, data: RestoreData): Restore {
  const moves = [...state.segments.values()].filter(
    (segment) => segment.restoreId === data.id && segment.purpose === 'move',
  );
  return {
    ...toLockedRestore(data),
    disks: data.disks.map((disk) => {
      const ofDisk = moves.filter((segment) => segment.diskName === disk.name);
      const done = ofDisk.filter((segment) => segment.state === 'done');
      return { ...disk, bytesTotal: sum(ofDisk), bytesDone: sum(done) };
    }),
  };
}

export function segmentOf(state: BooksState, id: string): Segment | null {
  const found = state.segments.get(id);
  if (!found) return null;
  const { error: _error, ...segment } = found;
  return segment;
}

/** By disk, purpose and index. */
export function segmentsOf(
  state: BooksState,
  restoreId: string,
  { purpose, states, diskName }: SegmentFilter & { readonly diskName?: string } = {},
): Segment[] {
  const rank = (segment: Segment): string => JSON.stringify([segment.diskName, segment.purpose]);
  return [...state.segments.values()]
    .filter(
      (segment) =>
        segment.restoreId === restoreId &&
        (!purpose || segment.purpose === purpose) &&
        (!states || states.includes(segment.state)) &&
        (diskName === undefined || segment.diskName === diskName),
    )
    .sort((a, b) => (rank(a) === rank(b) ? a.index - b.index : rank(a) < rank(b) ? -1 : 1))
    .map(({ error: _error, ...segment }) => segment);
}

export function failedSegmentsOf(state: BooksState, restoreId: string): FailedSegment[] {
  return segmentsOf(state, restoreId, { states: ['failed'] }).flatMap((segment) => {
    const error = state.segments.get(segment.id)?.error;
    return error ? [{ segment, error }] : [];
  });
}

export function totalsOf(state: BooksState, restoreId: string): SegmentTotal[] {
  const totals = new Map<string, SegmentTotal>();
  for (const { diskName, purpose, state: of, dataBytes } of segmentsOf(state, restoreId)) {
    const key = JSON.stringify([diskName, purpose, of]);
    const { count, bytes } = totals.get(key) ?? { count: 0, bytes: 0 };
    totals.set(key, { diskName, purpose, state: of, count: count + 1, bytes: bytes + dataBytes });
  }
  return [...totals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, total]) => total);
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((total, segment) => total + segment.dataBytes, 0);
}

function workOf(state: BooksState, { restoreId, work, epoch }: WorkRun): RestoreData['works'][number] | undefined {
  return state.restores.get(restoreId)?.works.find((each) => each.id === work && each.epoch === epoch);
}

export function isCurrent(state: BooksState, run: WorkRun): boolean {
  const data = state.restores.get(run.restoreId);
  const work = workOf(state, run);
  return data !== undefined && work !== undefined && moves(data, work);
}

/** Whether a run, of a work or of the sweep (whose epoch is the restore's own), is still wanted and has not ended. */
export function isRunning(state: BooksState, run: WorkRun): boolean {
  const data = state.restores.get(run.restoreId);
  if (!data) return false;
  if (run.work === SWEEP) return hasEnded(data.state) && data.epoch === run.epoch;
  return isCurrent(state, run) && workOf(state, run)?.state === 'running';
}

export function superseded({ restoreId, work, epoch }: WorkRun): ConflictError {
  return new ConflictError({
    code: 'STEP_SUPERSEDED',
    message: `The run of ${work} with epoch ${epoch} of restore ${restoreId} is no longer wanted.`,
    fix: 'Nothing has to be done: another run has its place, or the restore was cancelled.',
  });
}

export function runnableWork(state: BooksState): RunnableWork[] {
  return [...state.restores.values()].flatMap((data) => {
    const hasTurned = data.state === 'cancelling' || data.state === 'rolling-back';
    return data.works
      .filter((work) => !work.parked && work.dispatchedAt !== null)
      .filter((work) => work.state === 'pending' || work.state === 'running')
      .filter((work) => moves(data, work) || (hasTurned && work.state === 'running'))
      .map(({ id, epoch, notBefore, dispatchedAt, ...work }) => ({
        ...{ restoreId: data.id, work: id, epoch, notBefore, dispatchedAt },
        state: work.state === 'running' ? 'running' : 'pending',
        awaitsRelay: state.outbox.some(
          ({ payload }) => payload.restoreId === data.id && payload.work === id && payload.epoch === epoch,
        ),
      }));
  });
}

/** Restores that have not ended and replace the VM of this id. */
export function replacingIn({ restores }: BooksState, vmId: string): readonly string[] {
  return [...restores.values()]
    .filter(({ state, plan }) => !hasEnded(state) && plan !== null && !isRefused(plan))
    .filter(({ plan }) => plan?.source?.azureId.toLowerCase() === vmId.toLowerCase())
    .map(({ id }) => id);
}
