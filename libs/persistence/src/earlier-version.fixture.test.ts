import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { newRestoreId, Secret } from '@landfall/domain';
import pg from 'pg';
import { connectBooks, type Books } from './connect.js';
import { migrate, migrations } from './migrations.js';
import { withClient } from './temporary-database.js';

const MIGRATE = fileURLToPath(new URL('migrate.js', import.meta.url));

/** As Prisma makes it. */
const APPLIED = `
  CREATE TABLE "_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL, "checksum" VARCHAR(64) NOT NULL, "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL, "logs" TEXT, "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(), "applied_steps_count" INTEGER NOT NULL DEFAULT 0)`;

/** For tests: works with a database as an earlier version has left it, by its last migration. */
export async function withEarlierVersion(
  last: string,
  fill: (client: pg.Client) => Promise<void>,
  work: (url: Secret, client: pg.Client) => Promise<void>,
): Promise<void> {
  const server = process.env.LANDFALL_TEST_DATABASE_URL;
  assert.ok(server, 'LANDFALL_TEST_DATABASE_URL is not set: run this through the test runner');
  const url = new URL(server);
  url.pathname = `/landfall_before_${newRestoreId()}`;
  await withClient(server, (client) => client.query(`CREATE DATABASE "${url.pathname.slice(1)}"`));
  try {
    await withClient(url.href, async (client) => {
      await migrateTo(client, last);
      await fill(client);
      await work(new Secret(url.href), client);
    });
  } finally {
    await withClient(server, (client) => client.query(`DROP DATABASE "${url.pathname.slice(1)}" WITH (FORCE)`));
  }
}

async function migrateTo(client: pg.Client, last: string): Promise<void> {
  await client.query(APPLIED);
  const applied = migrations().filter(({ name }) => name <= last);
  for (const { name, sql, checksum } of applied) {
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
       VALUES (gen_random_uuid()::text, $1, now(), $2, 1)`,
      [checksum, name],
    );
  }
}

/** Brings a database to this version, and works with its books. */
export async function withMigrated(url: Secret, work: (all: Books) => Promise<void>): Promise<void> {
  assert.equal(await migrate(url), true, 'there was nothing to apply');
  const all = connectBooks({ databaseUrl: url, poolSize: 2 });
  try {
    await work(all);
  } finally {
    await all.close();
  }
}

/** Every column and every row. */
export async function everythingIn(client: pg.Client): Promise<unknown> {
  const { rows: columns } = await client.query<{ table: string; name: string }>(
    `SELECT table_name AS table, column_name AS name, data_type, is_nullable FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY 1, 2`,
  );
  const contents: Record<string, unknown> = {};
  for (const table of new Set(columns.map((column) => column.table))) {
    contents[table] = (await client.query(`SELECT * FROM "${table}" AS "t" ORDER BY "t"::text`)).rows;
  }
  return { columns, contents };
}

export function runMigrate(url: Secret): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, DATABASE_URL: url.reveal() };
    execFile(process.execPath, [MIGRATE], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), said: `${stdout}${stderr}` });
    });
  });
}
