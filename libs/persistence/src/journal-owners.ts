import { SWEEP, type CaptureRun, type ConflictError, type WorkRun } from '@landfall/domain';
import { addCaptureEvent, captureSuperseded, requireCurrentCapture } from './capture-rows.js';
import { requireCurrentRun, superseded } from './current-run.js';
import type { Prisma } from './generated/client.js';
import { addEvent } from './restore-transaction.js';

/** Whose calls a journal keeps, and the run that makes them. */
export interface JournalOwner extends TellsHistory {
  readonly work: string;
  readonly epoch: number;
  /**
   * Makes sure that the run is still wanted, under a lock on the owner that a change of it has to wait for. The lock is a statement
   * of its own: whoever had to wait for it then judges by what was committed meanwhile.
   * @throws ConflictError `STEP_SUPERSEDED`
   */
  requireCurrent(client: Prisma.TransactionClient): Promise<void>;
  superseded(): ConflictError;
}

/** An owner, and how what came of its calls gets into its history. */
export interface TellsHistory {
  readonly id: string;
  addEvent(
    client: Prisma.TransactionClient,
    ownerId: string,
    type: string,
    message: string,
    data: Record<string, unknown>,
  ): Promise<void>;
}

export function restoreOwner(run: WorkRun): JournalOwner {
  return {
    ...{ id: run.restoreId, work: run.work, epoch: run.epoch, addEvent },
    async requireCurrent(client) {
      await client.$queryRaw`SELECT 1 FROM "restore" WHERE "id" = ${run.restoreId} FOR SHARE`;
      await requireCurrentRun(client, run);
    },
    superseded: () => superseded(run),
  };
}

const CAPTURE = { work: 'capture', addEvent: addCaptureEvent } as const;

export function captureOwner(run: CaptureRun): JournalOwner {
  return {
    ...{ ...CAPTURE, id: run.captureId, epoch: run.epoch },
    requireCurrent: (client) => requireCurrentCapture(client, run),
    superseded: () => captureSuperseded(run),
  };
}

/** Of a capture that has ended. */
export function sweptCaptureOwner(captureId: string, epoch: number): JournalOwner {
  const run = { captureId, epoch, goesBack: true };
  return {
    ...{ ...CAPTURE, work: SWEEP, id: captureId, epoch },
    async requireCurrent(client) {
      const rows = await client.$queryRaw<unknown[]>`
        SELECT 1 FROM "capture" WHERE "id" = ${captureId} AND "epoch" = ${epoch} AND "ended_at" IS NOT NULL FOR SHARE`;
      if (rows.length === 0) throw captureSuperseded(run);
    },
    superseded: () => captureSuperseded(run),
  };
}
