import { describe, expect, it } from '@jest/globals';
import type { Secret, Work } from '@landfall/domain';
import { stepsOf } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';
import type pg from 'pg';
import type { Books } from './connect.js';
import { everythingIn, runMigrate, withEarlierVersion, withMigrated } from './earlier-version.fixture.test.js';

/*
 * Restores as the version left them that had a table for steps and one for clean-ups: two that have ended, one of them by its
 * clean-up, and one in the state that a test wants.
 */
const BEFORE = '20260105000000_data_bytes';
const COMPLETED = 'r0completed0';
const FAILED = 'r0failed0000';
const OTHER = 'r0other00000';
const CAUSE = { code: 'QUOTA', message: 'Too few cores.', fix: 'Ask for more.' };
const AT = new Date('2026-01-10T08:00:00.125Z');

const ROWS = `
  INSERT INTO "restore_step" ("restore_id", "id", "number", "state", "epoch", "attempts", "dispatched_at", "started_at",
                              "ended_at", "output", "error") VALUES
    ('${COMPLETED}', 'plan', 0, 'done', 1, 0, $1, $1, $1, '{"planHash": "sha256:00"}', NULL),
    ('${COMPLETED}', 'create-staging-resource-group', 2, 'skipped', 0, 0, NULL, NULL, $1, NULL, NULL),
    ('${COMPLETED}', 'attach-disks', 11, 'done', 4, 3, $1, $1, $1, '{}', NULL),
    ('${FAILED}', 'plan', 0, 'done', 1, 0, $1, $1, $1, '{"planHash": "sha256:00"}', NULL),
    ('${FAILED}', 'create-vm', 10, 'failed', 9, 8, $1, $1, $1, NULL, '${JSON.stringify(CAUSE)}'),
    ('${FAILED}', 'attach-disks', 11, 'pending', 0, 0, NULL, NULL, NULL, NULL, NULL)`;

const CLEAN_UP = `
  INSERT INTO "clean_up" ("restore_id", "purpose", "state", "epoch", "attempts", "dispatched_at", "started_at", "ended_at",
                          "cause", "error")
  VALUES ('${FAILED}', 'failure', 'done', 6, 2, $1, $1, $1, '${JSON.stringify(CAUSE)}', NULL)`;

const BESIDES = `
  INSERT INTO "restore_disk" ("restore_id", "name", "position", "from", "role", "azure_id")
  VALUES ('${FAILED}', 'sda', 0, 'disk:sda', 'os', '/disks/web-sda');
  INSERT INTO "restore_event" ("restore_id", "sequence", "type", "message", "data")
  VALUES ('${FAILED}', 1, 'step.failed', 'Step 10, create-vm: Too few cores.', '{"number": 10}');
  INSERT INTO "segment" ("id", "restore_id", "disk_name", "purpose", "index", "offset_bytes", "length_bytes", "data_bytes",
                         "state", "epoch", "mover", "ended_at")
  VALUES ('seg-1', '${FAILED}', 'sda', 'move', 0, 0, 4096, 512, 'done', 1, 'vm-0/cafe', now());
  INSERT INTO "cloud_resource" ("restore_id", "key", "azure_id", "kind", "role", "state", "removed_at")
  VALUES ('${FAILED}', '/disks/web-sda', '/Disks/web-sda', 'disk', 'disk', 'removed', now());
  INSERT INTO "operation" ("restore_id", "key", "work", "epoch", "operation", "azure_id", "body_hash", "creates", "removes",
                           "state") VALUES
    ('${FAILED}', 'disk.create:sda', 'create-empty-disks', 1, 'o', '/Disks/web-sda', 'b', true, false, 'succeeded'),
    ('${FAILED}', 'disk.delete:sda', 'clean-up', 6, 'o', '/Disks/web-sda', 'b', false, true, 'succeeded');
  INSERT INTO "outbox" ("queue", "job_id", "name", "payload") VALUES
    ('finalizer', '${FAILED}-clean-up-5', 'clean-up', '{"restoreId": "${FAILED}", "epoch": 5}'),
    ('finalizer', 'go-on', 'go-on-with-transfer', '{"restoreId": "${FAILED}"}');`;

describe('an installation that had steps and clean-ups', () => {
  for (const state of ['running', 'cancelling', 'needs-attention'] as const) {
    it(`stays as it is while a restore of it is ${state}, and is told which`, () =>
      withInstallation(state, async (url, client) => {
        const before = await everythingIn(client);
        const refused = await runMigrate(url);
        expect(refused.code).toBe(1);
        expect(refused.said).toMatch(new RegExp(`RESTORES_UNDER_WAY.*not changed: 1 restore.*${OTHER}`));
        expect(await everythingIn(client)).toStrictEqual(before);
      }));
  }

  it('has works instead, with all that was known of them', () =>
    migrated(async ({ books }) => {
      const completed = await books.restore(COMPLETED);
      const shown = (works: readonly Work[] = []) =>
        works.map((work) => [work.id, work.direction, work.round, work.state, work.epoch, work.attempts]);
      expect(shown(completed?.works)).toStrictEqual([
        ['plan', 'forward', 0, 'done', 1, 0],
        ['create-staging-resource-group', 'forward', 0, 'skipped', 0, 0],
        ['attach-disks', 'forward', 0, 'done', 4, 3],
      ]);
      expect(completed && stepsOf(completed).map(({ number }) => number)).toStrictEqual([0, 2, 11]);
      expect(completed?.turn).toBe(null);
      const plan = completed?.works[0];
      expect([plan?.output, plan?.startedAt, plan?.endedAt]).toStrictEqual([{ planHash: 'sha256:00' }, AT, AT]);

      const failed = await books.restore(FAILED);
      expect(shown(failed?.works)).toStrictEqual([
        ['plan', 'forward', 0, 'done', 1, 0],
        ['create-vm', 'forward', 0, 'failed', 9, 8],
        ['attach-disks', 'forward', 0, 'pending', 0, 0],
        ['remove-created', 'back', 1, 'done', 6, 2],
      ]);
      expect(failed?.works[1]?.error).toStrictEqual(CAUSE);
      expect(failed?.turn).toStrictEqual({ round: 1, purpose: 'failure', cause: CAUSE });
      expect([failed?.state, failed?.error]).toStrictEqual(['failed', CAUSE]);
    }));

  it('has everything else as it was, less the jobs that nobody knows any more', () =>
    migrated(async ({ books }, client) => {
      const failed = await books.restore(FAILED);
      expect(failed?.disks).toStrictEqual([
        {
          name: 'sda',
          from: 'disk:sda',
          role: 'os',
          lun: null,
          azureId: '/disks/web-sda',
          bytesTotal: 512,
          bytesDone: 512,
        },
      ]);
      expect((await books.events(FAILED)).map(({ message }) => message)).toStrictEqual([
        'Step 10, create-vm: Too few cores.',
      ]);
      expect((await books.segments(FAILED)).map(({ id, state }) => [id, state])).toStrictEqual([['seg-1', 'done']]);
      expect(
        (await books.ledger(FAILED)).map(({ azureId, state, purpose }) => [azureId, state, purpose]),
      ).toStrictEqual([['/Disks/web-sda', 'removed', 'result']]);
      const { rows } = await client.query(`SELECT "work", "epoch", "effect" FROM "operation" ORDER BY "key"`);
      const effect = { creates: { kind: 'disk', role: 'disk', purpose: 'result' } };
      expect(rows).toStrictEqual([
        { work: 'create-empty-disks', epoch: 1, effect },
        { work: 'remove-created', epoch: 6, effect: { removes: 'ours' } },
      ]);
      expect((await books.claimOutbox(10)).map(({ name }) => name)).toStrictEqual(['go-on-with-transfer']);
      expect(await books.runnable()).toStrictEqual([]);
    }));

  it('can turn a restore round again, under an epoch that no job of before has', () =>
    migrated(async ({ books }) => {
      await books.transaction(async (tx) => {
        const restore = await tx.lockRestore(FAILED);
        const turn = { round: 2, purpose: 'roll-back', cause: null } as const;
        const guard = { from: 'failed', epoch: restore!.epoch } as const;
        expect(await tx.moveRestore(FAILED, guard, 'rolling-back', { turn })).toBe(true);
        const [work] = await tx.openWorks(FAILED, [{ direction: 'back', round: 2, id: 'remove-created' }]);
        expect(work?.epoch).toBe(7);
      });
    }));
});

function migrated(work: (all: Books, client: pg.Client) => Promise<void>): Promise<void> {
  return withInstallation('cancelled', (url, client) => withMigrated(url, (all) => work(all, client)));
}

async function withInstallation(
  state: 'running' | 'cancelling' | 'needs-attention' | 'cancelled',
  work: (url: Secret, client: pg.Client) => Promise<void>,
): Promise<void> {
  const fill = async (client: pg.Client): Promise<void> => {
    const isOver = state === 'cancelled';
    for (const [id, its, error] of [
      [COMPLETED, 'completed', null],
      [FAILED, 'failed', JSON.stringify(CAUSE)],
      [OTHER, state, null],
    ] as const) {
      await client.query(
        `INSERT INTO restore (id, state, epoch, restore_point_id, request, plan, error, requested_by, last_event, ended_at)
         VALUES ($1, $2, 3, 'rp-0123456789', $3, $4, $5, 'olivia', 1, $6)`,
        [id, its, aRestoreRequest(), aRestorePlan(), error, id !== OTHER || isOver ? AT : null],
      );
    }
    await client.query(ROWS, [AT]);
    await client.query(CLEAN_UP, [AT]);
    await client.query(BESIDES);
  };
  await withEarlierVersion(BEFORE, fill, work);
}
