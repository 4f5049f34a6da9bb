import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  newRestoreId,
  stepKey,
  type RestoreBooks,
  type RestorePlan,
  type RestoreState,
  type RestoreTransaction,
} from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/domain/builders';
import type { RestoreBooksUnderTest } from './restore-books.js';
import { withRunningRestore } from './running-restore.js';
import { signal } from './signal.js';

/** Registers the tests of what the books keep of approvals and of the gate, and what they refuse once it is passed. */
export function booksGateContract(name: string, make: () => Promise<RestoreBooksUnderTest>): void {
  const withRestore = withRunningRestore(make);

  describe(`${name}, of approvals and the gate`, () => {
    test('keep with a plan its hash, and that of another plan in its place', () =>
      withRestore(async (books) => {
        const id = newRestoreId();
        const store = (planHash: string) =>
          locked(books, id, (tx) => tx.storePlan(id, { ...aRestorePlan(), planHash }));
        await books.transaction((tx) => tx.createRestore({ id, request: aRestoreRequest(), requestedBy: 'olivia' }));
        expect([(await books.restore(id))?.planHash, (await books.restore(id))?.cutOverAt]).toStrictEqual([null, null]);
        for (const planHash of ['sha256:one', 'sha256:two']) {
          await store(planHash);
          expect((await books.restore(id))?.planHash).toBe(planHash);
          expect(await locked(books, id, async (tx) => (await tx.lockRestore(id))?.planHash)).toBe(planHash);
        }
      }));

    test('keep what is written down of the machine that is replaced, the latest in the place of what was before', () =>
      withRestore(async (books, id) => {
        expect(await books.sourceRecord(id)).toBe(null);
        const found = { take: 0, ran: true, sealedModel: 'sealed', stoppedAt: null, snapshots: [] };
        await locked(books, id, (tx) => tx.recordSource(id, found));
        expect(await books.sourceRecord(id)).toStrictEqual(found);
        const ids = { diskId: '/disks/os', uniqueId: 'u-1', snapshotId: '/snapshots/os' };
        const snapshot = { ...ids, lun: null, ownership: '2026-05-06T07:08:09.1234567Z' };
        const stopped = await locked(books, id, async (tx) => {
          const record = { ...found, take: 1, stoppedAt: await tx.now(), snapshots: [snapshot] };
          await tx.recordSource(id, record);
          return record;
        });
        expect(await books.sourceRecord(id)).toStrictEqual(stopped);
        expect(await books.sourceRecord('r-unknown')).toBe(null);
      }));

    test('give the latest approval of a restore, by their own clock and for whom had asked', () =>
      withRestore(async (books, id) => {
        expect(await books.transaction((tx) => tx.approval(id))).toBe(null);
        const order = { restoreId: id, planHash: 'sha256:one', validSeconds: 3_600, selfApproval: false };
        const [before, first] = await locked(books, id, async (tx) => [
          await tx.now(),
          await tx.addApproval({ ...order, approvedBy: 'arthur' }),
        ]);
        expect(first).toMatchObject({ planHash: 'sha256:one', requestedBy: 'olivia', approvedBy: 'arthur' });
        expect(first.expiresAt.getTime() - first.approvedAt.getTime()).toBe(3_600_000);
        const passedMs = first.approvedAt.getTime() - before.getTime();
        expect(passedMs).toBeGreaterThanOrEqual(0);
        expect(passedMs).toBeLessThan(60_000);
        const second = await locked(books, id, (tx) =>
          tx.addApproval({ ...order, planHash: 'sha256:two', approvedBy: 'anna' }),
        );
        expect(await books.transaction((tx) => tx.approval(id))).toStrictEqual(second);
        expect(await books.transaction((tx) => tx.approval('r-unknown'))).toBe(null);
      }));

    test('refuse an approval by whoever has asked for the restore, unless that was configured', () =>
      withRestore(async (books, id) => {
        const own = { restoreId: id, planHash: 'sha256:one', approvedBy: 'olivia', validSeconds: 3_600 };
        const add = (selfApproval: boolean) => locked(books, id, (tx) => tx.addApproval({ ...own, selfApproval }));
        await expect(add(false)).rejects.toThrow();
        expect(await books.transaction((tx) => tx.approval(id))).toBe(null);
        expect((await add(true)).selfApproval).toBe(true);
      }));

    test('refuse an approval that is good for no time, and one of a restore that is not there', () =>
      withRestore(async (books, id) => {
        const order = { planHash: 'sha256:one', approvedBy: 'arthur', validSeconds: 0, selfApproval: false };
        await expect(locked(books, id, (tx) => tx.addApproval({ ...order, restoreId: id }))).rejects.toThrow();
        const unknown = { ...order, restoreId: 'r-unknown', validSeconds: 60 };
        await expect(
          books.transaction((tx) => tx.lockRestore('r-unknown').then(() => tx.addApproval(unknown))),
        ).rejects.toThrow();
      }));

    test('name a restore that has waited for an approval for longer than its plan allows, and no other', () =>
      withRestore(async (books, id) => {
        const waits = async (waitDays?: number): Promise<string> => {
          const restoreId = newRestoreId();
          const plan = aRestorePlan();
          const options = { ...plan.options, ...(waitDays === undefined ? {} : { waitDays }) };
          await books.transaction(async (tx) => {
            await tx.createRestore({ id: restoreId, request: aRestoreRequest(), requestedBy: 'olivia' });
            await tx.storePlan(restoreId, { ...plan, options });
            await tx.moveRestore(restoreId, { from: 'planning', epoch: 0 }, 'running');
            await tx.moveRestore(restoreId, { from: 'running', epoch: 1 }, 'awaiting-approval');
          });
          return restoreId;
        };
        const [, , tired] = [await waits(), await waits(1), await waits(-1)];
        expect(await books.unapprovedForLong()).toStrictEqual([tired]);
        await locked(books, tired, (tx) => tx.moveRestore(tired, { from: 'awaiting-approval', epoch: 2 }, 'running'));
        expect(await books.unapprovedForLong()).toStrictEqual([]);
        expect((await books.restore(id))?.state).toBe('running');
      }));

    test('name for how long what is kept of a replaced machine is kept, from the end on, until somebody throws it away', () =>
      withRestore(async (books, id) => {
        const { state: from, epoch } = (await books.restore(id))!;
        await locked(books, id, (tx) => tx.cutOver(id));
        expect(await books.keptFor(0)).toStrictEqual([]);
        await locked(books, id, (tx) => tx.moveRestore(id, { from, epoch }, 'completed'));
        expect(await books.keptFor(0)).toStrictEqual([id]);
        expect(await books.keptFor(3_600)).toStrictEqual([]);
        await locked(books, id, (tx) => tx.openWorks(id, [{ direction: 'after', round: 0, id: 'purge' }]));
        expect(await books.keptFor(0)).toStrictEqual([]);
        const other = newRestoreId();
        await books.transaction((tx) =>
          tx.createRestore({ id: other, request: aRestoreRequest(), requestedBy: 'olivia' }),
        );
        await locked(books, other, async (tx) => {
          await tx.storePlan(other, aRestorePlan());
          await tx.moveRestore(other, { from: 'planning', epoch: 0 }, 'running');
          await tx.moveRestore(other, { from: 'running', epoch: 1 }, 'completed');
        });
        assert.deepEqual(await books.keptFor(0), [], 'one that has replaced nothing');
      }));

    test('let no two restores replace the same VM that have not ended', () =>
      withRestore(async (books) => {
        const source = {
          ...{ azureId: '/VMs/Web', instanceId: 'one', powerState: 'running' },
          ...{ disks: [], nicIds: [], addressIds: [] },
        };
        const asked = async (): Promise<string> => {
          const id = newRestoreId();
          await books.transaction((tx) => tx.createRestore({ id, request: aRestoreRequest(), requestedBy: 'olivia' }));
          return id;
        };
        const planned = (id: string, azureId: string, problems?: RestorePlan['problems']) =>
          locked(books, id, (tx) =>
            tx.storePlan(id, { ...aRestorePlan(problems && { problems }), source: { ...source, azureId } }),
          );
        const [first, second, refused] = [await asked(), await asked(), await asked()];
        await planned(first, '/VMs/Web');
        await planned(first, '/VMs/Web');
        const contradiction = { severity: 'error', code: 'CONTRADICTION', message: 'm', fix: 'f' } as const;
        await planned(refused, '/vms/web', [contradiction]);
        expect(await books.replacing('/vms/WEB')).toStrictEqual([first]);
        await expect(planned(second, '/vms/web')).rejects.toThrow();
        await planned(second, '/vms/db');
        expect(await books.replacing('/vms/db')).toStrictEqual([second]);
        await locked(books, first, async (tx) => {
          await tx.moveRestore(first, { from: 'planning', epoch: 0 }, 'failed');
        });
        expect(await books.replacing('/vms/web')).toStrictEqual([]);
        await planned(second, '/vms/web');
        expect(await books.replacing('/vms/web')).toStrictEqual([second]);
      }));

    test('keep when a restore has cut over, whatever is asked for later', () =>
      withRestore(async (books, id) => {
        const at = await locked(books, id, (tx) => tx.cutOver(id));
        expect((await books.restore(id))?.cutOverAt).toStrictEqual(at);
        expect(await locked(books, id, (tx) => tx.cutOver(id))).toStrictEqual(at);
        expect(await locked(books, id, async (tx) => (await tx.lockRestore(id))?.cutOverAt)).toStrictEqual(at);
        await expect(books.transaction((tx) => tx.lockRestore('r').then(() => tx.cutOver('r')))).rejects.toThrow();
      }));

    test('let none cut over that is not carried out', () =>
      withRestore(async (books, id) => {
        for (const [from, to] of [
          ['running', 'awaiting-approval'],
          ['awaiting-approval', 'cancelling'],
          ['cancelling', 'cancelled'],
        ] as const) {
          await move(books, id, from, to);
          await assert.rejects(
            locked(books, id, (tx) => tx.cutOver(id)),
            to,
          );
        }
        expect((await books.restore(id))?.cutOverAt).toBe(null);
      }));

    test('let no run cut over that asks while the restore is being turned round', () =>
      withRestore(async (books, id, waiting) => {
        const work = 'remove-source';
        await locked(books, id, async (tx) => {
          const guard = { from: 'pending', epoch: 0 } as const;
          await tx.moveWork(id, stepKey(work), guard, 'running', { epoch: 1 });
        });
        const [turned, hasTurned] = signal();
        const [asked, commit] = signal();
        const turning = locked(books, id, async (tx) => {
          const turn = { round: 1, purpose: 'failure', cause: null } as const;
          await tx.moveRestore(id, { from: 'running', epoch: 1 }, 'rolling-back', { turn });
          hasTurned();
          await asked;
        });
        await turned;
        const passing = books.transaction(async (tx) => {
          await tx.requireCurrent({ restoreId: id, work, epoch: 1 });
          await tx.cutOver(id);
        });
        const refused = expect(passing).rejects.toMatchObject({ code: 'STEP_SUPERSEDED' });
        await waiting().finally(commit);
        await Promise.all([turning, refused]);
        expect((await books.restore(id))?.cutOverAt).toBe(null);
      }));

    test('let one that has cut over be completed or rolled back, and nothing else', () =>
      withRestore(async (books, id) => {
        await locked(books, id, (tx) => tx.cutOver(id));
        const refused = async (from: RestoreState, ...states: readonly RestoreState[]): Promise<void> => {
          for (const to of states) await assert.rejects(move(books, id, from, to), `${from} to ${to}`);
          expect((await books.restore(id))?.state).toBe(from);
        };
        await refused('running', 'cancelling', 'awaiting-approval');
        await move(books, id, 'running', 'needs-attention');
        await refused('needs-attention', 'cancelling', 'planning');
        await move(books, id, 'needs-attention', 'running');
        await move(books, id, 'running', 'completed');
        await move(books, id, 'completed', 'rolling-back');
        await refused('rolling-back', 'failed');
        await move(books, id, 'rolling-back', 'rolled-back');
        const { state, cutOverAt, endedAt } = (await books.restore(id))!;
        expect([state, cutOverAt !== null, endedAt !== null]).toStrictEqual(['rolled-back', true, true]);
      }));
  });
}

/** In a transaction that has locked the restore. */
function locked<T>(books: RestoreBooks, id: string, work: (tx: RestoreTransaction) => Promise<T>): Promise<T> {
  return books.transaction(async (tx) => {
    await tx.lockRestore(id);
    return work(tx);
  });
}

async function move(books: RestoreBooks, id: string, from: RestoreState, to: RestoreState): Promise<void> {
  const moved = await locked(books, id, async (tx) => {
    const { epoch = 0, turn = null } = (await tx.lockRestore(id)) ?? {};
    const turned = { round: (turn?.round ?? 0) + 1, purpose: 'roll-back', cause: null } as const;
    const turns = to === 'cancelling' || to === 'rolling-back';
    return tx.moveRestore(id, { from, epoch }, to, turns ? { turn: turned } : {});
  });
  assert.ok(moved, `from ${from} to ${to}`);
}

/** Asked for by olivia. */
