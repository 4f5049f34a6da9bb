import { createHash } from 'node:crypto';
import {
  ConflictError,
  hasEnded,
  STEPS,
  type CleanUp,
  type CleanUpPurpose,
  type ErrorDetails,
  type IdempotencyClaim,
  type NewOutboxMessage,
  type NewRestore,
  type NewSegment,
  type Restore,
  type RestorePatch,
  type RestorePlan,
  type RestoreState,
  type RestoreTransaction,
  type SegmentState,
  type StepId,
  type StepPatch,
  type StepState,
  type WorkRun,
} from '@landfall/domain';
import { appendAudit, type NewAuditEntry } from './audit-log.js';
import { requireCurrentRun } from './current-run.js';
import type { Prisma } from './generated/client.js';
import { loadRestores } from './load-restores.js';
import { requiredJson, storableText, toCleanUp, toJson } from './rows.js';

/** The changes of one transaction. Every guarded one is a single `UPDATE … WHERE state = … AND epoch = …`. */
export class PostgresRestoreTransaction implements RestoreTransaction {
  readonly #client: Prisma.TransactionClient;
  /** Whether the relay has something to do once this is committed. */
  wroteOutbox = false;

  constructor(client: Prisma.TransactionClient) {
    this.#client = client;
  }

  async createRestore(restore: NewRestore): Promise<void> {
    await this.#client.restore.create({
      data: {
        id: restore.id,
        state: 'planning',
        restorePointId: restore.request.restorePointId,
        request: requiredJson(restore.request),
        requestedBy: restore.requestedBy,
        steps: { createMany: { data: STEPS.map(({ id, number }) => ({ id, number })) } },
      },
    });
  }

  async lockRestore(id: string): Promise<Restore | null> {
    const locked = await this.#client.$queryRaw<unknown[]>`SELECT 1 FROM "restore" WHERE "id" = ${id} FOR UPDATE`;
    if (locked.length === 0) return null;
    return (await loadRestores(this.#client, { id }))[0] ?? null;
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
    const { count } = await this.#client.restore.updateMany({
      where: { id, state: guard.from, epoch: guard.epoch },
      data: {
        ...restoreColumns(patch),
        state: to,
        epoch: { increment: 1 },
        endedAt: hasEnded(to) ? (patch.endedAt ?? new Date()) : null,
      },
    });
    return count === 1;
  }

  async patchRestore(id: string, patch: RestorePatch): Promise<void> {
    await this.#client.restore.update({ where: { id }, data: restoreColumns(patch) });
  }

  async moveStep(
    restoreId: string,
    step: StepId,
    guard: { from: StepState; epoch: number },
    to: StepState,
    patch: StepPatch = {},
  ): Promise<boolean> {
    const { count } = await this.#client.restoreStep.updateMany({
      where: { restoreId, id: step, state: guard.from, epoch: guard.epoch },
      data: {
        ...workColumns(patch, to),
        ...('output' in patch ? { output: toJson(patch.output) } : {}),
        ...(patch.parked === undefined ? {} : { parked: patch.parked }),
      },
    });
    return count === 1;
  }

  async cleanUp(restoreId: string): Promise<CleanUp | null> {
    const row = await this.#client.cleanUp.findUnique({ where: { restoreId } });
    return row && toCleanUp(row);
  }

  async openCleanUp(restoreId: string, purpose: CleanUpPurpose, cause: ErrorDetails | null): Promise<CleanUp> {
    const fresh = {
      purpose,
      state: 'pending',
      attempts: 0,
      cause: toJson(cause),
      error: toJson(null),
      dispatchedAt: null,
      startedAt: null,
      endedAt: null,
      notBefore: null,
    };
    const row = await this.#client.cleanUp.upsert({
      where: { restoreId },
      create: { restoreId, ...fresh },
      update: { ...fresh, epoch: { increment: 1 } },
    });
    return toCleanUp(row);
  }

  async moveCleanUp(
    restoreId: string,
    guard: { from: StepState; epoch: number },
    to: StepState,
    patch: Omit<StepPatch, 'output' | 'parked'> = {},
  ): Promise<boolean> {
    const { count } = await this.#client.cleanUp.updateMany({
      where: { restoreId, state: guard.from, epoch: guard.epoch },
      data: workColumns(patch, to),
    });
    return count === 1;
  }

  async storePlan(restoreId: string, plan: RestorePlan): Promise<void> {
    const { count } = await this.#client.restore.updateMany({
      where: { id: restoreId, state: 'planning' },
      data: { plan: requiredJson(plan) },
    });
    if (count === 0) {
      throw new ConflictError({
        code: 'STEP_SUPERSEDED',
        message: `Restore ${restoreId} is no longer being planned.`,
        fix: 'Nothing has to be done: the plan is dropped.',
      });
    }
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
    await this.#client.segment.createMany({
      data: segments.map((segment) => ({ ...segment, id: segmentId(segment) })),
      skipDuplicates: true,
    });
  }

  async moveSegment(
    id: string,
    guard: { from: SegmentState; epoch: number },
    to: SegmentState,
    patch: { mover?: string | null; epoch?: number; attempts?: number; error?: ErrorDetails | null } = {},
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
  };
}

function workColumns(patch: Omit<StepPatch, 'output' | 'parked'>, to: StepState) {
  return {
    state: to,
    ...(patch.epoch === undefined ? {} : { epoch: patch.epoch }),
    ...(patch.epoch !== undefined && to === 'pending' ? { dispatchedAt: new Date() } : {}),
    ...(patch.attempts === undefined ? {} : { attempts: patch.attempts }),
    ...(patch.startedAt === undefined ? {} : { startedAt: patch.startedAt }),
    ...(patch.endedAt === undefined ? {} : { endedAt: patch.endedAt }),
    ...(patch.notBefore === undefined ? {} : { notBefore: patch.notBefore }),
    ...(patch.error === undefined ? {} : { error: toJson(patch.error) }),
  };
}
