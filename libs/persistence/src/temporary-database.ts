import { createHash, randomBytes } from 'node:crypto';
import { Secret } from '@landfall/domain';
import pg from 'pg';
import { migrations } from './migrations.js';

/**
 * A database of its own for a test, at the present schema: `serverUrl` names a server and a user that may create
 * databases. The migrations run once a server, into a template that every later database is copied from.
 */
export async function temporaryDatabase(serverUrl: string): Promise<TemporaryDatabase> {
  const template = await ensureTemplate(serverUrl);
  const name = `landfall_test_${randomBytes(6).toString('hex')}`;
  await withClient(serverUrl, (client) =>
    underLock(client, () => client.query(`CREATE DATABASE "${name}" TEMPLATE "${template}"`)),
  );
  return {
    url: new Secret(urlOf(serverUrl, name)),
    async drop() {
      await withClient(serverUrl, (client) => client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
    },
  };
}

export interface TemporaryDatabase {
  readonly url: Secret;
  drop(): Promise<void>;
}

async function ensureTemplate(serverUrl: string): Promise<string> {
  const all = migrations();
  const digest = createHash('sha256')
    .update(all.map((migration) => migration.checksum).join())
    .digest('hex');
  const name = `landfall_template_${digest.slice(0, 12)}`;
  await withClient(serverUrl, (client) =>
    underLock(client, async () => {
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
      if (rowCount) return;
      const unfinished = `${name}_${randomBytes(4).toString('hex')}`;
      await client.query(`CREATE DATABASE "${unfinished}"`);
      await withClient(urlOf(serverUrl, unfinished), async (inside) => {
        for (const migration of all) await inside.query(migration.sql);
      });
      await client.query(`ALTER DATABASE "${unfinished}" RENAME TO "${name}"`);
    }),
  );
  return name;
}

/** Copying a database that somebody else is connected to fails: one at a time. */
async function underLock(client: pg.Client, work: () => Promise<unknown>): Promise<void> {
  await client.query('SELECT pg_advisory_lock(7254001)');
  await work();
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Advisory locks end with the connection. */
export async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
