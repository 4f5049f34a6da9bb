import type { MoverRecord, WorkerRecord, WorkerRegistry } from '@landfall/domain';
import type { Client, Database } from './database.js';
import type { Prisma } from './generated/client.js';
import type { WorkerModel } from './generated/models.js';

/** Expiry is set and told by the database's clock alone, so that the clocks of services do not matter. */
export class PostgresWorkerRegistry implements WorkerRegistry {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async enter(worker: Parameters<WorkerRegistry['enter']>[0]): Promise<boolean> {
    const entered = await this.#database.run(
      (client) => client.$executeRaw`
        INSERT INTO "worker" AS "w"
               ("id", "restore_id", "azure_id", "disks", "bootstrap_token_hashes", "bootstrap_expires_at")
        VALUES (${worker.id}, ${worker.restoreId}, ${worker.azureId}, ${[...worker.disks]}::text[],
                ARRAY[${worker.bootstrapTokenHash}]::text[],
                clock_timestamp() + make_interval(secs => ${worker.bootstrapSeconds}))
        ON CONFLICT ("id") DO UPDATE
        SET "bootstrap_token_hashes" = "w"."bootstrap_token_hashes" || EXCLUDED."bootstrap_token_hashes",
            "bootstrap_expires_at" = EXCLUDED."bootstrap_expires_at"
        WHERE "w"."restore_id" = EXCLUDED."restore_id" AND "w"."state" = 'launching' AND "w"."session_token_hash" IS NULL`,
    );
    return entered === 1;
  }

  async worker(id: string): Promise<WorkerRecord | null> {
    return (await this.#find({ id }))[0] ?? null;
  }

  async workers(filter: { restoreId?: string; active?: boolean } = {}): Promise<readonly WorkerRecord[]> {
    return this.#find({
      ...(filter.restoreId === undefined ? {} : { restoreId: filter.restoreId }),
      ...(filter.active === undefined ? {} : { state: filter.active ? { not: 'retired' } : 'retired' }),
    });
  }

  async redeemBootstrap(
    id: string,
    bootstrapTokenHash: string,
    session: { tokenHash: string; validSeconds: number },
  ): Promise<WorkerRecord | null> {
    const redeemed = await this.#database.run(
      (client) => client.$executeRaw`
        UPDATE "worker" SET "state" = 'ready',
               "session_token_hash" = ${session.tokenHash},
               "session_expires_at" = clock_timestamp() + make_interval(secs => ${session.validSeconds})
        WHERE "id" = ${id} AND ${bootstrapTokenHash} = ANY("bootstrap_token_hashes") AND "state" <> 'retired'
          AND "bootstrap_expires_at" > clock_timestamp()
          AND ("session_token_hash" IS NULL OR "session_token_hash" = ${session.tokenHash})`,
    );
    return redeemed === 1 ? this.worker(id) : null;
  }

  async bySession(tokenHash: string): Promise<WorkerRecord | null> {
    const rows = await this.#database.run(
      (client) => client.$queryRaw<{ id: string }[]>`
        SELECT "id" FROM "worker"
        WHERE "session_token_hash" = ${tokenHash} AND "state" = 'ready' AND "session_expires_at" > clock_timestamp()`,
    );
    return rows[0] ? this.worker(rows[0].id) : null;
  }

  async byAnySession(tokenHash: string): Promise<WorkerRecord | null> {
    return (await this.#find({ OR: [{ sessionTokenHash: tokenHash }, { endedSessionHash: tokenHash }] }))[0] ?? null;
  }

  async renewSession(tokenHash: string, validSeconds: number): Promise<boolean> {
    const renewed = await this.#database.run(
      (client) => client.$executeRaw`
        UPDATE "worker" SET "session_expires_at" = clock_timestamp() + make_interval(secs => ${validSeconds})
        WHERE "session_token_hash" = ${tokenHash} AND "state" = 'ready' AND "session_expires_at" > clock_timestamp()`,
    );
    return renewed === 1;
  }

  async heartbeat(id: string, mover: { name: string; pid: number }): Promise<void> {
    await this.#database.run(
      (client) => client.$executeRaw`
        INSERT INTO "mover" ("worker_id", "name", "pid", "seen_at")
        SELECT "id", ${mover.name}, ${mover.pid}::int, clock_timestamp() FROM "worker" WHERE "id" = ${id}
        ON CONFLICT ("worker_id", "name") DO UPDATE SET "pid" = EXCLUDED."pid", "seen_at" = EXCLUDED."seen_at"`,
    );
  }

  async retire(id: string, entered?: number): Promise<boolean> {
    const retired = await this.#database.run(
      (client) => client.$executeRaw`
        UPDATE "worker" SET "state" = 'retired', "bootstrap_token_hashes" = '{}', "bootstrap_expires_at" = NULL,
               "ended_session_hash" = coalesce("session_token_hash", "ended_session_hash"),
               "session_token_hash" = NULL, "session_expires_at" = NULL
        WHERE "id" = ${id} AND (${entered ?? null}::int IS NULL OR "state" = 'retired'
                                OR cardinality("bootstrap_token_hashes") = ${entered ?? null}::int)`,
    );
    return retired === 1;
  }

  async #find(where: Prisma.WorkerWhereInput): Promise<WorkerRecord[]> {
    return this.#database.run(async (client) => {
      const rows = await client.worker.findMany({ where, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });
      const movers = rows.length === 0 ? [] : await moversOf(client, rows);
      return rows.map((row) => toRecord(row, movers));
    });
  }
}

type MoverRow = MoverRecord & { readonly workerId: string };

/** With the time since each was heard of, which only the database's clock can tell. */
function moversOf(client: Client, workers: readonly WorkerModel[]): Promise<MoverRow[]> {
  return client.$queryRaw<MoverRow[]>`
    SELECT "worker_id" AS "workerId", "name", "pid", "seen_at" AS "seenAt",
           greatest(0, extract(epoch FROM clock_timestamp() - "seen_at") * 1000)::float8 AS "silentMs"
    FROM "mover" WHERE "worker_id" = ANY(${workers.map(({ id }) => id)})
    ORDER BY "name" COLLATE "C"`;
}

function toRecord(row: WorkerModel, movers: readonly MoverRow[]): WorkerRecord {
  return {
    id: row.id,
    restoreId: row.restoreId,
    azureId: row.azureId,
    disks: row.disks,
    state: row.state as WorkerRecord['state'],
    entered: row.bootstrapTokenHashes.length,
    movers: movers.filter(({ workerId }) => workerId === row.id).map(({ workerId: _worker, ...mover }) => mover),
  };
}
