import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { newRestoreId, stepKey, type CallEffect } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';
import pg from 'pg';
import { connectBooks, type Books } from './connect.js';
import { temporaryDatabase, type TemporaryDatabase } from './temporary-database.js';

describe('the ledger in Postgres', () => {
  let database: TemporaryDatabase;
  let all: Books;
  let client: pg.Client;

  beforeAll(async () => {
    const server = process.env.LANDFALL_TEST_DATABASE_URL;
    assert.ok(server, 'LANDFALL_TEST_DATABASE_URL is not set: run this through the test runner');
    database = await temporaryDatabase(server);
    all = connectBooks({ databaseUrl: database.url });
    client = new pg.Client({ connectionString: database.url.reveal() });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await all.close();
    await database.drop();
  });

  /** A restore with a disk that was made, removed, and is being made again. */
  async function restoreWithTwoLives(): Promise<string> {
    const id = newRestoreId();
    await all.books.transaction(async (tx) => {
      await tx.createRestore({ id, request: aRestoreRequest(), requestedBy: 'olivia' });
      await tx.storePlan(id, aRestorePlan());
      await tx.moveRestore(id, { from: 'planning', epoch: 0 }, 'running');
      await tx.moveWork(id, stepKey('create-empty-disks'), { from: 'pending', epoch: 0 }, 'running', { epoch: 1 });
    });
    const journal = all.books.journal(id, 'create-empty-disks', 1);
    const begin = (key: string, effect: CallEffect) =>
      journal.begin({ key, operation: 'o', azureId: '/Disks/sda', bodyHash: 'h', effect });
    const make = () => begin('make', { creates: { kind: 'disk', role: 'disk', purpose: 'result' } });
    await make();
    await journal.succeeded('make');
    await begin('remove', { removes: 'ours' });
    await journal.succeeded('remove');
    await make();
    return id;
  }

  it('keeps every life, each with its own beginning and end', async () => {
    const id = await restoreWithTwoLives();
    const { rows } = await client.query(
      `SELECT "key", "life", "state", "removed_at" IS NOT NULL AS "ended" FROM "cloud_resource"
       WHERE "owner_id" = $1 ORDER BY "id"`,
      [id],
    );
    expect(rows).toStrictEqual([
      { key: '/disks/sda', life: 1, state: 'removed', ended: true },
      { key: '/disks/sda', life: 2, state: 'intended', ended: false },
    ]);
  });

  it('is held to one owner for each restore, one life at a time, and one effect for each call, whoever writes', async () => {
    const id = await restoreWithTwoLives();
    for (const [change, constraint] of [
      [`UPDATE cloud_owner SET kind = 'visitor' WHERE id = $1`, /cloud_owner_kind_check/],
      [`DELETE FROM cloud_owner WHERE id = $1`, /cloud_owner/],
      [`UPDATE cloud_resource SET state = 'created', removed_at = NULL WHERE owner_id = $1`, /cloud_resource_alive/],
      [`UPDATE cloud_resource SET purpose = 'luck' WHERE owner_id = $1`, /cloud_resource_purpose_check/],
      [`UPDATE operation SET effect = '{}' WHERE owner_id = $1`, /operation_effect_check/],
      [`UPDATE operation SET effect = effect || '{"changes": "ours"}' WHERE owner_id = $1`, /operation_effect_check/],
    ] as const) {
      await expect(client.query(change, [id])).rejects.toThrow(constraint);
    }
  });

  it('tells of a capture that owns something, and of all that one has left which has ended', async () => {
    await client.query(`INSERT INTO cloud_owner (id, kind) VALUES ('c0capture000', 'capture')`);
    await client.query(
      `INSERT INTO capture (id, state, repository_name, vm_id, stop, requested_by)
       VALUES ('c0capture000', 'running', 'main', '/vms/web', false, 'olivia')`,
    );
    await client.query(
      `INSERT INTO cloud_resource (owner_id, key, azure_id, life, kind, role, purpose, state)
       VALUES ('c0capture000', '/disks/of-capture', '/disks/of-capture', 1, 'disk', 'disk', 'help', 'created')`,
    );
    expect(await all.books.ledgerOfAll([])).toStrictEqual([]);
    const [record] = await all.books.ledgerOfAll(['/disks/OF-capture']);
    expect([record?.azureId, record?.owner]).toStrictEqual([
      '/disks/of-capture',
      { kind: 'capture', id: 'c0capture000', state: 'running', epoch: 0 },
    ]);
    await client.query(
      `UPDATE capture SET state = 'cancelled', outcome = 'cancelled', ended_at = now() WHERE id = 'c0capture000'`,
    );
    expect((await all.books.ledgerOfAll([])).map(({ owner }) => owner.id)).toStrictEqual(['c0capture000']);
  });
});
