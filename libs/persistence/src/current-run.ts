import { ConflictError, type JournalWork } from '@landfall/domain';
import type { Prisma } from './generated/client.js';

/** A run of a step, of a clean-up, or of the sweep, whose epoch is the restore's own. */
export interface Run {
  readonly restoreId: string;
  readonly work: JournalWork;
  readonly epoch: number;
}

/**
 * Makes sure that the run is still wanted. The restore's row is to be locked before, by a statement of its own: whoever had
 * to wait for the lock then judges by what was committed meanwhile, and not by what the rows beside it said when the
 * waiting began.
 * @throws ConflictError `STEP_SUPERSEDED`
 */
export async function requireCurrentRun(client: Prisma.TransactionClient, run: Run): Promise<void> {
  const { restoreId, work, epoch } = run;
  const rows = await (work === 'sweep'
    ? client.$queryRaw<unknown[]>`
        SELECT 1 FROM "restore"
        WHERE "id" = ${restoreId} AND "ended_at" IS NOT NULL AND "epoch" = ${epoch}`
    : work === 'clean-up'
      ? client.$queryRaw<unknown[]>`
          SELECT 1 FROM "restore" AS "r" JOIN "clean_up" AS "c" ON "c"."restore_id" = "r"."id"
          WHERE "r"."id" = ${restoreId} AND "r"."state" IN ('cancelling', 'rolling-back')
            AND "c"."epoch" = ${epoch} AND "c"."state" = 'running'`
      : client.$queryRaw<unknown[]>`
          SELECT 1 FROM "restore" AS "r" JOIN "restore_step" AS "s" ON "s"."restore_id" = "r"."id"
          WHERE "r"."id" = ${restoreId} AND "r"."state" IN ('planning', 'running')
            AND "s"."id" = ${work} AND "s"."epoch" = ${epoch} AND "s"."state" = 'running'`);
  if (rows.length === 0) throw superseded(run);
}

export function superseded({ restoreId, work, epoch }: Run): ConflictError {
  return new ConflictError({
    code: 'STEP_SUPERSEDED',
    message: `The run of ${work} with epoch ${epoch} of restore ${restoreId} is no longer wanted.`,
    fix: 'Nothing has to be done: another run has its place, or the restore was cancelled.',
  });
}
