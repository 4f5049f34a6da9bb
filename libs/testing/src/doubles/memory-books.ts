import { DEFAULT_WAIT_DAYS, hasEnded, moves, presentRound } from '@landfall/domain';
import type {
  AuditEntry,
  CallJournal,
  DiskIngredients,
  DiskVerdict,
  GrantRecord,
  IdempotencyKeys,
  LedgerEntry,
  LedgerRecord,
  OpenChange,
  OutboxMessage,
  Restore,
  RestoreBooks,
  RestoreEvent,
  RestorePlan,
  RestoreState,
  RestoreTransaction,
  RunnableWork,
  FailedSegment,
  Segment,
  SegmentFilter,
  SegmentTotal,
  SourceRecord,
  WorkRun,
} from '@landfall/domain';
import { BooksJournal } from './memory-books-journal.js';
import {
  copyBooks,
  emptyBooks,
  isCurrent,
  replacingIn,
  runnableWork,
  failedSegmentsOf,
  segmentOf,
  segmentsOf,
  toRestore,
  totalsOf,
  type BooksState,
  type RestoreData,
} from './memory-books-state.js';
import { emptyLedger, latestLives, openChanges } from './memory-ledger.js';
import { MemoryRestoreTransaction } from './memory-restore-transaction.js';

/** A relay that has died leaves its messages to the others after that long. */
const CLAIM_MS = 10_000;

/**
 * The books in memory: transactions one after the other, each on a copy that takes the place of the old state at its
 * commit. Illegal transitions throw.
 */
export class MemoryBooks implements RestoreBooks, IdempotencyKeys {
  #state: BooksState = emptyBooks();
  #last: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<() => void>();
  readonly #locksNeeded: boolean;
  readonly #clock: () => Date;

  /**
   * @param locksNeeded whether a transaction that writes to a restore without having locked it throws
   * @param clock by which approvals are good, and a gate is passed
   */
  constructor({ locksNeeded = false, clock = () => new Date() }: { locksNeeded?: boolean; clock?: () => Date } = {}) {
    this.#locksNeeded = locksNeeded;
    this.#clock = clock;
  }

  /** All that is in them at this moment, for a look from the side. */
  get now(): Readonly<BooksState> {
    return this.#state;
  }

  /** Everything that was audited. */
  get audit(): readonly Omit<AuditEntry, 'hash'>[] {
    return this.#state.audit;
  }

  /** Jobs that no relay has struck off, oldest first. */
  get outbox(): readonly OutboxMessage[] {
    return this.#state.outbox;
  }

  async transaction<T>(work: (tx: RestoreTransaction) => Promise<T>): Promise<T> {
    let wroteOutbox = false;
    const result = await this.#commit(async (state) => {
      const tx = new MemoryRestoreTransaction(state, this.#locksNeeded, this.#clock);
      const value = await work(tx);
      wroteOutbox = tx.wroteOutbox;
      return value;
    });
    if (wroteOutbox) for (const listener of this.#listeners) listener();
    return result;
  }

  #commit<T>(work: (state: BooksState) => T | Promise<T>): Promise<T> {
    const run = this.#last.then(async () => {
      const copy = copyBooks(this.#state);
      const result = await work(copy);
      this.#state = copy;
      return result;
    });
    this.#last = run.catch(() => undefined);
    return run;
  }

  onOutbox(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async restore(id: string): Promise<Restore | null> {
    const data = this.#state.restores.get(id);
    return data ? toRestore(this.#state, data) : null;
  }

  async plan(restoreId: string): Promise<RestorePlan | null> {
    return this.#state.restores.get(restoreId)?.plan ?? null;
  }

  async restores(filter: { states?: readonly RestoreState[]; limit?: number } = {}): Promise<readonly Restore[]> {
    return [...this.#state.restores.values()]
      .reverse()
      .filter((data) => !filter.states || filter.states.includes(data.state))
      .slice(0, filter.limit)
      .map((data) => toRestore(this.#state, data));
  }

  async events(restoreId: string, afterSequence = 0, limit = 1_000): Promise<readonly RestoreEvent[]> {
    const events = this.#state.restores.get(restoreId)?.events ?? [];
    return events.filter((event) => event.sequence > afterSequence).slice(0, limit);
  }

  journal(restoreId: string, work: string, epoch: number): CallJournal {
    return new BooksJournal({ restoreId, work, epoch }, (change) => this.#commit(change), this.#clock);
  }

  async ledger(restoreId: string): Promise<readonly LedgerEntry[]> {
    return latestLives(this.#state.restores.get(restoreId)?.ledger ?? emptyLedger(), this.#clock());
  }

  async openChanges(restoreId: string): Promise<readonly OpenChange[]> {
    return openChanges(this.#state.restores.get(restoreId)?.ledger ?? emptyLedger());
  }

  async replacing(vmId: string): Promise<readonly string[]> {
    return replacingIn(this.#state, vmId);
  }

  async sourceRecord(restoreId: string): Promise<SourceRecord | null> {
    return this.#state.restores.get(restoreId)?.source ?? null;
  }

  async ledgerOfAll(azureIds: readonly string[]): Promise<readonly LedgerRecord[]> {
    const wanted = new Set(azureIds.map((id) => id.toLowerCase()));
    return [...this.#state.restores.values()].flatMap((data) =>
      latestLives(data.ledger, this.#clock())
        .filter((entry) => {
          const unsettled = hasEnded(data.state) && entry.state !== 'removed';
          return unsettled || wanted.has(entry.azureId.toLowerCase());
        })
        .map((entry) => ({
          ...entry,
          owner: { kind: 'restore', id: data.id, state: data.state, epoch: data.epoch },
        })),
    );
  }

  async segments(
    restoreId: string,
    filter: SegmentFilter & { diskName?: string; limit?: number } = {},
  ): Promise<readonly Segment[]> {
    return segmentsOf(this.#state, restoreId, filter).slice(0, filter.limit);
  }

  async verdicts(restoreId: string): Promise<readonly DiskVerdict[]> {
    return this.#state.verdicts.filter((verdict) => verdict.restoreId === restoreId);
  }

  async ingredients(restoreId: string, diskName: string): Promise<DiskIngredients | null> {
    const found = this.#state.restores.get(restoreId)?.contents.find(({ name }) => name === diskName);
    return found ? { recipe: found.recipe, source: found.source } : null;
  }

  async patches(ids: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    return new Map([...this.#state.patches].filter(([id]) => ids.includes(id)));
  }

  async segment(id: string): Promise<Segment | null> {
    return segmentOf(this.#state, id);
  }

  async failedSegments(restoreId: string, limit: number): Promise<readonly FailedSegment[]> {
    return failedSegmentsOf(this.#state, restoreId).slice(0, limit);
  }

  async segmentsHeldBy(workerId: string | null, name: string): Promise<readonly Segment[]> {
    return this.#state.grants
      .filter((grant) => grant.workerId === workerId)
      .flatMap((grant) => {
        const segment = segmentOf(this.#state, grant.segmentId);
        const isHeld = segment?.state === 'running' && segment.epoch === grant.epoch;
        return isHeld && segment.mover?.startsWith(`${name}/`) ? [segment] : [];
      });
  }

  async latestGrant(segmentId: string, mover: string): Promise<GrantRecord | null> {
    return this.#state.grants.findLast((grant) => grant.segmentId === segmentId && grant.mover === mover) ?? null;
  }

  async segmentTotals(restoreId: string): Promise<readonly SegmentTotal[]> {
    return totalsOf(this.#state, restoreId);
  }

  async runnable(): Promise<readonly RunnableWork[]> {
    return runnableWork(this.#state);
  }

  async unapprovedForLong(): Promise<readonly string[]> {
    const isOver = ({ state, awaitingSince, plan }: RestoreData): boolean => {
      const days = plan?.options.waitDays ?? DEFAULT_WAIT_DAYS;
      return state === 'awaiting-approval' && awaitingSince!.getTime() + days * 86_400_000 < this.#clock().getTime();
    };
    return [...this.#state.restores.values()].filter(isOver).map(({ id }) => id);
  }

  async keptFor(seconds: number): Promise<readonly string[]> {
    const isDue = ({ state, cutOverAt, endedAt, works, turn }: RestoreData): boolean =>
      cutOverAt !== null &&
      (state === 'completed' || state === 'rolled-back') &&
      endedAt!.getTime() + seconds * 1_000 <= this.#clock().getTime() &&
      !works.some(({ id, round }) => id === 'purge' && round === presentRound({ turn }, 'after'));
    return [...this.#state.restores.values()].filter(isDue).map(({ id }) => id);
  }

  async parked(): Promise<readonly WorkRun[]> {
    return [...this.#state.restores.values()].flatMap((data) =>
      data.works
        .filter((work) => work.parked && moves(data, work))
        .map(({ id, epoch }) => ({ restoreId: data.id, work: id, epoch })),
    );
  }

  async areCurrent(runs: readonly WorkRun[]): Promise<readonly boolean[]> {
    return runs.map((run) => isCurrent(this.#state, run));
  }

  async claimOutbox(limit: number): Promise<readonly OutboxMessage[]> {
    return this.#commit((state) => {
      const now = Date.now();
      const free = state.outbox.filter((message) => message.claimedUntil <= now).slice(0, limit);
      for (const message of free) message.claimedUntil = now + CLAIM_MS;
      return free.map(({ claimedUntil: _until, ...message }) => message);
    });
  }

  /** As if the relays that hold messages had died, and their claims run out. */
  async releaseOutboxClaims(): Promise<void> {
    await this.#commit((state) => {
      for (const message of state.outbox) message.claimedUntil = 0;
    });
  }

  async outboxSent(ids: readonly string[]): Promise<void> {
    await this.#commit((state) => {
      state.outbox = state.outbox.filter((message) => !ids.includes(message.id));
    });
  }

  async find(key: string): Promise<{ restoreId: string; bodyHash: string } | null> {
    const claim = this.#state.keys.get(key);
    return claim ? { restoreId: claim.restoreId, bodyHash: claim.bodyHash } : null;
  }

  async prune(): Promise<number> {
    return this.#commit((state) => {
      const { size } = state.keys;
      state.keys.clear();
      return size;
    });
  }
}
