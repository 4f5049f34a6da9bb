import {} from '@jest/globals';
import assert from 'node:assert/strict';
import { newRestoreId, Secret } from '@landfall/domain';
import { aRestoreRequest } from '@landfall/testing';
import { accountsContract } from '@landfall/testing/contracts';
import { connectBooks } from './connect.js';
import { temporaryDatabase } from './temporary-database.js';

accountsContract('Postgres', async () => {
  const server = process.env.LANDFALL_TEST_DATABASE_URL;
  assert.ok(server, 'LANDFALL_TEST_DATABASE_URL is not set: run this through the test runner');
  const database = await temporaryDatabase(server);
  const all = connectBooks({ databaseUrl: database.url });
  const restoreId = newRestoreId();
  const request = aRestoreRequest();
  await all.books.transaction((tx) => tx.createRestore({ id: restoreId, request, requestedBy: 'olivia' }));
  return {
    tokens: all.tokens,
    audit: all.audit,
    diskAccesses: all.diskAccesses,
    secrets: all.secretBox(new Secret('0f'.repeat(32))),
    restoreId,
    disks: ['sda', 'sdb'],
    async dispose() {
      await all.close();
      await database.drop();
    },
  };
});
