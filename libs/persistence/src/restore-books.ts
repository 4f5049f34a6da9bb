import { DEFAULT_WAIT_DAYS } from '@landfall/domain';
import type {
  CallJournal,
  DiskIngredients,
  DiskVerdict,
  GrantRecord,
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
import { PostgresCallJournal } from './call-journal.js';
import type { Database } from './database.js';
import { MOVES } from './current-run.js';
import { restoreOwner } from './journal-owners.js';
import { readLedger, readLedgerOfAll, readOpenChanges } from './ledger-reads.js';
import { loadRestores } from './load-restores.js';
import { PostgresRestoreTransaction } from './restore-transaction.js';
import { toIngredients, toPlan, toSegment, toSourceRecord } from './rows.js';
import { readFailedSegments, readSegments, readTotals, readVerdicts, SEGMENT_COLUMNS } from './segment-reads.js';

/** A relay that has died leaves its messages to the others after that long. */
const CLAIM_SECONDS = 10;
const RESTORES_AT_MOST = 1_000;
const EVENTS_AT_MOST = 1_000;

export class PostgresRestoreBooks implements RestoreBooks {
  readonly #database: Database;
  readonly #outboxListeners = new Set<() => void>();

  constructor(database: Database) {
    this.#database = database;
  }

  async transaction<T>(work: (tx: RestoreTransaction) => Promise<T>): Promise<T> {
    let wroteOutbox = false;
    const result = await this.#database.transaction(async (client) => {
      const tx = new PostgresRestoreTransaction(client);
      const value = await work(tx);
      wroteOutbox = tx.wroteOutbox;
      return value;
    });
    if (wroteOutbox) for (const listener of this.#outboxListeners) listener();
    return result;
  }

  onOutbox(listener: () => void): () => void {
    this.#outboxListeners.add(listener);
    return () => this.#outboxListeners.delete(listener);
  }

  async restore(id: string): Promise<Restore | null> {
    const [restore] = await this.#database.run((client) => loadRestores(client, { id }));
    return restore ?? null;
  }

  async plan(restoreId: string): Promise<RestorePlan | null> {
    const row = await this.#database.run((client) =>
      client.restore.findUnique({ where: { id: restoreId }, select: { plan: true } }),
    );
    return row && toPlan(row);
  }

  async restores(filter: { states?: readonly RestoreState[]; limit?: number } = {}): Promise<readonly Restore[]> {
    const where = filter.states ? { state: { in: [...filter.states] } } : {};
    return this.#database.run((client) => loadRestores(client, where, filter.limit ?? RESTORES_AT_MOST));
  }

  async events(restoreId: string, afterSequence = 0, limit = EVENTS_AT_MOST): Promise<readonly RestoreEvent[]> {
    const rows = await this.#database.run((client) =>
      client.restoreEvent.findMany({
        where: { restoreId, sequence: { gt: afterSequence } },
        orderBy: { sequence: 'asc' },
        take: limit,
      }),
    );
    return rows.map((row) => ({ ...row, data: row.data as Record<string, unknown> }));
  }

  journal(restoreId: string, work: string, epoch: number): CallJournal {
    return new PostgresCallJournal(this.#database, restoreOwner({ restoreId, work, epoch }));
  }

  async ledger(restoreId: string): Promise<readonly LedgerEntry[]> {
    return this.#database.run((client) => readLedger(client, restoreId));
  }

  async openChanges(restoreId: string): Promise<readonly OpenChange[]> {
    return this.#database.run((client) => readOpenChanges(client, restoreId));
  }

  async replacing(vmId: string): Promise<readonly string[]> {
    const rows = await this.#database.run((client) =>
      client.restore.findMany({
        where: { replaces: vmId.toLowerCase(), endedAt: null },
        select: { id: true },
        orderBy: { createdAt: 'asc' },
      }),
    );
    return rows.map(({ id }) => id);
  }

  async sourceRecord(restoreId: string): Promise<SourceRecord | null> {
    const row = await this.#database.run((client) => client.sourceRecord.findUnique({ where: { restoreId } }));
    return row && toSourceRecord(row);
  }

  async ledgerOfAll(azureIds: readonly string[]): Promise<readonly LedgerRecord[]> {
    return this.#database.run((client) => readLedgerOfAll(client, azureIds));
  }

  async segments(
    restoreId: string,
    filter: SegmentFilter & { diskName?: string; limit?: number } = {},
  ): Promise<readonly Segment[]> {
    return this.#database.run((client) => readSegments(client, restoreId, filter));
  }

  async segment(id: string): Promise<Segment | null> {
    const row = await this.#database.run((client) => client.segment.findUnique({ where: { id } }));
    return row && toSegment(row);
  }

  async failedSegments(restoreId: string, limit: number): Promise<readonly FailedSegment[]> {
    return this.#database.run((client) => readFailedSegments(client, restoreId, limit));
  }

  async segmentsHeldBy(workerId: string | null, name: string): Promise<readonly Segment[]> {
    const rows = await this.#database.run(
      (client) => client.$queryRaw<Parameters<typeof toSegment>[0][]>`
        SELECT ${SEGMENT_COLUMNS} FROM "segment" AS "s"
        JOIN "segment_grant" AS "g" ON "g"."segment_id" = "s"."id" AND "g"."epoch" = "s"."epoch"
        WHERE "s"."state" = 'running' AND starts_with("s"."mover", ${`${name}/`})
          AND "g"."worker_id" IS NOT DISTINCT FROM ${workerId}
        ORDER BY "s"."restore_id", "s"."disk_name", "s"."purpose", "s"."index"`,
    );
    return rows.map(toSegment);
  }

  async latestGrant(segmentId: string, mover: string): Promise<GrantRecord | null> {
    const row = await this.#database.run((client) =>
      client.segmentGrant.findFirst({ where: { segmentId, mover }, orderBy: { epoch: 'desc' } }),
    );
    return row && { segmentId, mover, epoch: row.epoch, restoreId: row.restoreId, workerId: row.workerId };
  }

  async segmentTotals(restoreId: string): Promise<readonly SegmentTotal[]> {
    return this.#database.run((client) => readTotals(client, restoreId));
  }

  async verdicts(restoreId: string): Promise<readonly DiskVerdict[]> {
    return this.#database.run((client) => readVerdicts(client, restoreId));
  }

  async ingredients(restoreId: string, diskName: string): Promise<DiskIngredients | null> {
    const row = await this.#database.run((client) =>
      client.plannedDisk.findUnique({
        where: { restoreId_name: { restoreId, name: diskName } },
        select: { recipe: true, source: true },
      }),
    );
    return row && toIngredients(row);
  }

  async patches(ids: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#database.run((client) =>
      client.patchBytes.findMany({ where: { sha256: { in: [...ids] } } }),
    );
    return new Map(rows.map(({ sha256, bytes }) => [sha256, bytes]));
  }

  async runnable(): Promise<readonly RunnableWork[]> {
    return this.#database.run(
      (client) => client.$queryRaw<RunnableWork[]>`
        SELECT "w"."restore_id" AS "restoreId", "w"."id" AS "work", "w"."epoch", "w"."state",
               "w"."not_before" AS "notBefore", "w"."dispatched_at" AS "dispatchedAt",
               EXISTS (
                 SELECT 1 FROM "outbox" AS "o"
                 WHERE "o"."payload" ->> 'restoreId' = "w"."restore_id" AND "o"."payload" ->> 'work' = "w"."id"
                   AND ("o"."payload" ->> 'epoch')::int = "w"."epoch"
               ) AS "awaitsRelay"
        FROM "restore_work" AS "w" JOIN "restore" AS "r" ON "r"."id" = "w"."restore_id"
        WHERE "w"."state" IN ('pending', 'running') AND NOT "w"."parked" AND "w"."dispatched_at" IS NOT NULL
          AND (${MOVES}
            -- The restore has turned round, and waits for this run to end.
            OR ("w"."state" = 'running' AND "r"."state" IN ('cancelling', 'rolling-back')))
        ORDER BY "w"."dispatched_at"`,
    );
  }

  async parked(): Promise<readonly WorkRun[]> {
    return this.#database.run(
      (client) => client.$queryRaw<WorkRun[]>`
        SELECT "w"."restore_id" AS "restoreId", "w"."id" AS "work", "w"."epoch"
        FROM "restore_work" AS "w" JOIN "restore" AS "r" ON "r"."id" = "w"."restore_id"
        WHERE "w"."parked" AND ${MOVES}
        ORDER BY "w"."dispatched_at"`,
    );
  }

  async unapprovedForLong(): Promise<readonly string[]> {
    const rows = await this.#database.run(
      (client) => client.$queryRaw<{ id: string }[]>`
        SELECT "id" FROM "restore"
        WHERE "state" = 'awaiting-approval'
          AND "awaiting_since" + make_interval(days => COALESCE(("plan" -> 'options' ->> 'waitDays')::int,
                                                                ${DEFAULT_WAIT_DAYS}::int)) < now()
        ORDER BY "awaiting_since"`,
    );
    return rows.map(({ id }) => id);
  }

  async keptFor(seconds: number): Promise<readonly string[]> {
    const rows = await this.#database.run(
      (client) => client.$queryRaw<{ id: string }[]>`
        SELECT "id" FROM "restore" AS "r"
        WHERE "cut_over_at" IS NOT NULL AND "state" IN ('completed', 'rolled-back')
          AND "ended_at" <= now() - make_interval(secs => ${seconds})
          AND NOT EXISTS (SELECT 1 FROM "restore_work" AS "w"
                          WHERE "w"."restore_id" = "r"."id" AND "w"."id" = 'purge'
                            AND "w"."round" = CASE WHEN "r"."turn_purpose" IS NULL THEN 0 ELSE "r"."round" END)
        ORDER BY "ended_at"`,
    );
    return rows.map(({ id }) => id);
  }

  async areCurrent(runs: readonly WorkRun[]): Promise<readonly boolean[]> {
    if (runs.length === 0) return [];
    const rows = await this.#database.run(
      (client) => client.$queryRaw<{ current: boolean }[]>`
        SELECT EXISTS (
                 SELECT 1 FROM "restore_work" AS "w" JOIN "restore" AS "r" ON "r"."id" = "w"."restore_id"
                 WHERE "w"."restore_id" = "run"."id" AND "w"."id" = "run"."work" AND "w"."epoch" = "run"."epoch" AND ${MOVES}
               ) AS "current"
        FROM unnest(${runs.map((run) => run.restoreId)}::text[], ${runs.map((run) => run.work)}::text[],
                    ${runs.map((run) => run.epoch)}::int[]) WITH ORDINALITY AS "run"("id", "work", "epoch", "position")
        ORDER BY "run"."position"`,
    );
    return rows.map((row) => row.current);
  }

  async claimOutbox(limit: number): Promise<readonly OutboxMessage[]> {
    const rows = await this.#database.run(
      (client) => client.$queryRaw<(Omit<OutboxMessage, 'id'> & { id: bigint })[]>`
        UPDATE "outbox" SET "claimed_until" = clock_timestamp() + make_interval(secs => ${CLAIM_SECONDS})
        WHERE "id" IN (
          SELECT "id" FROM "outbox"
          WHERE "claimed_until" IS NULL OR "claimed_until" < clock_timestamp()
          ORDER BY "id" LIMIT ${limit} FOR UPDATE SKIP LOCKED
        )
        RETURNING "id", "queue", "job_id" AS "jobId", "name", "payload", "delay_ms" AS "delayMs"`,
    );
    return rows.toSorted((a, b) => Number(a.id - b.id)).map((row) => ({ ...row, id: String(row.id) }));
  }

  async outboxSent(ids: readonly string[]): Promise<void> {
    await this.#database.run((client) => client.outbox.deleteMany({ where: { id: { in: ids.map(BigInt) } } }));
  }
}
