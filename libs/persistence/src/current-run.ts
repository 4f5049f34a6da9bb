import { ConflictError, MOVES_IN, SWEEP, type WorkRun } from '@landfall/domain';
import { Prisma } from './generated/client.js';

/** Whether `"restore_work" AS "w"` may run as `"restore" AS "r"` is now: what `moves` of the domain says, in SQL. */
export const MOVES = Prisma.sql`(
  ("w"."direction", "r"."state") IN (${Prisma.join(
    Object.entries(MOVES_IN).flatMap(([direction, states]) =>
      states.map((state) => Prisma.sql`(${direction}, ${state})`),
    ),
  )})
  AND "w"."round" = CASE "w"."direction" WHEN 'forward' THEN 0 ELSE "r"."round" END)`;

/**
 * Makes sure that the run, of a work or of the sweep (whose epoch is the restore's own), is still wanted. The restore's row is to be locked before, by a statement of its own: whoever had
 * to wait for the lock then judges by what was committed meanwhile, and not by what the rows beside it said when the
 * waiting began.
 * @throws ConflictError `STEP_SUPERSEDED`
 */
export async function requireCurrentRun(client: Prisma.TransactionClient, run: WorkRun): Promise<void> {
  const { restoreId, work, epoch } = run;
  const rows = await (work === SWEEP
    ? client.$queryRaw<unknown[]>`
        SELECT 1 FROM "restore"
        WHERE "id" = ${restoreId} AND "ended_at" IS NOT NULL AND "epoch" = ${epoch}`
    : client.$queryRaw<unknown[]>`
        SELECT 1 FROM "restore" AS "r" JOIN "restore_work" AS "w" ON "w"."restore_id" = "r"."id"
        WHERE "r"."id" = ${restoreId} AND "w"."id" = ${work} AND "w"."epoch" = ${epoch} AND "w"."state" = 'running'
          AND ${MOVES}`);
  if (rows.length === 0) throw superseded(run);
}

export function superseded({ restoreId, work, epoch }: WorkRun): ConflictError {
  return new ConflictError({
    code: 'STEP_SUPERSEDED',
    message: `The run of ${work} with epoch ${epoch} of restore ${restoreId} is no longer wanted.`,
    fix: 'Nothing has to be done: another run has its place, or the restore was cancelled.',
  });
}
