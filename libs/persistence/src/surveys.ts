import type { BlobListPart, ErrorDetails, PointSurvey, PointSurveys, RestorePoint } from '@landfall/domain';
import type { Client, Database } from './database.js';
import { Prisma } from './generated/client.js';
import { requiredJson, toPoint } from './rows.js';

/** Of a list of blobs, in one statement: 64 parts have 16 MiB at most. */
const PARTS_AT_ONCE = 64;

export class PostgresPointSurveys implements PointSurveys {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async lend(seconds: number, repositoryName?: string): Promise<RestorePoint | null> {
    return this.#database.transaction(async (client) => {
      // The row of a point that another one takes at this moment is passed over, and so is one that it has just taken.
      const [lent] = await client.$queryRaw<{ id: string }[]>`
        WITH next AS (
          SELECT p."id" FROM "restore_point" p LEFT JOIN "point_survey" s ON s."point_id" = p."id"
          WHERE p."kind" <> 'snapshot' AND jsonb_array_length(p."disks") > 0
            AND (${repositoryName ?? null}::text IS NULL OR p."repository_name" = ${repositoryName ?? null})
            AND (s."point_id" IS NULL
              OR s."inspection" IS NULL AND s."refusal" IS NULL AND s."lent_until" <= clock_timestamp())
          ORDER BY p."taken_at" DESC, p."id" LIMIT 1 FOR NO KEY UPDATE OF p SKIP LOCKED
        )
        INSERT INTO "point_survey" ("point_id", "lent_until")
        SELECT "id", clock_timestamp() + make_interval(secs => ${seconds}) FROM next
        ON CONFLICT ("point_id") DO UPDATE SET "lent_until" = EXCLUDED."lent_until"
        WHERE "point_survey"."inspection" IS NULL AND "point_survey"."refusal" IS NULL
          AND "point_survey"."lent_until" <= clock_timestamp()
        RETURNING "point_id" AS id`;
      if (lent === undefined) return null;
      return toPoint(
        await client.restorePoint.findUniqueOrThrow({ where: { id: lent.id }, include: { machine: true } }),
      );
    });
  }

  async keep(pointId: string, { inspection, disks }: PointSurvey): Promise<void> {
    const parts = [...new Map(disks.flatMap(({ blobs }) => blobs.parts).map((part) => [part.hash, part])).values()];
    for (let at = 0; at < parts.length; at += PARTS_AT_ONCE) {
      await this.#keepParts(parts.slice(at, at + PARTS_AT_ONCE));
    }
    await this.#database.transaction(async (client) => {
      // Locked: a scan that finds its disks elsewhere comes before or after.
      const [point] = await client.$queryRaw<{ locations: string[] }[]>`
        SELECT jsonb_path_query_array("disks", '$[*].location') AS locations FROM "restore_point"
        WHERE "id" = ${pointId} FOR NO KEY UPDATE`;
      if (point === undefined || disks.some(({ location }) => !point.locations.includes(location))) return;
      await client.pointSurvey.deleteMany({ where: { pointId } });
      const columns = { inspection: requiredJson(inspection), locations: point.locations, lentUntil: new Date() };
      await client.pointSurvey.create({ data: { pointId, ...columns } });
      await client.surveyedDisk.createMany({
        data: disks.map(({ name, location, blobs }) => ({
          ...{ pointId, name, location },
          sizeBytes: blobs.sizeBytes,
          trees: [...blobs.trees],
          parts: blobs.parts.map(({ hash }) => hash),
        })),
      });
    });
  }

  async refuse(pointId: string, error: ErrorDetails): Promise<void> {
    await this.#database.run((client) =>
      client.pointSurvey.updateMany({
        where: { pointId, locations: { equals: Prisma.DbNull } },
        data: { refusal: requiredJson(error) },
      }),
    );
  }

  async survey(pointId: string): Promise<PointSurvey | null> {
    return this.#database.run(async (client) => {
      const row = await client.pointSurvey.findFirst({ where: { pointId }, include: { disks: true } });
      if (row === null || row.inspection === null) return null;
      const hashes = [...new Set(row.disks.flatMap(({ parts }) => parts))];
      const parts = new Map<string, BlobListPart>();
      for (let at = 0; at < hashes.length; at += PARTS_AT_ONCE) {
        const found = await client.blobListPart.findMany({
          where: { hash: { in: hashes.slice(at, at + PARTS_AT_ONCE) } },
          select: { hash: true, ids: true },
        });
        for (const part of found) parts.set(part.hash, part);
      }
      if (hashes.some((hash) => !parts.has(hash))) return null;
      return {
        inspection: row.inspection,
        disks: row.disks.map(({ name, location, sizeBytes, trees, parts: listed }) => ({
          ...{ name, location },
          blobs: { sizeBytes: Number(sizeBytes), trees, parts: listed.map((hash) => parts.get(hash)!) },
        })),
      };
    });
  }

  async inspection(pointId: string): Promise<unknown> {
    const row = await this.#database.run((client) =>
      client.pointSurvey.findFirst({ where: { pointId }, select: { inspection: true } }),
    );
    return row?.inspection ?? null;
  }

  async waiting(repositoryName: string): Promise<number> {
    const [row] = await this.#database.run(
      (client) => client.$queryRaw<[{ count: number }]>`
        SELECT count(*)::int AS count FROM "restore_point" p LEFT JOIN "point_survey" s ON s."point_id" = p."id"
        WHERE p."repository_name" = ${repositoryName} AND p."kind" <> 'snapshot' AND jsonb_array_length(p."disks") > 0
          AND s."inspection" IS NULL AND s."refusal" IS NULL`,
    );
    return row.count;
  }

  /** What was kept within a day may be that of a survey that is about to be kept. */
  async clear(): Promise<number> {
    return this.#database.run(
      (client) => client.$executeRaw`
        DELETE FROM "blob_list_part" p WHERE "kept_at" < clock_timestamp() - interval '1 day'
          AND NOT EXISTS (SELECT 1 FROM "surveyed_disk" d WHERE d."parts" @> ARRAY[p."hash"])`,
    );
  }

  /** Those that are there already only get younger, so that they are not cleared away meanwhile. */
  async #keepParts(parts: readonly BlobListPart[]): Promise<void> {
    const hashes = parts.map(({ hash }) => hash);
    await this.#database.run(async (client) => {
      // In one order, or two that keep the same wait for each other.
      const known = await client.$queryRaw<{ hash: string }[]>`
        WITH known AS (
          SELECT "hash" FROM "blob_list_part" WHERE "hash" = ANY(${hashes}) ORDER BY "hash" FOR NO KEY UPDATE
        )
        UPDATE "blob_list_part" p SET "kept_at" = clock_timestamp() FROM known WHERE p."hash" = known."hash"
        RETURNING p."hash"`;
      const isKnown = new Set(known.map(({ hash }) => hash));
      const data = parts
        .filter(({ hash }) => !isKnown.has(hash))
        .toSorted((a, b) => (a.hash < b.hash ? -1 : 1))
        .map(({ hash, ids }) => ({ hash, ids: new Uint8Array(ids) }));
      await client.blobListPart.createMany({ data, skipDuplicates: true });
    });
  }
}

/** After a scan: what could not be read may be readable now, and what lies elsewhere is to be looked at anew. */
export async function forgetSurveys(client: Client, repositoryName: string): Promise<void> {
  await client.$executeRaw`
    DELETE FROM "point_survey" s USING "restore_point" p
    WHERE p."id" = s."point_id" AND p."repository_name" = ${repositoryName}
      AND (s."refusal" IS NOT NULL OR s."locations" <> jsonb_path_query_array(p."disks", '$[*].location'))`;
}
