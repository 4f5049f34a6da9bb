import type { Retrieval, Retrievals } from '@landfall/domain';
import type { Database } from './database.js';

export class PostgresRetrievals implements Retrievals {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async retrieval(restoreId: string): Promise<Retrieval | null> {
    const row = await this.#database.run((client) =>
      client.retrieval.findFirst({
        where: { restoreId, removedAt: null },
        include: { files: { orderBy: { path: 'asc' } } },
      }),
    );
    if (row === null) return null;
    const { url, keepHours, files } = row;
    return { url, keepHours, files: files.map(({ path, sizeBytes }) => ({ path, sizeBytes: Number(sizeBytes) })) };
  }

  async url(restoreId: string): Promise<string | null> {
    const row = await this.#database.run((client) =>
      client.retrieval.findFirst({ where: { restoreId, removedAt: null }, select: { url: true } }),
    );
    return row?.url ?? null;
  }

  async removed(restoreId: string): Promise<void> {
    await this.#database.run(
      (client) => client.$executeRaw`
        UPDATE "retrieval" SET "removed_at" = clock_timestamp() WHERE "restore_id" = ${restoreId} AND "removed_at" IS NULL`,
    );
  }

  async due(): Promise<readonly string[]> {
    const rows = await this.#database.run(
      (client) => client.$queryRaw<{ id: string }[]>`
        SELECT "r"."id" FROM "retrieval" AS "a" JOIN "restore" AS "r" ON "r"."id" = "a"."restore_id"
        WHERE "a"."removed_at" IS NULL AND "r"."ended_at" + make_interval(hours => "a"."keep_hours") <= now()
        ORDER BY "r"."ended_at"`,
    );
    return rows.map(({ id }) => id);
  }
}
