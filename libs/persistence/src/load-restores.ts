import type { LockedRestore, Restore } from '@landfall/domain';
import type { Client } from './database.js';
import type { Prisma } from './generated/client.js';
import { toLockedRestore, toRestore, type DiskBytes, type RestoreRow } from './rows.js';

/** Whole restores, newest first, with the bytes of their disks summed up over the segments that write. */
export async function loadRestores(
  client: Client,
  where: Prisma.RestoreWhereInput,
  limit?: number,
): Promise<Restore[]> {
  const rows = await client.restore.findMany({
    where,
    include: { works: true, disks: true },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    ...(limit === undefined ? {} : { take: limit }),
  });
  const bytes = await sumBytes(
    client,
    rows.filter((row) => row.disks.length > 0).map((row) => row.id),
  );
  return rows.map((row) => toRestore(row, bytes.get(row.id) ?? new Map()));
}

/**
 * One restore with its works and disks, in one statement. Whoever holds its lock sees all three as they are.
 *
 * Rows come as JSON, where times are text.
 */
export async function loadLockedRestore(client: Client, id: string): Promise<LockedRestore | null> {
  const [row] = await client.$queryRaw<
    (Omit<RestoreRow, 'works' | 'disks'> & { works: JsonWork[]; disks: RestoreRow['disks'] })[]
  >`
    SELECT "r"."id", "r"."state", "r"."epoch", "r"."restore_point_id" AS "restorePointId", "r"."request", "r"."plan",
           "r"."plan_hash" AS "planHash", "r"."cut_over_at" AS "cutOverAt", "r"."problems", "r"."error", "r"."vm_azure_id" AS "vmAzureId", "r"."requested_by" AS "requestedBy",
           "r"."created_at" AS "createdAt", "r"."ended_at" AS "endedAt", "r"."last_event" AS "lastEvent",
           "r"."round", "r"."turn_purpose" AS "turnPurpose", "r"."turn_cause" AS "turnCause",
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'restoreId', "w"."restore_id", 'direction', "w"."direction", 'round', "w"."round", 'id', "w"."id",
                     'state', "w"."state", 'epoch', "w"."epoch", 'attempts', "w"."attempts", 'parked', "w"."parked",
                     'notBefore', "w"."not_before", 'dispatchedAt', "w"."dispatched_at", 'startedAt', "w"."started_at",
                     'endedAt', "w"."ended_at", 'output', "w"."output", 'error', "w"."error",
                     'resumeFrom', "w"."resume_from")), '[]')
            FROM "restore_work" AS "w" WHERE "w"."restore_id" = "r"."id") AS "works",
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'restoreId', "d"."restore_id", 'name', "d"."name", 'position', "d"."position", 'from', "d"."from",
                     'role', "d"."role", 'lun', "d"."lun", 'azureId', "d"."azure_id")), '[]')
            FROM "restore_disk" AS "d" WHERE "d"."restore_id" = "r"."id") AS "disks"
    FROM "restore" AS "r" WHERE "r"."id" = ${id}`;
  return row ? toLockedRestore({ ...row, works: row.works.map(withTimes) }) : null;
}

type WorkRow = RestoreRow['works'][number];
type WorkTime = 'notBefore' | 'dispatchedAt' | 'startedAt' | 'endedAt';
type JsonWork = Omit<WorkRow, WorkTime> & Record<WorkTime, string | null>;

function withTimes(work: JsonWork): WorkRow {
  const timeOf = (text: string | null): Date | null => (text === null ? null : new Date(text));
  return {
    ...work,
    notBefore: timeOf(work.notBefore),
    dispatchedAt: timeOf(work.dispatchedAt),
    startedAt: timeOf(work.startedAt),
    endedAt: timeOf(work.endedAt),
  };
}

async function sumBytes(client: Client, restoreIds: readonly string[]): Promise<Map<string, Map<string, DiskBytes>>> {
  const sums = new Map<string, Map<string, DiskBytes>>();
  if (restoreIds.length === 0) return sums;
  const rows = await client.$queryRaw<{ restoreId: string; diskName: string; total: bigint; done: bigint }[]>`
    SELECT "restore_id" AS "restoreId", "disk_name" AS "diskName",
           sum("data_bytes")::bigint AS "total",
           coalesce(sum("data_bytes") FILTER (WHERE "state" = 'done'), 0)::bigint AS "done"
    FROM "segment"
    WHERE "restore_id" = ANY(${restoreIds}) AND "purpose" = 'move'
    GROUP BY "restore_id", "disk_name"`;
  for (const { restoreId, diskName, total, done } of rows) {
    const ofRestore = sums.get(restoreId) ?? new Map<string, DiskBytes>();
    sums.set(restoreId, ofRestore.set(diskName, { total: Number(total), done: Number(done) }));
  }
  return sums;
}
