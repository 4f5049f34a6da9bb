import {
  ConflictError,
  type Capture,
  type CaptureEnd,
  type CaptureDisk,
  type CaptureRun,
  type CaptureState,
  type ErrorDetails,
  type Problem,
} from '@landfall/domain';
import type { Client } from './database.js';
import type { Prisma } from './generated/client.js';
import type * as rows from './generated/models.js';
import { fromJson, requiredJson, storableText } from './rows.js';

/* Captures from rows, and what several of their writers need. */

type CaptureRow = rows.CaptureModel & { disks: rows.CaptureDiskModel[] };

export const WITH_DISKS = { disks: { orderBy: { position: 'asc' } } } as const;

export function toCapture(row: CaptureRow): Capture {
  return {
    ...{ id: row.id, state: row.state as CaptureState, epoch: row.epoch, begun: row.begun, attempts: row.attempts },
    ...{ outcome: row.outcome as CaptureEnd | null, error: fromJson<ErrorDetails | null>(row.error) },
    ...{ repositoryName: row.repositoryName, vmId: row.vmId, stop: row.stop },
    ...{
      machine: row.machine,
      takenAt: row.takenAt,
      oneState: row.oneState,
      problems: fromJson<Problem[]>(row.problems),
    },
    ...{ requestedBy: row.requestedBy, createdAt: row.createdAt, endedAt: row.endedAt },
    disks: row.disks.map(toCaptureDisk),
  };
}

function toCaptureDisk(row: rows.CaptureDiskModel): CaptureDisk {
  const { name, role, lun, diskId, sizeBytes, bytesDone, file, stored } = row;
  return {
    ...{ name, role: role as CaptureDisk['role'], lun, diskId, file, stored },
    ...{ sizeBytes: Number(sizeBytes), bytesDone: Number(bytesDone) },
  };
}

export async function loadCapture(client: Client, id: string): Promise<Capture | null> {
  const row = await client.capture.findUnique({ where: { id }, include: WITH_DISKS });
  return row && toCapture(row);
}

/** Under a lock that a change of the capture has to wait for. @throws ConflictError `STEP_SUPERSEDED` */
export async function requireCurrentCapture(client: Prisma.TransactionClient, run: CaptureRun): Promise<void> {
  const { captureId, epoch, goesBack } = run;
  await client.$queryRaw`SELECT 1 FROM "capture" WHERE "id" = ${captureId} FOR SHARE`;
  const current = await client.$queryRaw<unknown[]>`
    SELECT 1 FROM "capture" WHERE "id" = ${captureId} AND "epoch" = ${epoch} AND "begun" AND "ended_at" IS NULL
      AND ("outcome" IS NOT NULL) = ${goesBack}`;
  if (current.length === 0) throw captureSuperseded(run);
}

export function captureSuperseded({ captureId, epoch }: CaptureRun): ConflictError {
  return new ConflictError({
    code: 'STEP_SUPERSEDED',
    message: `The run of capture ${captureId} with epoch ${epoch} is no longer wanted.`,
    fix: 'Nothing has to be done: another run has its place, or the capture was cancelled.',
  });
}

/** Numbered under the capture's row lock, as a restore's events are. */
export async function addCaptureEvent(
  client: Prisma.TransactionClient,
  captureId: string,
  type: string,
  message: string,
  data: Record<string, unknown>,
): Promise<void> {
  await client.$executeRaw`
    WITH "next" AS (
      UPDATE "capture" SET "last_event" = "last_event" + 1 WHERE "id" = ${captureId} RETURNING "last_event"
    )
    INSERT INTO "capture_event" ("capture_id", "sequence", "type", "message", "data", "at")
    SELECT ${captureId}, "last_event", ${type}, ${storableText(message)},
           ${JSON.stringify(requiredJson(data))}::jsonb, clock_timestamp()
    FROM "next"`;
}
