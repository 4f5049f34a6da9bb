import { createHash } from 'node:crypto';
import {
  ConflictError,
  hasEnded,
  isRefused,
  patchId,
  requireTransition,
  requireWhole,
  requireWorkTransition,
  stepKey,
  STEPS,
  type Approval,
  type DiskVerdict,
  type GrantRecord,
  type IdempotencyClaim,
  type LockedRestore,
  type NewApproval,
  type NewOutboxMessage,
  type NewRestore,
  type NewSegment,
  type PlannedContents,
  type RestorePatch,
  type RestorePlan,
  type RestoreState,
  type RestoreTransaction,
  type Retrieval,
  type SegmentError,
  type Segment,
  type SegmentFilter,
  type SegmentState,
  type SegmentToHandOut,
  type SegmentTotal,
  type SourceRecord,
  type Turn,
  type Work,
  type WorkKey,
  type WorkPatch,
  type WorkRun,
  type WorkState,
} from '@landfall/domain';
import { appendAudit, type NewAuditEntry } from './audit-log.js';
import { clockOf } from './clock.js';
import { requireCurrentRun } from './current-run.js';
import { Prisma } from './generated/client.js';
import { loadLockedRestore } from './load-restores.js';
import { contentsColumns, requiredJson, storableText, toApproval, toContents, toJson, toSegment } from './rows.js';
import { readSegments, readTotals, readVerdicts, SEGMENT_COLUMNS, whereOf } from './segment-reads.js';

/** Rows of one statement. */
const FILES_AT_ONCE = 5_000;

/** Azure does not mind the case of ids. */
function replacedId(plan: RestorePlan): string | null {
  return isRefused(plan) ? null : (plan.source?.azureId.toLowerCase() ?? null);
}

/** The changes of one transaction. Every guarded one is a single `UPDATE … WHERE state = … AND epoch = …`. */
export class PostgresRestoreTransaction implements RestoreTransaction {
  readonly #client: Prisma.TransactionClient;
  /** Whether the relay has something to do once this is committed. */
  wroteOutbox = false;

  constructor(client: Prisma.TransactionClient) {
    this.#client = client;
  }

  async createRestore(restore: NewRestore): Promise<void> {
    await this.#client.cloudOwner.create({ data: { id: restore.id, kind: 'restore' } });
    await this.#client.restore.create({
      data: {
        id: restore.id,
        state: 'planning',
        restorePointId: restore.request.restorePointId,
        request: requiredJson(restore.request),
        requestedBy: restore.requestedBy,
        works: { createMany: { data: STEPS.map(({ id }) => stepKey(id)) } },
      },
    });
  }

  async lockRestore(id: string): Promise<LockedRestore | null> {
    // In a statement of its own: one that waits for a lock and reads on would see the steps as they were before.
    const locked = await this.#client.$queryRaw<unknown[]>`SELECT 1 FROM "restore" WHERE "id" = ${id} FOR UPDATE`;
    return locked.length === 0 ? null : loadLockedRestore(this.#client, id);
  }

  async requireCurrent(run: WorkRun): Promise<void> {
    await this.#client.$queryRaw`SELECT 1 FROM "restore" WHERE "id" = ${run.restoreId} FOR UPDATE`;
    await requireCurrentRun(this.#client, run);
  }

  async moveRestore(
    id: string,
    guard: { from: RestoreState; epoch: number },
    to: RestoreState,
    patch: RestorePatch = {},
  ): Promise<boolean> {
    requireTransition(guard.from, to);
    const { count } = await this.#client.restore.updateMany({
      where: { id, state: guard.from, epoch: guard.epoch },
      data: {
        ...restoreColumns(patch),
        state: to,
        epoch: { increment: 1 },
        endedAt: hasEnded(to) ? (patch.endedAt ?? new Date()) : null,
      },
    });
    // In a statement of its own, because it is the database's time.
    if (count === 1 && to === 'awaiting-approval') {
      await this.#client.$executeRaw`UPDATE "restore" SET "awaiting_since" = now() WHERE "id" = ${id}`;
    }
    return count === 1;
  }

  async patchRestore(id: string, patch: RestorePatch): Promise<void> {
    await this.#client.restore.update({ where: { id }, data: restoreColumns(patch) });
  }

  async moveWork(
    restoreId: string,
    { direction, round, id }: WorkKey,
    guard: { from: WorkState; epoch: number },
    to: WorkState,
    patch: WorkPatch = {},
  ): Promise<boolean> {
    requireWorkTransition(guard.from, to);
    const { count } = await this.#client.restoreWork.updateMany({
      where: { restoreId, direction, round, id, state: guard.from, epoch: guard.epoch },
      data: workColumns(patch, to),
    });
    return count === 1;
  }

  async openWorks(restoreId: string, works: readonly WorkKey[]): Promise<readonly Work[]> {
    if (works.length === 0) return [];
    const rows = works.map(({ direction, round, id }) => Prisma.sql`(${direction}, ${round}::int, ${id})`);
    const opened = await this.#client.$queryRaw<{ direction: string; round: number; id: string; epoch: number }[]>`
      INSERT INTO "restore_work" ("restore_id", "direction", "round", "id", "epoch")
      SELECT ${restoreId}, "new"."direction", "new"."round", "new"."id",
             coalesce((SELECT max("old"."epoch") + 1 FROM "restore_work" AS "old"
                       WHERE "old"."restore_id" = ${restoreId} AND "old"."id" = "new"."id"), 0)
      FROM (VALUES ${Prisma.join(rows)}) AS "new"("direction", "round", "id")
      RETURNING "direction", "round", "id", "epoch"`;
    return works.map(({ direction, round, id }) => {
      const row = opened.find((each) => each.direction === direction && each.round === round && each.id === id);
      return { ...FRESH, direction, round, id, epoch: row?.epoch ?? 0 };
    });
  }

  async storePlan(restoreId: string, plan: RestorePlan): Promise<void> {
    const { count } = await this.#client.restore.updateMany({
      where: { id: restoreId, state: 'planning' },
      data: { plan: requiredJson(plan), planHash: plan.planHash, replaces: replacedId(plan) },
    });
    if (count === 0) {
      throw new ConflictError({
        code: 'STEP_SUPERSEDED',
        message: `Restore ${restoreId} is no longer being planned.`,
        fix: 'Nothing has to be done: the plan is dropped.',
      });
    }
    await this.#client.retrieval.deleteMany({ where: { restoreId } });
    await this.#client.restoreDisk.deleteMany({ where: { restoreId } });
    await this.#client.restoreDisk.createMany({
      data: plan.disks.map((disk, position) => ({
        restoreId,
        position,
        name: storableText(disk.name),
        from: storableText(disk.from),
        role: disk.role,
        lun: disk.lun,
      })),
    });
  }

  async storeRetrieval(restoreId: string, { url, files, keepHours }: Retrieval): Promise<void> {
    await this.#client.retrieval.create({ data: { restoreId, url, keepHours } });
    for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
      const data = files.slice(at, at + FILES_AT_ONCE).map((file) => ({ restoreId, ...file }));
      await this.#client.retrievedFile.createMany({ data });
    }
  }

  async storeContents(
    restoreId: string,
    contents: readonly PlannedContents[],
    patches: readonly Uint8Array[],
  ): Promise<void> {
    requireWhole(contents, patches);
    await this.#client.plannedDisk.createMany({ data: contents.map((each) => contentsColumns(restoreId, each)) });
    await this.#client.patchBytes.createMany({
      data: patches.map((bytes) => ({ sha256: patchId(bytes), bytes: Uint8Array.from(bytes) })),
      skipDuplicates: true,
    });
  }

  async contents(restoreId: string): Promise<readonly PlannedContents[]> {
    const rows = await this.#client.plannedDisk.findMany({
      where: { restoreId },
      orderBy: { disk: { position: 'asc' } },
    });
    return rows.map(toContents);
  }

  async now(): Promise<Date> {
    return clockOf(this.#client);
  }

  async addApproval({ restoreId, planHash, approvedBy, validSeconds, selfApproval }: NewApproval): Promise<Approval> {
    const { requestedBy } = await this.#client.restore.findUniqueOrThrow({
      where: { id: restoreId },
      select: { requestedBy: true },
    });
    const approvedAt = await clockOf(this.#client);
    const expiresAt = new Date(approvedAt.getTime() + validSeconds * 1_000);
    const approval = {
      planHash,
      requestedBy,
      approvedBy: storableText(approvedBy),
      approvedAt,
      expiresAt,
      selfApproval,
    };
    return toApproval(await this.#client.approval.create({ data: { restoreId, ...approval } }));
  }

  async approval(restoreId: string): Promise<Approval | null> {
    const row = await this.#client.approval.findFirst({ where: { restoreId }, orderBy: { id: 'desc' } });
    return row && toApproval(row);
  }

  async cutOver(restoreId: string): Promise<Date> {
    const [row] = await this.#client.$queryRaw<{ at: Date }[]>`
      UPDATE "restore" SET "cut_over_at" = coalesce("cut_over_at", clock_timestamp()) WHERE "id" = ${restoreId}
      RETURNING "cut_over_at" AS "at"`;
    if (!row) throw new Error(`there is no restore ${restoreId}`);
    return row.at;
  }

  async keepDisks(restoreId: string): Promise<void> {
    await this.#client.cloudResource.updateMany({
      where: { ownerId: restoreId, kind: 'disk', purpose: 'result', state: { not: 'removed' } },
      data: { purpose: 'kept' },
    });
  }

  async recordSource(restoreId: string, record: SourceRecord): Promise<void> {
    const data = { ...record, snapshots: requiredJson(record.snapshots) };
    await this.#client.sourceRecord.upsert({ where: { restoreId }, create: { restoreId, ...data }, update: data });
  }

  async setDiskAzureId(restoreId: string, diskName: string, azureId: string): Promise<void> {
    await this.#client.restoreDisk.update({
      where: { restoreId_name: { restoreId, name: diskName } },
      data: { azureId },
    });
  }

  async addEvent(restoreId: string, type: string, message: string, data: Record<string, unknown> = {}): Promise<void> {
    await addEvent(this.#client, restoreId, type, message, data);
  }

  async enqueue(message: NewOutboxMessage): Promise<void> {
    await this.#client.$executeRaw`
      INSERT INTO "outbox" ("queue", "job_id", "name", "payload", "delay_ms")
      VALUES (${message.queue}, ${message.jobId}, ${message.name}, ${JSON.stringify(message.payload)}::jsonb,
              ${Math.round(message.delayMs ?? 0)}::int)
      ON CONFLICT ("queue", "job_id") DO NOTHING`;
    this.wroteOutbox = true;
  }

  async createSegments(segments: readonly NewSegment[]): Promise<void> {
    // As one parameter: a large disk has more segments than a statement may have parameters.
    const rows = segments.map((segment) => ({
      ...segment,
      dataBytes: segment.dataBytes ?? segment.lengthBytes,
      diskName: storableText(segment.diskName),
      id: segmentId(segment),
    }));
    await this.#client.$executeRaw`
      INSERT INTO "segment" ("id", "restore_id", "disk_name", "purpose", "index", "offset_bytes", "length_bytes",
        "data_bytes")
      SELECT "id", "restoreId", "diskName", "purpose", "index", "offsetBytes", "lengthBytes", "dataBytes"
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS "s"
        ("id" text, "restoreId" text, "diskName" text, "purpose" text, "index" int, "offsetBytes" bigint, "lengthBytes" bigint,
         "dataBytes" bigint)
      ON CONFLICT DO NOTHING`;
  }

  async moveSegment(
    id: string,
    guard: { from: SegmentState; epoch: number },
    to: SegmentState,
    patch: { mover?: string | null; epoch?: number; attempts?: number; error?: SegmentError | null } = {},
  ): Promise<boolean> {
    const { error, ...columns } = patch;
    const { count } = await this.#client.segment.updateMany({
      where: { id, state: guard.from, epoch: guard.epoch },
      data: {
        ...columns,
        ...(error === undefined ? {} : { error: toJson(error) }),
        state: to,
        endedAt: to === 'done' || to === 'failed' ? new Date() : null,
      },
    });
    return count === 1;
  }

  async unfinishedSegments(
    restoreId: string,
    { purpose, disks, perDisk }: { purpose: Segment['purpose']; disks: readonly string[]; perDisk: number },
  ): Promise<readonly Segment[]> {
    const rows = await this.#client.$queryRaw<Parameters<typeof toSegment>[0][]>`
      SELECT ${SEGMENT_COLUMNS}
      FROM unnest(${[...disks]}::text[]) WITH ORDINALITY AS "disk"("name", "position")
      CROSS JOIN LATERAL (
        SELECT * FROM "segment"
        WHERE "restore_id" = ${restoreId} AND "purpose" = ${purpose} AND "disk_name" = "disk"."name"
          AND "state" IN ('pending', 'running')
        ORDER BY "index" LIMIT ${perDisk}
      ) AS "s"
      ORDER BY "disk"."position", "s"."index"`;
    return rows.map(toSegment);
  }

  async segment(id: string): Promise<Segment | null> {
    const row = await this.#client.segment.findUnique({ where: { id } });
    return row && toSegment(row);
  }

  async hasSegments(restoreId: string, filter: SegmentFilter): Promise<boolean> {
    return (await this.#client.segment.findFirst({ where: whereOf(restoreId, filter), select: { id: true } })) !== null;
  }

  async segments(restoreId: string, filter: SegmentFilter): Promise<readonly Segment[]> {
    return readSegments(this.#client, restoreId, filter);
  }

  async segmentTotals(restoreId: string): Promise<readonly SegmentTotal[]> {
    return readTotals(this.#client, restoreId);
  }

  async handOut(segments: readonly SegmentToHandOut[]): Promise<number> {
    if (segments.length === 0) return 0;
    const rows = segments.map(({ segment: { id, state, epoch }, queue, jobId, name, payload }) => ({
      ...{ id, state, epoch, queue, jobId, name, payload },
    }));
    const sent = await this.#client.$executeRaw`
      WITH "wanted" AS (
        SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS "w"
          ("id" text, "state" text, "epoch" int, "queue" text, "jobId" text, "name" text, "payload" jsonb)
      ), "moved" AS (
        UPDATE "segment" AS "s" SET "state" = 'pending', "epoch" = "s"."epoch" + 1, "mover" = NULL, "ended_at" = NULL
        FROM "wanted" AS "w" WHERE "s"."id" = "w"."id" AND "s"."state" = "w"."state" AND "s"."epoch" = "w"."epoch"
        RETURNING "s"."id"
      )
      INSERT INTO "outbox" ("queue", "job_id", "name", "payload")
      SELECT "w"."queue", "w"."jobId", "w"."name", "w"."payload" FROM "wanted" AS "w" JOIN "moved" USING ("id")
      ON CONFLICT ("queue", "job_id") DO NOTHING`;
    if (sent > 0) this.wroteOutbox = true;
    return sent;
  }

  async addGrant({ segmentId, epoch, restoreId, mover, workerId }: GrantRecord): Promise<void> {
    await this.#client.$executeRaw`
      INSERT INTO "segment_grant" ("segment_id", "epoch", "restore_id", "mover", "worker_id", "granted_at")
      VALUES (${segmentId}, ${epoch}::int, ${restoreId}, ${mover}, ${workerId}, clock_timestamp())`;
  }

  async granted(segmentId: string, epoch: number): Promise<{ grant: GrantRecord; segment: Segment } | null> {
    const [row] = await this.#client.$queryRaw<(Parameters<typeof toSegment>[0] & { grant: GrantRecord })[]>`
      SELECT ${SEGMENT_COLUMNS},
             jsonb_build_object('segmentId', "g"."segment_id", 'epoch', "g"."epoch", 'restoreId', "g"."restore_id",
                                'mover', "g"."mover", 'workerId', "g"."worker_id") AS "grant"
      FROM "segment_grant" AS "g" JOIN "segment" AS "s" ON "s"."id" = "g"."segment_id"
      WHERE "g"."segment_id" = ${segmentId} AND "g"."epoch" = ${epoch}::int`;
    return row ? { grant: row.grant, segment: toSegment(row) } : null;
  }

  async addVerdict(verdict: Omit<DiskVerdict, 'at'>): Promise<boolean> {
    const { restoreId, diskName, segmentId, epoch, mover, code, message, fix } = verdict;
    const added = await this.#client.$executeRaw`
      INSERT INTO "disk_verdict" ("restore_id", "disk_name", "segment_id", "epoch", "mover", "code", "message", "fix", "at")
      VALUES (${restoreId}, ${diskName}, ${segmentId}, ${epoch}::int, ${mover}, ${code}, ${storableText(message)}, ${fix},
              clock_timestamp())
      ON CONFLICT DO NOTHING`;
    return added === 1;
  }

  async verdicts(restoreId: string): Promise<readonly DiskVerdict[]> {
    return readVerdicts(this.#client, restoreId);
  }

  async claimIdempotencyKey(claim: IdempotencyClaim): Promise<IdempotencyClaim> {
    // Waits for a transaction that is taking the same key at this moment.
    await this.#client.$executeRaw`
      INSERT INTO "idempotency_key" ("key", "body_hash", "restore_id")
      VALUES (${claim.key}, ${claim.bodyHash}, ${claim.restoreId}) ON CONFLICT ("key") DO NOTHING`;
    return this.#client.idempotencyKey.findUniqueOrThrow({
      where: { key: claim.key },
      select: { key: true, bodyHash: true, restoreId: true },
    });
  }

  async audit(entry: NewAuditEntry): Promise<void> {
    await appendAudit(this.#client, entry);
  }
}

/** Numbered under the restore's row lock, which is held until the commit: numbers become visible in their order. */
export async function addEvent(
  client: Prisma.TransactionClient,
  restoreId: string,
  type: string,
  message: string,
  data: Record<string, unknown>,
): Promise<void> {
  await client.$executeRaw`
    WITH "next" AS (
      UPDATE "restore" SET "last_event" = "last_event" + 1 WHERE "id" = ${restoreId} RETURNING "last_event"
    )
    INSERT INTO "restore_event" ("restore_id", "sequence", "type", "message", "data", "at")
    SELECT ${restoreId}, "last_event", ${type}, ${storableText(message)},
           ${JSON.stringify(requiredJson(data))}::jsonb, clock_timestamp()
    FROM "next"`;
}

/** A function of what the segment is, so that making it twice makes one. */
function segmentId(segment: NewSegment): string {
  const { restoreId, diskName, purpose, index } = segment;
  const digest = createHash('sha256')
    .update(JSON.stringify([restoreId, diskName, purpose, index]))
    .digest('hex');
  return `seg-${digest.slice(0, 20)}`;
}

function restoreColumns(patch: RestorePatch) {
  return {
    ...(patch.error === undefined ? {} : { error: toJson(patch.error) }),
    ...(patch.problems === undefined ? {} : { problems: requiredJson(patch.problems) }),
    ...(patch.vmAzureId === undefined ? {} : { vmAzureId: patch.vmAzureId }),
    ...(patch.turn === undefined ? {} : turnColumns(patch.turn)),
  };
}

function turnColumns({ round, purpose, cause }: Turn) {
  return { round, turnPurpose: purpose, turnCause: toJson(cause) };
}

/** Of a work that was opened. */
const FRESH = {
  state: 'pending',
  attempts: 0,
  parked: false,
  dispatchedAt: null,
  startedAt: null,
  endedAt: null,
  output: null,
  error: null,
  resumeFrom: null,
} as const;

function workColumns(patch: WorkPatch, to: WorkState) {
  return {
    state: to,
    ...(patch.epoch === undefined ? {} : { epoch: patch.epoch }),
    ...(patch.epoch !== undefined && to === 'pending' ? { dispatchedAt: new Date() } : {}),
    ...(patch.attempts === undefined ? {} : { attempts: patch.attempts }),
    ...(patch.startedAt === undefined ? {} : { startedAt: patch.startedAt }),
    ...(patch.endedAt === undefined ? {} : { endedAt: patch.endedAt }),
    ...(patch.notBefore === undefined ? {} : { notBefore: patch.notBefore }),
    ...(patch.error === undefined ? {} : { error: toJson(patch.error) }),
    ...('output' in patch ? { output: toJson(patch.output) } : {}),
    ...(patch.parked === undefined ? {} : { parked: patch.parked }),
    ...(patch.resumeFrom === undefined ? {} : { resumeFrom: patch.resumeFrom }),
  };
}
