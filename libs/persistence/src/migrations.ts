import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConflictError, outlineOf, PermanentError, RetryableError, type Secret } from '@landfall/domain';
import pg from 'pg';

/*
 * Brings a database to the present schema as `prisma migrate deploy` does, and writes down what it did where Prisma does, so
 * that either may go on from the other. Prisma's command line takes seconds and an engine of its own; here each migration is
 * a transaction: one that fails leaves nothing behind and nothing to resolve by hand.
 */
const FOLDER = fileURLToPath(new URL('../../../prisma/migrations/', import.meta.url));
/** The advisory lock that Prisma takes for the same purpose. */
const PRISMA_LOCK = 72_707_369;
/** As Prisma makes it. */
const BOOK_OF_MIGRATIONS = `
  CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL,
    "checksum" VARCHAR(64) NOT NULL,
    "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL,
    "logs" TEXT,
    "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "applied_steps_count" INTEGER NOT NULL DEFAULT 0
  )`;

export interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 in hexadecimal, as Prisma records it. */
  readonly checksum: string;
}

/** In the order in which they are applied. */
export function migrations(): readonly Migration[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const sql = readFileSync(join(FOLDER, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** In the first line of a migration: it can't carry restores over that are under way. */
const NEEDS_QUIET = /^-- Only while no restore is under way\./;

/**
 * Resolves to whether there was something to do. A database that does not exist is made, where the server lets its user.
 * @throws ConflictError `RESTORES_UNDER_WAY`, `DATABASE_NEWER`: nothing was changed
 * @throws RetryableError `DATABASE_UNREACHABLE`
 * @throws PermanentError `MIGRATION_FAILED`: what came before the migration that failed stays
 */
export async function migrate(databaseUrl: Secret): Promise<boolean> {
  const client = await connected(databaseUrl);
  try {
    // Held to the end of the connection: two that start at once follow each other.
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_LOCK]);
    await client.query(BOOK_OF_MIGRATIONS);
    const missing = missingOf(await appliedIn(client));
    if (missing.some(({ sql }) => NEEDS_QUIET.test(sql))) await requireQuiet(client);
    for (const migration of missing) await apply(client, migration);
    return missing.length > 0;
  } catch (error) {
    throw error instanceof ConflictError || error instanceof PermanentError ? error : failed('is not readable', error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function connected(databaseUrl: Secret): Promise<pg.Client> {
  try {
    return await connect(databaseUrl.reveal());
  } catch (error) {
    if ((error as { code?: unknown }).code !== NO_SUCH_DATABASE) throw unreachable(error);
  }
  const url = new URL(databaseUrl.reveal());
  const name = decodeURIComponent(url.pathname.slice(1));
  url.pathname = '/postgres';
  try {
    const server = await connect(url.href);
    try {
      await server.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
    } catch (error) {
      // Somebody else has made it meanwhile.
      if (!DUPLICATE_DATABASE.has((error as { code?: unknown }).code)) throw error;
    } finally {
      await server.end();
    }
    return await connect(databaseUrl.reveal());
  } catch (error) {
    throw failed(`"${name}" does not exist and could not be made (${outlineOf(error)})`);
  }
}

const NO_SUCH_DATABASE = '3D000';
/** As seen before and after the other one has committed. */
const DUPLICATE_DATABASE = new Set<unknown>(['42P04', '23505']);

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  readonly isFinished: boolean;
}

async function appliedIn(client: pg.Client): Promise<readonly AppliedMigration[]> {
  const { rows } = await client.query<AppliedMigration>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isFinished"
     FROM _prisma_migrations WHERE rolled_back_at IS NULL`,
  );
  return rows;
}

/** @throws PermanentError, ConflictError when what the database has is not the beginning of what is here */
function missingOf(applied: readonly AppliedMigration[]): readonly Migration[] {
  const begun = applied.find(({ isFinished }) => !isFinished);
  if (begun) throw failed(`has the migration ${begun.name} begun and not finished, by Prisma's command line`);
  const here = new Map(migrations().map((migration) => [migration.name, migration]));
  const unknown = applied.filter(({ name, checksum }) => here.get(name)?.checksum !== checksum).map(({ name }) => name);
  if (unknown.length > 0) {
    throw new ConflictError({
      code: 'DATABASE_NEWER',
      message: `The database was not changed: it has migrations that this version does not know (${unknown.join(', ')}).`,
      fix: 'Start the version that made them, or a newer one; or give this one a database of its own.',
    });
  }
  for (const { name } of applied) here.delete(name);
  return [...here.values()];
}

async function requireQuiet(client: pg.Client): Promise<void> {
  const { rowCount: hasRestores } = await client.query(`SELECT 1 WHERE to_regclass('restore') IS NOT NULL`);
  if (!hasRestores) return;
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM restore WHERE ended_at IS NULL ORDER BY created_at',
  );
  if (rows.length > 0) throw restoresUnderWay(rows.map(({ id }) => id));
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    throw failed(`did not take the migration ${name}`, error);
  }
}

function failed(what: string, error?: unknown): PermanentError {
  const { message = '', hint } = (error ?? {}) as { message?: string; hint?: string };
  return new PermanentError({
    code: 'MIGRATION_FAILED',
    message: `The database ${what}${message === '' ? '' : `: ${message}`}${hint === undefined ? '' : ` (${hint})`}.`,
    fix: 'See that DATABASE_URL is right and its user may create tables, remove the cause, and migrate again.',
  });
}

function unreachable(error: unknown): RetryableError {
  return new RetryableError({
    code: 'DATABASE_UNREACHABLE',
    message: `The database can't be reached: ${outlineOf(error)}.`,
    fix: 'See that Postgres runs and that DATABASE_URL names it, with its user and password.',
  });
}

const NAMED_AT_MOST = 10;

function restoresUnderWay(ids: readonly string[]): ConflictError {
  const named = ids.slice(0, NAMED_AT_MOST).join(', ');
  return new ConflictError({
    code: 'RESTORES_UNDER_WAY',
    message: `The database was not changed: ${ids.length} restore(s) have not ended (${named}${ids.length > NAMED_AT_MOST ? ', …' : ''}), and this version can't go on with them.`,
    fix: 'Start the version before, let them end, cancel them or roll them back; then start this one.',
  });
}
