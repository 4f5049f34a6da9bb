import type { LedgerEntry, LedgerRecord, OpenChange } from '@landfall/domain';
import type { Client } from './database.js';
import { Prisma } from './generated/client.js';

/* What is read of the ledger. Of each id the latest life; earlier ones have ended and are history. */

/** Of `"cloud_resource" AS "c"`. */
const COLUMNS = Prisma.sql`
  "c"."azure_id" AS "azureId", "c"."kind", "c"."role", "c"."purpose", "c"."state", "c"."life",
  "c"."keep_until" AS "keepUntil", "c"."instance_id" AS "instanceId", "c"."moved_from" AS "movedFrom",
  "c"."created_at" AS "createdAt", clock_timestamp() AS "readAt"`;

/** One that is alive is the latest of its id: none is opened beside it. */
const IS_LATEST = Prisma.sql`NOT EXISTS (
  SELECT 1 FROM "cloud_resource" AS "later"
  WHERE "later"."owner_id" = "c"."owner_id" AND "later"."key" = "c"."key" AND "later"."id" > "c"."id")`;

export function readLedger(client: Client, ownerId: string): Promise<LedgerEntry[]> {
  return client.$queryRaw<LedgerEntry[]>`
    SELECT ${COLUMNS} FROM "cloud_resource" AS "c"
    WHERE "c"."owner_id" = ${ownerId} AND ${IS_LATEST}
    ORDER BY "c"."created_at", "c"."id"`;
}

export function readLedgerOfAll(client: Client, azureIds: readonly string[]): Promise<LedgerRecord[]> {
  const keys = azureIds.map((id) => id.toLowerCase());
  return client.$queryRaw<LedgerRecord[]>`
    SELECT ${COLUMNS}, json_strip_nulls(json_build_object(
             'kind', "o"."kind", 'id', "o"."id", 'state', coalesce("r"."state", "k"."state"),
             'epoch', coalesce("r"."epoch", "k"."epoch"))) AS "owner"
    FROM "cloud_resource" AS "c"
    JOIN "cloud_owner" AS "o" ON "o"."id" = "c"."owner_id"
    LEFT JOIN "restore" AS "r" ON "r"."id" = "o"."id"
    LEFT JOIN "capture" AS "k" ON "k"."id" = "o"."id"
    WHERE ("c"."key" = ANY(${keys}::text[])
           OR (coalesce("r"."ended_at", "k"."ended_at") IS NOT NULL AND "c"."state" <> 'removed')) AND ${IS_LATEST}
    ORDER BY "c"."created_at", "c"."id"`;
}

export function readOpenChanges(client: Client, ownerId: string): Promise<OpenChange[]> {
  return client.$queryRaw<OpenChange[]>`
    SELECT "azure_id" AS "azureId", "what", "was", "intended_at" AS "intendedAt"
    FROM "cloud_change" WHERE "owner_id" = ${ownerId} AND "undone_at" IS NULL
    ORDER BY "id"`;
}
