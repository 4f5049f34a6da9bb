import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { newRestoreId, Secret, stepsOf } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';
import type pg from 'pg';
import { connectBooks } from './connect.js';
import { everythingIn, runMigrate, withEarlierVersion } from './earlier-version.fixture.test.js';
import { migrate } from './migrations.js';

/*
 * An installation as the version left it that knew no verdicts yet: its schema, and rows with the values that it wrote
 * (hashes, sealed passwords and all), so that a change of how any of them is read shows here.
 */
const LAST_OF_THAT_VERSION = '20260103000000_worker_tokens';
const SECRET_KEY = new Secret('5'.repeat(64));
const RESTORE = 'r3vm8ndyzckz';
const TOKEN_HASH = createHash('sha256').update('a token').digest('hex');

const CATALOGUE = `
  INSERT INTO "repository" ("name", "kind", "url", "hosted_by_provider", "sealed_password", "added_at", "scanned_at")
  VALUES ('backups', 'restic', '/backups/web', false, 'v1.07bIYOXEiUp2AG4x.avi14I3wdlP5_be8uwDp0PN2RKfZBPfBKfOAE_Y',
          '2026-01-10 08:00:00.100Z', '2026-01-10 08:00:01Z');
  INSERT INTO "machine" ("id", "repository_name", "key", "name", "aliases") VALUES ('m-1', 'backups', 'web', 'web', '{web}');
  INSERT INTO "restore_point" ("id", "repository_name", "machine_id", "reference", "taken_at", "kind", "level", "firmware",
                               "disks", "has_manifest", "problems")
  VALUES ('rp-0123456789', 'backups', 'm-1', 'snapshot-1', '2026-01-02 03:04:05Z', 'image', 'computer', 'bios',
          '[{"name": "sda", "location": "snapshot-1/sda.raw", "sizeBytes": 10737418240}]', false, '[]');
  INSERT INTO "api_token" ("id", "name", "role", "token_hash") VALUES ('t-1', 'ci', 'operator', '${TOKEN_HASH}');
  INSERT INTO "audit_event" ("sequence", "at", "actor", "action", "subject", "details", "hash") VALUES
    (1, '2026-01-10 08:00:00.125Z', 'olivia', 'repository.add', 'backups', '{"kind": "restic"}',
     'c0cf15a0fbddeb8056156b684e823d7dfb0ffceab595d448e79ed51a09d3cc3a'),
    (2, '2026-01-10 08:05:00.250Z', 'olivia', 'restore.start', 'r-web-1', '{"point": "rp-web"}',
     '78a1ca27479321f85ee25df4269f2e81bf7e81bb0502ea0d9e4eb22b50afbd86');`;

/** What belongs to the restore besides its row; the access is one that was left behind. */
const OF_RESTORE = `
  INSERT INTO "restore_step" ("restore_id", "id", "number", "state", "epoch", "attempts", "output") VALUES
    ('${RESTORE}', 'plan', 0, 'done', 1, 1, '{"planHash": "sha256:00"}'),
    ('${RESTORE}', 'create-empty-disks', 3, 'done', 1, 1, '{"disks": [{"name": "sda", "azureId": "/disks/web-sda"}]}'),
    ('${RESTORE}', 'launch-worker', 4, 'done', 2, 1,
     '{"workers": [{"workerId": "worker-1", "azureId": "/vms/worker-1", "disks": [{"name": "sda", "lun": 0}]}]}'),
    ('${RESTORE}', 'restore-data', 5, 'done', 1, 1, '{"segments": 1, "bytesMoved": 4096, "bytesVerified": 4096}');
  INSERT INTO "restore_disk" ("restore_id", "name", "position", "from", "role", "azure_id")
  VALUES ('${RESTORE}', 'sda', 0, 'disk:sda', 'os', '/disks/web-sda');
  INSERT INTO "restore_event" ("restore_id", "sequence", "type", "message", "data")
  VALUES ('${RESTORE}', 1, 'restore.completed', 'The restore is completed.', '{"by": "step 11"}');
  INSERT INTO "segment" ("id", "restore_id", "disk_name", "purpose", "index", "offset_bytes", "length_bytes", "state", "epoch",
                         "mover", "ended_at")
  VALUES ('seg-1', '${RESTORE}', 'sda', 'move', 0, 0, 4096, 'done', 1, 'vm-0/cafe', now());
  INSERT INTO "operation" ("restore_id", "key", "work", "epoch", "operation", "azure_id", "body_hash", "creates", "removes",
                           "state")
  VALUES ('${RESTORE}', 'disk:sda', 'create-empty-disks', 1, 'disk.create', '/disks/web-sda', 'b', true, false, 'succeeded');
  INSERT INTO "cloud_resource" ("restore_id", "key", "azure_id", "kind", "role", "state", "removed_at") VALUES
    ('${RESTORE}', 'disk:sda', '/disks/web-sda', 'disk', 'target', 'created', NULL),
    ('${RESTORE}', 'vm:worker-1', '/vms/worker-1', 'vm', 'worker', 'removed', now());
  INSERT INTO "worker" ("id", "restore_id", "azure_id", "disks", "state")
  VALUES ('worker-1', '${RESTORE}', '/vms/worker-1', '{sda}', 'retired');
  INSERT INTO "mover" ("worker_id", "name", "pid") VALUES ('worker-1', 'vm-0', 4711);
  INSERT INTO "disk_access" ("restore_id", "disk_name", "sealed_url", "expires_at")
  VALUES ('${RESTORE}', 'sda', 'v1.a.b', now() + interval '1 day');
  INSERT INTO "idempotency_key" ("key", "body_hash", "restore_id") VALUES ('k', 'b', '${RESTORE}');`;

describe('an installation of the version before', () => {
  for (const state of ['running', 'needs-attention'] as const) {
    it(`stays as it is while a restore of it is ${state}, and is told which`, () =>
      withInstallation(state, async (url, client) => {
        const before = await everythingIn(client);
        const refused = await runMigrate(url);
        expect(refused.code).toBe(1);
        expect(refused.said).toMatch(new RegExp(`RESTORES_UNDER_WAY.*not changed: 1 restore.*${RESTORE}`));
        expect(refused.said).toMatch(/Start the version before, let them end/);
        expect(await everythingIn(client)).toStrictEqual(before);
        await expect(migrate(url)).rejects.toMatchObject({ code: 'RESTORES_UNDER_WAY' });

        await client.query(`UPDATE restore SET state = 'cancelled', ended_at = now()`);
        assert.equal((await runMigrate(url)).code, 0, 'it is carried over once the restore has ended');
      }));
  }

  it('is carried over with all that it holds, and goes on', () =>
    withInstallation('completed', async (url) => {
      expect(await migrate(url)).toBe(true);
      const all = connectBooks({ databaseUrl: url, poolSize: 2 });
      try {
        const [repository] = await all.catalogue.repositories();
        expect([
          repository?.name,
          repository?.url,
          repository?.points,
          repository?.addedAt.toISOString(),
        ]).toStrictEqual(['backups', '/backups/web', 1, '2026-01-10T08:00:00.100Z']);
        const sealed = (await all.catalogue.sealedPassword('backups')) ?? '';
        expect(all.secretBox(SECRET_KEY).open(sealed, 'repository:backups').reveal()).toBe('correct horse');
        expect((await all.catalogue.findPoints('snapshot-1'))[0]?.disks[0]?.location).toBe('snapshot-1/sda.raw');
        expect((await all.tokens.byHash(TOKEN_HASH))?.role).toBe('operator');
        expect(await all.idempotency.find('k')).toStrictEqual({ bodyHash: 'b', restoreId: RESTORE });
        expect(await all.audit.verify()).toStrictEqual({ entries: 2, brokenAt: null });

        const restore = await all.books.restore(RESTORE);
        expect([
          restore?.state,
          restore?.vmAzureId,
          restore?.plan?.disks[0]?.name,
          restore && stepsOf(restore).length,
        ]).toStrictEqual(['completed', '/vms/web', 'sda', 4]);
        expect(
          restore?.disks.map(({ azureId, bytesDone, bytesTotal }) => [azureId, bytesDone, bytesTotal]),
        ).toStrictEqual([['/disks/web-sda', 4096, 4096]]);
        expect((await all.books.events(RESTORE))[0]?.message).toBe('The restore is completed.');
        const ledger = await all.books.ledger(RESTORE);
        expect(ledger.map(({ azureId, state, life }) => [azureId, state, life]).sort()).toStrictEqual([
          ['/disks/web-sda', 'created', 1],
          ['/vms/worker-1', 'removed', 1],
        ]);
        expect((await all.books.segments(RESTORE)).map(({ id, mover, state }) => [id, mover, state])).toStrictEqual([
          ['seg-1', 'vm-0/cafe', 'done'],
        ]);
        expect(
          (await all.workers.workers()).map((worker) => [worker.id, worker.state, worker.movers[0]?.pid]),
        ).toStrictEqual([['worker-1', 'retired', 4711]]);
        assert.equal(await all.diskAccesses.access(RESTORE, 'sda'), null, 'what was left behind is void');

        await all.books.transaction(async (tx) => {
          const locked = await tx.lockRestore(RESTORE);
          expect(locked?.turn).toBe(null);
          expect(await tx.openWorks(RESTORE, [{ direction: 'back', round: 1, id: 'remove-created' }])).toHaveLength(1);
          expect(await tx.verdicts(RESTORE)).toStrictEqual([]);
          await tx.createRestore({ id: newRestoreId(), request: aRestoreRequest(), requestedBy: 'olivia' });
          await tx.audit({ actor: 'olivia', action: 'restore.start', subject: RESTORE, details: {} });
        });
        expect(await all.catalogue.beginScan('backups')).toBe(1);
        expect(await all.audit.verify()).toStrictEqual({ entries: 3, brokenAt: null });
      } finally {
        await all.close();
      }
    }));
});

/** Works with an installation of that version, whose one restore is in this state. */
async function withInstallation(
  state: 'running' | 'needs-attention' | 'completed',
  work: (url: Secret, client: pg.Client) => Promise<void>,
): Promise<void> {
  const fill = async (client: pg.Client): Promise<void> => {
    await client.query(CATALOGUE);
    await client.query(
      `INSERT INTO restore (id, state, epoch, restore_point_id, request, plan, vm_azure_id, requested_by, last_event, ended_at)
       VALUES ($1, $2, 3, 'rp-0123456789', $3, $4, '/vms/web', 'olivia', 1, CASE WHEN $2 = 'completed' THEN now() END)`,
      [RESTORE, state, aRestoreRequest(), planOfThatVersion()],
    );
    await client.query(OF_RESTORE);
  };
  await withEarlierVersion(LAST_OF_THAT_VERSION, fill, work);
}

/** It did not say what is read. */
function planOfThatVersion(): object {
  const { restorePoint, disks, ...rest } = aRestorePlan();
  const { reference: _reference, ...point } = restorePoint;
  return { ...rest, restorePoint: point, disks: disks.map(({ sourceLocation: _location, ...disk }) => disk) };
}
