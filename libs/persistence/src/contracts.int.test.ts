import assert from 'node:assert/strict';
import { newRestoreId } from '@landfall/domain';
import {
  aRestoreRequest,
  catalogueContract,
  leasesContract,
  restoreBooksContract,
  workerRegistryContract,
} from '@landfall/testing';
import { connectBooks, type Books } from './connect.js';
import { temporaryDatabase } from './temporary-database.js';

restoreBooksContract('Postgres', async () => {
  const { all, dispose } = await connected();
  return { books: all.books, dispose };
});

catalogueContract('Postgres', async () => {
  const { all, dispose } = await connected();
  return { catalogue: all.catalogue, books: all.books, dispose };
});

workerRegistryContract('Postgres', async () => {
  const { all, dispose } = await connected();
  const restoreId = newRestoreId();
  const request = aRestoreRequest();
  await all.books.transaction((tx) => tx.createRestore({ id: restoreId, request, requestedBy: 'olivia' }));
  return { registry: all.workers, restoreId, dispose };
});

leasesContract('Postgres', async () => {
  const { all, dispose } = await connected();
  return { leases: all.leases, dispose };
});

async function connected(): Promise<{ all: Books; dispose: () => Promise<void> }> {
  const server = process.env.LANDFALL_TEST_DATABASE_URL;
  assert.ok(server, 'LANDFALL_TEST_DATABASE_URL is not set: run this through the test runner');
  const database = await temporaryDatabase(server);
  const all = connectBooks({ databaseUrl: database.url });
  return {
    all,
    async dispose() {
      await all.close();
      await database.drop();
    },
  };
}
