import { describe, expect, it } from '@jest/globals';
import type { Secret } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';
import type pg from 'pg';
import type { Books } from './connect.js';
import { everythingIn, runMigrate, withEarlierVersion, withMigrated } from './earlier-version.fixture.test.js';

/* A restore as the version left it whose ledger had one entry for all lives of a resource, and no purposes. */
const BEFORE = '20260107000000_planned_disks';
const RESTORE = 'r0completed0';
const OTHER = 'r0other00000';

const BESIDES = `
  INSERT INTO "cloud_resource" ("restore_id", "key", "azure_id", "kind", "role", "state", "created_at", "removed_at") VALUES
    ('${RESTORE}', '/disks/sda', '/Disks/sda', 'disk', 'disk', 'created', '2026-01-10 08:00:01Z', NULL),
    ('${RESTORE}', '/nics/web', '/nics/web', 'nic', 'nic', 'created', '2026-01-10 08:00:02Z', NULL),
    ('${RESTORE}', '/vms/web', '/vms/web', 'vm', 'vm', 'created', '2026-01-10 08:00:03Z', NULL),
    ('${RESTORE}', '/vms/worker', '/vms/worker', 'vm', 'worker', 'removed', '2026-01-10 08:00:04Z', '2026-01-10 09:00:00Z'),
    ('${RESTORE}', '/nics/worker', '/nics/worker', 'nic', 'worker-nic', 'intended', '2026-01-10 08:00:05Z', NULL),
    ('${OTHER}', '/disks/sda', '/disks/sda', 'disk', 'disk', 'removed', '2026-01-10 08:00:06Z', '2026-01-10 09:00:00Z');
  INSERT INTO "operation" ("restore_id", "key", "work", "epoch", "operation", "azure_id", "body_hash", "creates", "removes",
                           "state") VALUES
    ('${RESTORE}', 'disk.create:sda', 'create-empty-disks', 1, 'o', '/disks/SDA', 'b', true, false, 'succeeded'),
    ('${RESTORE}', 'nic.create:worker', 'launch-worker', 1, 'o', '/nics/worker', 'b', true, false, 'intended'),
    ('${RESTORE}', 'vm.attach:worker', 'launch-worker', 1, 'o', '/vms/worker', 'b', false, false, 'succeeded'),
    ('${RESTORE}', 'vm.delete:worker', 'deallocate-worker', 1, 'o', '/vms/worker', 'b', false, true, 'succeeded');`;

describe('an installation whose ledger knew no lives', () => {
  for (const state of ['running', 'cancelling', 'needs-attention'] as const) {
    it(`stays as it is while a restore of it is ${state}, and is told which`, () =>
      withInstallation(state, async (url, client) => {
        const before = await everythingIn(client);
        const refused = await runMigrate(url);
        expect(refused.code).toBe(1);
        expect(refused.said).toMatch(new RegExp(`RESTORES_UNDER_WAY.*not changed: 1 restore.*${OTHER}`));
        expect(refused.said).toMatch(/Start the version before, let them end/);
        expect(await everythingIn(client)).toStrictEqual(before);
      }));
  }

  it('has the first life of everything in its ledger, with what it is there for', () =>
    migrated(async ({ books }) => {
      const ledger = await books.ledger(RESTORE);
      expect(ledger.map(({ azureId, role, purpose, state }) => [azureId, role, purpose, state])).toStrictEqual([
        ['/Disks/sda', 'disk', 'result', 'created'],
        ['/nics/web', 'nic', 'result', 'created'],
        ['/vms/web', 'vm', 'result', 'created'],
        ['/vms/worker', 'worker', 'help', 'removed'],
        ['/nics/worker', 'worker-nic', 'help', 'intended'],
      ]);
      const first = { life: 1, keepUntil: null, instanceId: null, movedFrom: null };
      for (const entry of ledger) expect(entry).toMatchObject(first);
      expect(ledger[0]?.createdAt).toStrictEqual(new Date('2026-01-10T08:00:01.000Z'));
      const records = await books.ledgerOfAll(['/DISKS/sda']);
      expect(records.map(({ azureId, owner }) => [azureId, owner.id, owner.kind])).toStrictEqual([
        ['/Disks/sda', RESTORE, 'restore'],
        ['/nics/web', RESTORE, 'restore'],
        ['/vms/web', RESTORE, 'restore'],
        ['/nics/worker', RESTORE, 'restore'],
        ['/disks/sda', OTHER, 'restore'],
      ]);
    }));

  it('has an effect for each of its calls', () =>
    migrated(async (_, client) => {
      const { rows } = await client.query(`SELECT "key", "effect", "life", "state" FROM "operation" ORDER BY "key"`);
      const created = (kind: string, role: string, purpose: string) => ({ creates: { kind, role, purpose } });
      expect(rows).toStrictEqual([
        { key: 'disk.create:sda', effect: created('disk', 'disk', 'result'), life: 1, state: 'succeeded' },
        { key: 'nic.create:worker', effect: created('nic', 'worker-nic', 'help'), life: 1, state: 'intended' },
        { key: 'vm.attach:worker', effect: { changes: 'ours' }, life: null, state: 'succeeded' },
        { key: 'vm.delete:worker', effect: { removes: 'ours' }, life: null, state: 'succeeded' },
      ]);
    }));

  it('goes on: what was left is swept, and what is made again begins a second life', () =>
    migrated(async ({ books }) => {
      const { epoch = 0 } = (await books.restore(RESTORE)) ?? {};
      const journal = books.journal(RESTORE, 'sweep', epoch);
      const call = { operation: 'o', azureId: '/nics/worker', bodyHash: 'h' };
      await journal.begin({ ...call, key: 'delete', effect: { removes: 'ours' } });
      await journal.succeeded('delete');
      const effect = { creates: { kind: 'nic', role: 'worker-nic', purpose: 'help' } } as const;
      await journal.begin({ ...call, key: 'create', effect });
      const last = (await books.ledger(RESTORE)).at(-1);
      expect([last?.azureId, last?.state, last?.life]).toStrictEqual(['/nics/worker', 'intended', 2]);
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
    for (const [id, its, isOver] of [
      [RESTORE, 'completed', true],
      [OTHER, state, state === 'cancelled'],
    ] as const) {
      await client.query(
        `INSERT INTO restore (id, state, epoch, restore_point_id, request, plan, requested_by, last_event, ended_at)
         VALUES ($1, $2, 3, 'rp-0123456789', $3, $4, 'olivia', 0, $5)`,
        [id, its, aRestoreRequest(), aRestorePlan(), isOver ? new Date() : null],
      );
    }
    await client.query(BESIDES);
  };
  await withEarlierVersion(BEFORE, fill, work);
}
