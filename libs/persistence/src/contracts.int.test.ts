import assert from 'node:assert/strict';
import { newRestoreId, type Secret } from '@landfall/domain';
import {
  booksGateContract,
  booksGuardsContract,
  capturesContract,
  catalogueContract,
  keptApplianceIdContract,
  leasesContract,
  ledgerContract,
  pointSurveysContract,
  restoreBooksContract,
  retrievalsContract,
  workerRegistryContract,
} from '@landfall/testing/contracts';
import { aRestoreRequest } from '@landfall/testing';
import pg from 'pg';
import { connectBooks, type Books } from './connect.js';
import { temporaryDatabase } from './temporary-database.js';

const LOOKS = 20_000;

restoreBooksContract('Postgres', books);

booksGuardsContract('Postgres', books);

ledgerContract('Postgres', books);

booksGateContract('Postgres', books);

catalogueContract('Postgres', async () => {
  const { all, dispose } = await connected();
  return { catalogue: all.catalogue, books: all.books, dispose };
});

retrievalsContract('Postgres', async () => {
  const { all, dispose } = await connected();
  return { retrievals: all.retrievals, books: all.books, dispose };
});

pointSurveysContract('Postgres', async () => {
  const { all, databaseUrl, dispose } = await connected();
  const pass = (milliseconds: number) => agedSurveys(databaseUrl, milliseconds);
  return { surveys: all.surveys, catalogue: all.catalogue, pass, dispose };
});

workerRegistryContract('Postgres', async () => {
  const { all, databaseUrl, dispose } = await connected();
  const restoreId = newRestoreId();
  const request = aRestoreRequest();
  await all.books.transaction((tx) => tx.createRestore({ id: restoreId, request, requestedBy: 'olivia' }));
  const pass = (milliseconds: number) => agedHeartbeats(databaseUrl, milliseconds);
  return { registry: all.workers, restoreId, pass, dispose };
});

capturesContract('Postgres, as the books of captures,', async () => {
  const { all, dispose } = await connected();
  return { captures: all.captures, dispose };
});

leasesContract('Postgres', async () => {
  const { all, dispose } = await connected();
  return { leases: all.leases, dispose };
});

keptApplianceIdContract('Postgres', async () => {
  const { all, databaseUrl, dispose } = await connected();
  const another = connectBooks({ databaseUrl });
  return {
    ids: [all.applianceId, another.applianceId],
    ledgerLists: (state) => onlyResource(databaseUrl, state),
    async dispose() {
      await another.close();
      await dispose();
    },
  };
});

async function books() {
  const { all, databaseUrl, dispose } = await connected();
  return { books: all.books, waiting: () => waitingForLock(databaseUrl), dispose };
}

async function connected(): Promise<{ all: Books; databaseUrl: Secret; dispose: () => Promise<void> }> {
  const server = process.env.LANDFALL_TEST_DATABASE_URL;
  assert.ok(server, 'LANDFALL_TEST_DATABASE_URL is not set: run this through the test runner');
  const database = await temporaryDatabase(server);
  const all = connectBooks({ databaseUrl: database.url });
  return {
    all,
    databaseUrl: database.url,
    async dispose() {
      await all.close();
      await database.drop();
    },
  };
}

/** Returns once a session of this database waits for a lock that another one holds. */
async function waitingForLock(databaseUrl: Secret): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    for (let look = 0; look < LOOKS; look += 1) {
      const { rows } = await client.query(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      if (rows.length > 0) return;
    }
    assert.fail('nobody waits for a lock');
  });
}

/** Nobody can move the database's clock on: what it has written is made older instead. */
async function agedHeartbeats(databaseUrl: Secret, milliseconds: number): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query('UPDATE "mover" SET "seen_at" = "seen_at" - make_interval(secs => $1)', [milliseconds / 1000]);
  });
}

async function agedSurveys(databaseUrl: Secret, milliseconds: number): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    const seconds = [milliseconds / 1000];
    await client.query('UPDATE "point_survey" SET "lent_until" = "lent_until" - make_interval(secs => $1)', seconds);
    await client.query('UPDATE "blob_list_part" SET "kept_at" = "kept_at" - make_interval(secs => $1)', seconds);
  });
}

/** A disk, beside a source that was replaced: that is nobody's of ours. */
async function onlyResource(databaseUrl: Secret, state: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query(`DELETE FROM cloud_resource`);
    await client.query(`INSERT INTO cloud_owner (id, kind) VALUES ('owner', 'capture') ON CONFLICT DO NOTHING`);
    const enter = `INSERT INTO cloud_resource (owner_id, key, azure_id, life, kind, role, purpose, state, instance_id, removed_at)
      VALUES ('owner', $1, $1, 1, $2, $3, $4, $5, 'number', CASE WHEN $5 = 'removed' THEN now() END)`;
    await client.query(enter, ['/vms/web', 'vm', 'source', 'source', 'created']);
    await client.query(enter, ['/disks/web', 'disk', 'disk', 'result', state]);
  });
}

async function withClient(databaseUrl: Secret, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl.reveal() });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
