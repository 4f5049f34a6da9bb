import type { Lease, Leases } from '@landfall/domain';
import type { Database } from './database.js';

type Row = Omit<Lease, 'name'>;

/** Told by the database's clock alone. */
export class PostgresLeases implements Leases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async claim(name: string, holder: string, seconds: number): Promise<Lease | null> {
    const [row] = await this.#database.run(
      (client) => client.$queryRaw<{ epoch: number }[]>`
        INSERT INTO "lease" ("name", "holder", "epoch", "expires_at")
        VALUES (${name}, ${holder}, 1, clock_timestamp() + make_interval(secs => ${seconds}))
        ON CONFLICT ("name") DO UPDATE SET "holder" = EXCLUDED."holder", "epoch" = "lease"."epoch" + 1,
          "expires_at" = EXCLUDED."expires_at", "released" = false
        WHERE "lease"."released" OR "lease"."expires_at" <= clock_timestamp()
        RETURNING "epoch"`,
    );
    return row ? { name, holder, epoch: row.epoch, state: 'held' } : null;
  }

  async takeOver(name: string, holder: string, seconds: number): Promise<Lease> {
    const [row] = await this.#database.run(
      (client) => client.$queryRaw<[{ epoch: number }]>`
        INSERT INTO "lease" ("name", "holder", "epoch", "expires_at")
        VALUES (${name}, ${holder}, 1, clock_timestamp() + make_interval(secs => ${seconds}))
        ON CONFLICT ("name") DO UPDATE SET "holder" = EXCLUDED."holder", "epoch" = "lease"."epoch" + 1,
          "expires_at" = EXCLUDED."expires_at", "released" = false
        RETURNING "epoch"`,
    );
    return { name, holder, epoch: row.epoch, state: 'held' };
  }

  async renew(name: string, holder: string, seconds: number): Promise<boolean> {
    const renewed = await this.#database.run(
      (client) => client.$executeRaw`
        UPDATE "lease" SET "expires_at" = clock_timestamp() + make_interval(secs => ${seconds})
        WHERE "name" = ${name} AND "holder" = ${holder} AND NOT "released" AND "expires_at" > clock_timestamp()`,
    );
    return renewed === 1;
  }

  async release(name: string, holder: string): Promise<boolean> {
    const released = await this.#database.run(
      (client) => client.$executeRaw`
        UPDATE "lease" SET "released" = true WHERE "name" = ${name} AND "holder" = ${holder}`,
    );
    return released === 1;
  }

  async lease(name: string): Promise<Lease | null> {
    const [row] = await this.#database.run(
      (client) => client.$queryRaw<Row[]>`
        SELECT "holder", "epoch",
               CASE WHEN "released" THEN 'released' WHEN "expires_at" > clock_timestamp() THEN 'held' ELSE 'expired' END
                 AS "state"
        FROM "lease" WHERE "name" = ${name}`,
    );
    return row ? { name, ...row } : null;
  }
}
