import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConflictError, PermanentError, type Secret } from '@landfall/domain';
import pg from 'pg';

/*
 * Brings a database to the present schema: `prisma migrate deploy`, left out when the database says that it has every
 * migration, with the contents that it has here. That takes milliseconds where Prisma's CLI takes seconds.
 */
const FOLDER = fileURLToPath(new URL('../../../prisma/migrations/', import.meta.url));
const PRISMA = fileURLToPath(new URL('../scripts/prisma.mjs', import.meta.url));

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
 * Resolves to whether there was something to do.
 * @throws ConflictError `RESTORES_UNDER_WAY`: nothing was changed
 * @throws PermanentError `MIGRATION_FAILED`; Prisma's own words are on standard error
 */
export async function migrate(databaseUrl: Secret): Promise<boolean> {
  const { missing, underWay } = await lookInto(databaseUrl);
  if (missing.length === 0) return false;
  // Asked before Prisma is: a migration that fails there has to be resolved by hand.
  if (underWay.length > 0 && missing.some(({ sql }) => NEEDS_QUIET.test(sql))) throw restoresUnderWay(underWay);
  const child = spawn(process.execPath, [PRISMA, 'migrate', 'deploy'], {
    env: { ...process.env, DATABASE_URL: databaseUrl.reveal() },
    stdio: ['ignore', 2, 2],
  });
  const code = await new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', resolve);
  });
  if (code !== 0) {
    throw new PermanentError({
      code: 'MIGRATION_FAILED',
      message: 'The database could not be brought to the present schema.',
      fix: 'Read what Prisma has printed; see that DATABASE_URL is right and its user may create tables.',
    });
  }
  return true;
}

/** The migrations that the database does not have, with the contents that they have here, and the restores that have not ended. */
async function lookInto(
  databaseUrl: Secret,
): Promise<{ readonly missing: readonly Migration[]; readonly underWay: readonly string[] }> {
  const client = new pg.Client({ connectionString: databaseUrl.reveal(), connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string; checksum: string }>(
      'SELECT migration_name AS name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    );
    const applied = new Set(rows.map((row) => `${row.name} ${row.checksum}`));
    const missing = migrations().filter(({ name, checksum }) => !applied.has(`${name} ${checksum}`));
    const restores = await client.query<{ id: string }>(
      'SELECT id FROM restore WHERE ended_at IS NULL ORDER BY created_at',
    );
    return { missing, underWay: restores.rows.map(({ id }) => id) };
  } catch {
    // No such table or database, or no connection: Prisma creates it, or says what is wrong.
    return { missing: migrations(), underWay: [] };
  } finally {
    await client.end().catch(() => undefined);
  }
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
