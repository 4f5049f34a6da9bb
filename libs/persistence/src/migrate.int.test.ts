import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { newRestoreId, Secret } from '@landfall/domain';
import { migrate, migrations } from './migrations.js';
import { withClient } from './temporary-database.js';

const PRISMA = fileURLToPath(new URL('../scripts/prisma.mjs', import.meta.url));
const SERVER = process.env.LANDFALL_TEST_DATABASE_URL ?? '';

describe('a database', () => {
  it('is made where there is none, and needs no migration when it has them all, also by two at once', () =>
    withNewName(async (url) => {
      expect((await Promise.all([migrate(url), migrate(url)])).sort()).toStrictEqual([false, true]);
      expect(await migrate(url)).toBe(false);
      await withClient(url.reveal(), async (client) => {
        const { rows } = await client.query(
          `SELECT migration_name AS name, checksum, finished_at >= started_at AS timed FROM _prisma_migrations ORDER BY 1`,
        );
        expect(rows).toStrictEqual(migrations().map(({ name, checksum }) => ({ name, checksum, timed: true })));
      });
    }));

  it('is one that Prisma’s command line takes for migrated', () =>
    withNewName(async (url) => {
      await migrate(url);
      const { code, said } = await prismaStatus(url);
      expect([code, said]).toStrictEqual([0, expect.stringContaining('Database schema is up to date')]);
    }));

  it('of a newer version, or with a migration that was edited, is left as it is', () =>
    withNewName(async (url) => {
      await migrate(url);
      await withClient(url.reveal(), async (client) => {
        await client.query(
          `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', 'x', '2999_more', now())`,
        );
        await expect(migrate(url)).rejects.toMatchObject({
          code: 'DATABASE_NEWER',
          message: expect.stringContaining('2999_more'),
        });
        await client.query(`DELETE FROM _prisma_migrations WHERE id = 'x'`);
        await client.query(`UPDATE _prisma_migrations SET checksum = 'other' WHERE migration_name LIKE '%_leases'`);
        await expect(migrate(url)).rejects.toMatchObject({ code: 'DATABASE_NEWER' });
      });
    }));

  it('keeps nothing of a migration that fails, and has those before it', () =>
    withNewName(async (url) => {
      const [first, second] = migrations();
      await withClient(SERVER, (client) => client.query(`CREATE DATABASE "${nameOf(url)}"`));
      await withClient(url.reveal(), async (client) => {
        // In the way of the second one's only table.
        await client.query('CREATE VIEW "lease" AS SELECT 1 AS "name"');
        await expect(migrate(url)).rejects.toMatchObject({
          code: 'MIGRATION_FAILED',
          message: expect.stringContaining(
            `did not take the migration ${second?.name}: relation "lease" already exists`,
          ),
        });
        const { rows } = await client.query('SELECT migration_name AS name FROM _prisma_migrations');
        expect(rows).toStrictEqual([{ name: first?.name }]);
        await client.query('DROP VIEW "lease"');
      });
      expect(await migrate(url)).toBe(true);
    }));

  it('that can’t be reached is told apart from one that can’t be migrated', async () => {
    await expect(migrate(new Secret('postgresql://a:b@127.0.0.1:1/c'))).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
    });
  });
});

/** Works with the URL of a database that does not exist yet, and drops what came to be there. */
async function withNewName(work: (url: Secret) => Promise<void>): Promise<void> {
  const url = new URL(SERVER);
  url.pathname = `/landfall_migrated_${newRestoreId()}`;
  const secret = new Secret(url.href);
  try {
    await work(secret);
  } finally {
    await withClient(SERVER, (client) => client.query(`DROP DATABASE IF EXISTS "${nameOf(secret)}" WITH (FORCE)`));
  }
}

const nameOf = (url: Secret): string => new URL(url.reveal()).pathname.slice(1);

/** What `prisma migrate status` says of a database, and its exit code. */
function prismaStatus(url: Secret): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, DATABASE_URL: url.reveal() };
    execFile(process.execPath, [PRISMA, 'migrate', 'status'], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), said: `${stdout}${stderr}` });
    });
  });
}
