import {
  captureHasEnded,
  ConflictError,
  requireCaptureTransition,
  type CallJournal,
  type Capture,
  type CaptureBooks,
  type CaptureEvent,
  type CapturePatch,
  type CaptureRun,
  type CaptureState,
  type CaptureTransaction,
  type IdempotencyClaim,
  type LedgerEntry,
  type NewCapture,
  type NewOutboxMessage,
  type OpenChange,
  type CapturedMachine,
} from '@landfall/domain';
import type { NewAuditEntry } from './audit-log.js';
import { PostgresCallJournal } from './call-journal.js';
import {
  addCaptureEvent,
  captureSuperseded,
  loadCapture,
  requireCurrentCapture,
  toCapture,
  WITH_DISKS,
} from './capture-rows.js';
import type { Database } from './database.js';
import type { Prisma } from './generated/client.js';
import { captureOwner, sweptCaptureOwner } from './journal-owners.js';
import { readLedger, readOpenChanges } from './ledger-reads.js';
import { PostgresRestoreTransaction } from './restore-transaction.js';
import { requiredJson, storableText, toJson } from './rows.js';

const CAPTURES_AT_MOST = 1_000;
const EVENTS_AT_MOST = 1_000;

export class PostgresCaptures implements CaptureBooks {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  transaction<T>(work: (tx: CaptureTransaction) => Promise<T>): Promise<T> {
    return this.#database.transaction((client) => work(new PostgresCaptureTransaction(client)));
  }

  capture(id: string): Promise<Capture | null> {
    return this.#database.run((client) => loadCapture(client, id));
  }

  async captures(filter: { states?: readonly CaptureState[]; limit?: number } = {}): Promise<readonly Capture[]> {
    const rows = await this.#database.run((client) =>
      client.capture.findMany({
        where: filter.states ? { state: { in: [...filter.states] } } : {},
        include: WITH_DISKS,
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: filter.limit ?? CAPTURES_AT_MOST,
      }),
    );
    return rows.map(toCapture);
  }

  async events(captureId: string, afterSequence = 0, limit = EVENTS_AT_MOST): Promise<readonly CaptureEvent[]> {
    const rows = await this.#database.run((client) =>
      client.captureEvent.findMany({
        where: { captureId, sequence: { gt: afterSequence } },
        orderBy: { sequence: 'asc' },
        take: limit,
      }),
    );
    return rows.map((row) => ({ ...row, data: row.data as Record<string, unknown> }));
  }

  journal(run: CaptureRun): CallJournal {
    return new PostgresCallJournal(this.#database, captureOwner(run));
  }

  sweepJournal(captureId: string, epoch: number): CallJournal {
    return new PostgresCallJournal(this.#database, sweptCaptureOwner(captureId, epoch));
  }

  ledger(captureId: string): Promise<readonly LedgerEntry[]> {
    return this.#database.run((client) => readLedger(client, captureId));
  }

  openChanges(captureId: string): Promise<readonly OpenChange[]> {
    return this.#database.run((client) => readOpenChanges(client, captureId));
  }

  async sealedModel(captureId: string): Promise<string | null> {
    const row = await this.#database.run((client) =>
      client.capture.findUnique({ where: { id: captureId }, select: { sealedModel: true } }),
    );
    return row?.sealedModel ?? null;
  }

  async reportProgress({ captureId, epoch }: CaptureRun, diskName: string, bytesDone: number): Promise<void> {
    await this.#database.run(
      (client) => client.$executeRaw`
        UPDATE "capture_disk" AS "d" SET "bytes_done" = ${bytesDone}::bigint
        FROM "capture" AS "k"
        WHERE "d"."capture_id" = ${captureId} AND "d"."name" = ${diskName} AND "k"."id" = "d"."capture_id"
          AND "k"."epoch" = ${epoch} AND "k"."begun" AND "k"."outcome" IS NULL`,
    );
  }

  async runnable(): Promise<readonly Capture[]> {
    const ids = await this.#database.run(
      (client) => client.$queryRaw<{ id: string }[]>`
        SELECT "k"."id" FROM "capture" AS "k"
        WHERE "k"."ended_at" IS NULL AND NOT EXISTS (
          SELECT 1 FROM "outbox" AS "o"
          WHERE "o"."payload" ->> 'captureId' = "k"."id" AND ("o"."payload" ->> 'epoch')::int = "k"."epoch")
        ORDER BY "k"."created_at"`,
    );
    const found = await this.#database.run((client) =>
      client.capture.findMany({ where: { id: { in: ids.map(({ id }) => id) } }, include: WITH_DISKS }),
    );
    return found.map(toCapture);
  }
}

class PostgresCaptureTransaction implements CaptureTransaction {
  readonly #client: Prisma.TransactionClient;
  /** What belongs to restores and captures alike. */
  readonly #shared: PostgresRestoreTransaction;

  constructor(client: Prisma.TransactionClient) {
    this.#client = client;
    this.#shared = new PostgresRestoreTransaction(client);
  }

  async createCapture({ id, repositoryName, vmId, stop, requestedBy }: NewCapture): Promise<void> {
    await this.#client.cloudOwner.create({ data: { id, kind: 'capture' } });
    const created = await this.#client.$executeRaw`
      INSERT INTO "capture" ("id", "state", "repository_name", "vm_id", "stop", "requested_by")
      VALUES (${id}, 'queued', ${repositoryName}, ${vmId}, ${stop}, ${storableText(requestedBy)})
      ON CONFLICT (lower("vm_id")) WHERE "ended_at" IS NULL DO NOTHING`;
    if (created === 1) return;
    const [other] = await this.#client.$queryRaw<{ id: string }[]>`
      SELECT "id" FROM "capture" WHERE lower("vm_id") = lower(${vmId}) AND "ended_at" IS NULL`;
    throw new ConflictError({
      code: 'CAPTURE_UNDER_WAY',
      message: `The VM ${vmId} is being captured already, by ${other?.id ?? 'a capture that has just ended'}.`,
      fix: 'Wait until that capture has ended, or cancel it.',
    });
  }

  async lockCapture(id: string): Promise<Capture | null> {
    // In a statement of its own: one that waits for a lock and reads on would see the disks as they were before.
    await this.#client.$queryRaw`SELECT 1 FROM "capture" WHERE "id" = ${id} FOR UPDATE`;
    return loadCapture(this.#client, id);
  }

  async requireCurrent(run: CaptureRun): Promise<Capture> {
    const capture = await this.lockCapture(run.captureId);
    if (capture === null) throw captureSuperseded(run);
    await requireCurrentCapture(this.#client, run);
    return capture;
  }

  async moveCapture(
    id: string,
    guard: { readonly from: CaptureState; readonly epoch: number },
    to: CaptureState,
    patch: CapturePatch = {},
  ): Promise<boolean> {
    requireCaptureTransition(guard.from, to);
    const { count } = await this.#client.capture.updateMany({
      where: { id, state: guard.from, epoch: guard.epoch },
      data: {
        ...columns(patch),
        state: to,
        ...(captureHasEnded(to) ? { endedAt: new Date(), sealedModel: null } : {}),
      },
    });
    return count === 1;
  }

  async patchCapture(id: string, patch: CapturePatch): Promise<void> {
    await this.#client.capture.update({ where: { id }, data: columns(patch) });
  }

  async saveModel(id: string, { machine, sealedModel, disks }: CapturedMachine): Promise<void> {
    await this.#client.capture.update({ where: { id }, data: { machine: storableText(machine), sealedModel } });
    await this.#client.captureDisk.createMany({
      data: disks.map(({ sizeBytes, ...disk }, position) => ({
        ...{ ...disk, captureId: id, position, sizeBytes: BigInt(sizeBytes) },
      })),
    });
  }

  async patchDisk(id: string, name: string, patch: Parameters<CaptureTransaction['patchDisk']>[2]): Promise<void> {
    await this.#client.captureDisk.update({ where: { captureId_name: { captureId: id, name } }, data: patch });
  }

  async addEvent(id: string, type: string, message: string, data: Record<string, unknown> = {}): Promise<void> {
    await addCaptureEvent(this.#client, id, type, message, data);
  }

  enqueue(message: NewOutboxMessage): Promise<void> {
    return this.#shared.enqueue(message);
  }

  claimIdempotencyKey(claim: IdempotencyClaim): Promise<IdempotencyClaim> {
    return this.#shared.claimIdempotencyKey(claim);
  }

  audit(entry: NewAuditEntry): Promise<void> {
    return this.#shared.audit(entry);
  }
}

function columns({ error, problems, ...patch }: CapturePatch) {
  return {
    ...patch,
    ...(error === undefined ? {} : { error: toJson(error) }),
    ...(problems === undefined ? {} : { problems: requiredJson(problems) }),
  };
}
