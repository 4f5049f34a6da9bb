import { describe, expect, it } from '@jest/globals';
import type { Secret } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';
import type pg from 'pg';
import { connectBooks } from './connect.js';
import { everythingIn, runMigrate, withEarlierVersion } from './earlier-version.fixture.test.js';
import { migrate } from './migrations.js';

/* A restore as the version left it that looked into the backup when it cut the disks into segments. */
const BEFORE = '20260106000000_works';
const RESTORE = 'r0planned000';

const BESIDES = `
  INSERT INTO "restore_work" ("restore_id", "direction", "round", "id", "state", "epoch", "output")
  VALUES ('${RESTORE}', 'forward', 0, 'plan', 'done', 1, '{"planHash": "sha256:00"}');
  INSERT INTO "restore_disk" ("restore_id", "name", "position", "from", "role", "azure_id")
  VALUES ('${RESTORE}', 'sda', 0, 'disk:sda', 'os', '/disks/web-sda');
  INSERT INTO "segment" ("id", "restore_id", "disk_name", "purpose", "index", "offset_bytes", "length_bytes", "data_bytes",
                         "state", "epoch", "mover", "ended_at")
  VALUES ('seg-1', '${RESTORE}', 'sda', 'move', 0, 0, 4096, 512, 'done', 1, 'vm-0/cafe', now());`;

describe('an installation whose plans did not say what their disks hold', () => {
  for (const state of ['running', 'rolling-back', 'needs-attention'] as const) {
    it(`stays as it is while a restore of it is ${state}, and is told which`, () =>
      withInstallation(state, async (url, client) => {
        const before = await everythingIn(client);
        const refused = await runMigrate(url);
        expect(refused.code).toBe(1);
        expect(refused.said).toMatch(new RegExp(`RESTORES_UNDER_WAY.*not changed: 1 restore.*${RESTORE}`));
        expect(await everythingIn(client)).toStrictEqual(before);
      }));
  }

  for (const state of ['completed', 'failed', 'cancelled'] as const) {
    it(`keeps a restore that is ${state} as it was, and can roll it back where that is legal`, () =>
      withInstallation(state, async (url) => {
        expect(await migrate(url)).toBe(true);
        const { books, close } = connected(url);
        try {
          const restore = await books.restore(RESTORE);
          expect([restore?.state, restore?.plan]).toStrictEqual([state, aRestorePlan()]);
          expect(restore?.disks.map(({ azureId, bytesDone }) => [azureId, bytesDone])).toStrictEqual([
            ['/disks/web-sda', 512],
          ]);
          expect(await books.ingredients(RESTORE, 'sda')).toBe(null);
          if (state === 'cancelled') return;
          await books.transaction(async (tx) => {
            const { epoch = 0 } = (await tx.lockRestore(RESTORE)) ?? {};
            expect(await tx.contents(RESTORE)).toStrictEqual([]);
            const turn = { round: 1, purpose: 'roll-back', cause: null } as const;
            expect(await tx.moveRestore(RESTORE, { from: state, epoch }, 'rolling-back', { turn })).toBe(true);
          });
        } finally {
          await close();
        }
      }));
  }
});

function connected(url: Secret) {
  const all = connectBooks({ databaseUrl: url, poolSize: 2 });
  return { books: all.books, close: () => all.close() };
}

async function withInstallation(
  state: 'running' | 'rolling-back' | 'needs-attention' | 'completed' | 'failed' | 'cancelled',
  work: (url: Secret, client: pg.Client) => Promise<void>,
): Promise<void> {
  const isOver = !['running', 'rolling-back', 'needs-attention'].includes(state);
  const turned = state === 'rolling-back' ? { round: 1, purpose: 'roll-back' } : { round: 0, purpose: null };
  const fill = async (client: pg.Client): Promise<void> => {
    await client.query(
      `INSERT INTO restore (id, state, epoch, restore_point_id, request, plan, requested_by, last_event, ended_at, round, turn_purpose)
       VALUES ($1, $2, 3, 'rp-0123456789', $3, $4, 'olivia', 0, $5, $6, $7)`,
      [RESTORE, state, aRestoreRequest(), aRestorePlan(), isOver ? new Date() : null, turned.round, turned.purpose],
    );
    await client.query(BESIDES);
  };
  await withEarlierVersion(BEFORE, fill, work);
}
