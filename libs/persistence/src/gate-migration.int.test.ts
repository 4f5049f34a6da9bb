import { describe, expect, it } from '@jest/globals';
import type { Secret } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';
import type pg from 'pg';
import { everythingIn, runMigrate, withEarlierVersion, withMigrated } from './earlier-version.fixture.test.js';

/* Restores as the version left them that knew no gate: the hash of a plan lay in the plan alone. */
const BEFORE = '20260107000000_planned_disks';
const RESTORE = 'r0planned000';
const UNPLANNED = 'r0unplanned0';

type State = 'running' | 'awaiting-approval' | 'needs-attention' | 'completed' | 'failed' | 'refused';

const PLAN_HASH = `sha256:${'a'.repeat(64)}`;
const PLAN = { ...aRestorePlan(), planHash: PLAN_HASH };

describe('an installation whose restores had no gate', () => {
  for (const state of ['running', 'awaiting-approval', 'needs-attention'] as const) {
    it(`stays as it is while a restore of it is ${state}, and is told which`, () =>
      withInstallation(state, async (url, client) => {
        const before = await everythingIn(client);
        const refused = await runMigrate(url);
        expect(refused.code).toBe(1);
        expect(refused.said).toMatch(new RegExp(`RESTORES_UNDER_WAY.*not changed: 1 restore.*${RESTORE}`));
        expect(await everythingIn(client)).toStrictEqual(before);
      }));
  }

  for (const state of ['completed', 'failed', 'refused'] as const) {
    it(`knows of a restore that is ${state} the hash of its plan, and that it has not cut over`, () =>
      withInstallation(state, (url) =>
        withMigrated(url, async ({ books }) => {
          const restore = await books.restore(RESTORE);
          expect([restore?.state, restore?.plan, restore?.planHash]).toStrictEqual([state, PLAN, PLAN_HASH]);
          expect([restore?.cutOverAt, (await books.restore(UNPLANNED))?.planHash]).toStrictEqual([null, null]);
          await books.transaction(async (tx) => {
            expect((await tx.lockRestore(RESTORE))?.planHash).toBe(PLAN_HASH);
            expect(await tx.approval(RESTORE)).toBe(null);
          });
        }),
      ));
  }
});

async function withInstallation(state: State, work: (url: Secret, client: pg.Client) => Promise<void>): Promise<void> {
  const isOver = state === 'completed' || state === 'failed' || state === 'refused';
  const fill = async (client: pg.Client): Promise<void> => {
    for (const [id, its, plan, isEnded] of [
      [RESTORE, state, PLAN, isOver],
      // Planning has failed.
      [UNPLANNED, 'failed', null, true],
    ] as const) {
      await client.query(
        `INSERT INTO restore (id, state, epoch, restore_point_id, request, plan, requested_by, last_event, ended_at)
         VALUES ($1, $2, 3, 'rp-0123456789', $3, $4, 'olivia', 0, $5)`,
        [id, its, aRestoreRequest(), plan, isEnded ? new Date() : null],
      );
    }
  };
  await withEarlierVersion(BEFORE, fill, work);
}
