import type { Restore } from '@landfall/domain';
import type { Client } from './database.js';
import type { Prisma } from './generated/client.js';
import { toRestore, type DiskBytes } from './rows.js';

/** Whole restores, newest first, with the bytes of their disks summed up over the segments that write. */
export async function loadRestores(
  client: Client,
  where: Prisma.RestoreWhereInput,
  limit?: number,
): Promise<Restore[]> {
  const rows = await client.restore.findMany({
    where,
    include: { steps: true, disks: true },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    ...(limit === undefined ? {} : { take: limit }),
  });
  const bytes = await sumBytes(
    client,
    rows.filter((row) => row.disks.length > 0).map((row) => row.id),
  );
  return rows.map((row) => toRestore(row, bytes.get(row.id) ?? new Map()));
}

async function sumBytes(client: Client, restoreIds: readonly string[]): Promise<Map<string, Map<string, DiskBytes>>> {
  const sums = new Map<string, Map<string, DiskBytes>>();
  if (restoreIds.length === 0) return sums;
  const rows = await client.$queryRaw<{ restoreId: string; diskName: string; total: bigint; done: bigint }[]>`
    SELECT "restore_id" AS "restoreId", "disk_name" AS "diskName",
           sum("length_bytes")::bigint AS "total",
           coalesce(sum("length_bytes") FILTER (WHERE "state" = 'done'), 0)::bigint AS "done"
    FROM "segment"
    WHERE "restore_id" = ANY(${restoreIds}) AND "purpose" = 'move'
    GROUP BY "restore_id", "disk_name"`;
  for (const { restoreId, diskName, total, done } of rows) {
    const ofRestore = sums.get(restoreId) ?? new Map<string, DiskBytes>();
    sums.set(restoreId, ofRestore.set(diskName, { total: Number(total), done: Number(done) }));
  }
  return sums;
}
