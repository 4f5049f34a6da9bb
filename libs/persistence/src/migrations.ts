import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermanentError, type Secret } from '@landfall/domain';
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

/**
 * Resolves to whether there was something to do.
 * @throws PermanentError `MIGRATION_FAILED`; Prisma's own words are on standard error
 */
export async function migrate(databaseUrl: Secret): Promise<boolean> {
  if (await isMigrated(databaseUrl)) return false;
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

async function isMigrated(databaseUrl: Secret): Promise<boolean> {
  const client = new pg.Client({ connectionString: databaseUrl.reveal(), connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string; checksum: string }>(
      'SELECT migration_name AS name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    );
    const applied = new Set(rows.map((row) => `${row.name} ${row.checksum}`));
    return migrations().every((migration) => applied.has(`${migration.name} ${migration.checksum}`));
  } catch {
    // No such table or database, or no connection: Prisma creates it, or says what is wrong.
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
