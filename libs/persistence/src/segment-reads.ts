import type { DiskVerdict, FailedSegment, Segment, SegmentFilter, SegmentState, SegmentTotal } from '@landfall/domain';
import type { Client } from './database.js';
import { Prisma } from './generated/client.js';
import { toFailedSegment, toSegment, toVerdict } from './rows.js';

/* What is read of segments and verdicts, inside of a transaction and outside alike. */

/** Of `"segment" AS "s"`, as Prisma itself would give them. */
export const SEGMENT_COLUMNS = Prisma.sql`
  "s"."id", "s"."restore_id" AS "restoreId", "s"."disk_name" AS "diskName", "s"."purpose", "s"."index",
  "s"."offset_bytes" AS "offsetBytes", "s"."length_bytes" AS "lengthBytes", "s"."data_bytes" AS "dataBytes",
  "s"."state", "s"."epoch", "s"."attempts", "s"."mover", "s"."error", "s"."ended_at" AS "endedAt"`;

export async function readSegments(
  client: Client,
  restoreId: string,
  filter: SegmentFilter & { readonly diskName?: string; readonly limit?: number },
): Promise<Segment[]> {
  const rows = await client.segment.findMany({
    where: whereOf(restoreId, filter),
    orderBy: [{ diskName: 'asc' }, { purpose: 'asc' }, { index: 'asc' }],
    ...(filter.limit === undefined ? {} : { take: filter.limit }),
  });
  return rows.map(toSegment);
}

export async function readFailedSegments(client: Client, restoreId: string, limit: number): Promise<FailedSegment[]> {
  const rows = await client.segment.findMany({
    where: { ...whereOf(restoreId, { states: ['failed'] }), error: { not: Prisma.AnyNull } },
    orderBy: [{ diskName: 'asc' }, { purpose: 'asc' }, { index: 'asc' }],
    take: limit,
  });
  return rows.map(toFailedSegment);
}

export function whereOf(
  restoreId: string,
  { purpose, states, diskName }: SegmentFilter & { readonly diskName?: string },
) {
  return {
    restoreId,
    ...(purpose ? { purpose } : {}),
    ...(states ? { state: { in: [...states] } } : {}),
    ...(diskName === undefined ? {} : { diskName }),
  };
}

export async function readTotals(client: Client, restoreId: string): Promise<SegmentTotal[]> {
  const groups = await client.segment.groupBy({
    by: ['diskName', 'purpose', 'state'],
    where: { restoreId },
    _count: { _all: true },
    _sum: { dataBytes: true },
    orderBy: [{ diskName: 'asc' }, { purpose: 'asc' }, { state: 'asc' }],
  });
  return groups.map((group) => ({
    diskName: group.diskName,
    purpose: group.purpose as Segment['purpose'],
    state: group.state as SegmentState,
    count: group._count._all,
    bytes: Number(group._sum.dataBytes ?? 0),
  }));
}

export async function readVerdicts(client: Client, restoreId: string): Promise<DiskVerdict[]> {
  const rows = await client.diskVerdict.findMany({
    where: { restoreId },
    orderBy: [{ at: 'asc' }, { diskName: 'asc' }, { segmentId: 'asc' }, { epoch: 'asc' }],
  });
  return rows.map(toVerdict);
}
