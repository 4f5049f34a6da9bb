import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WorkerRegistry } from '@landfall/domain';

export interface WorkerRegistryUnderTest {
  readonly registry: WorkerRegistry;
  /** Of a restore that exists. */
  readonly restoreId: string;
  /** Lets so much time pass on its clock, as far as what was written before is concerned. */
  pass(milliseconds: number): Promise<void>;
  dispose(): Promise<void>;
}

const SOON = 600;
const HOUR_MS = 3_600_000;
const PAST = -1;

/** Registers the tests that every WorkerRegistry has to pass; `name` heads them. */
export function workerRegistryContract(name: string, make: () => Promise<WorkerRegistryUnderTest>): void {
  const withWorker = async (
    use: (registry: WorkerRegistry, restoreId: string, pass: (milliseconds: number) => Promise<void>) => Promise<void>,
  ) => {
    const made = await make();
    try {
      const { registry, restoreId } = made;
      const bootstrap = { bootstrapTokenHash: 'boot', bootstrapSeconds: SOON };
      assert.ok(
        await registry.enter({ id: 'w-1', restoreId, azureId: '/vms/w-1', disks: ['sda', 'sdb'], ...bootstrap }),
      );
      await use(registry, restoreId, (milliseconds) => made.pass(milliseconds));
    } finally {
      await made.dispose();
    }
  };
  const enterAgain = (registry: WorkerRegistry, restoreId: string, bootstrapTokenHash: string, seconds = SOON) =>
    registry.enter({
      ...{ id: 'w-1', restoreId, azureId: '/vms/w-1', disks: ['sda', 'sdb'] },
      ...{ bootstrapTokenHash, bootstrapSeconds: seconds },
    });
  const session = (tokenHash = 'session') => ({ tokenHash, validSeconds: SOON });

  describe(`${name} as a WorkerRegistry`, () => {
    test('keeps a worker with its disks in the order of their LUNs', () =>
      withWorker(async (registry, restoreId) => {
        const expected = {
          id: 'w-1',
          restoreId,
          azureId: '/vms/w-1',
          disks: ['sda', 'sdb'],
          state: 'launching',
          entered: 1,
          movers: [],
        };
        assert.deepEqual(await registry.worker('w-1'), expected);
        assert.deepEqual(await registry.workers({ restoreId }), [expected]);
        assert.deepEqual(await registry.workers({ restoreId: 'r-other' }), []);
        assert.equal(await registry.worker('w-2'), null);
      }));

    test('exchanges a bootstrap token once', () =>
      withWorker(async (registry) => {
        assert.equal(await registry.redeemBootstrap('w-1', 'wrong', session()), null);
        assert.equal(await registry.redeemBootstrap('w-2', 'boot', session()), null);
        const attempts = await Promise.all(
          ['a', 'b', 'c'].map((token) => registry.redeemBootstrap('w-1', 'boot', session(token))),
        );
        assert.deepEqual(attempts.map((worker) => worker?.state).filter(Boolean), ['ready']);
        assert.equal(await registry.redeemBootstrap('w-1', 'boot', session()), null);
      }));

    test('gives the same exchange the same answer again, as long as the bootstrap token is valid', () =>
      withWorker(async (registry) => {
        assert.ok(await registry.redeemBootstrap('w-1', 'boot', session('mine')));
        assert.equal((await registry.redeemBootstrap('w-1', 'boot', session('mine')))?.state, 'ready');
        assert.equal(await registry.redeemBootstrap('w-1', 'boot', session('theirs')), null);
        assert.equal((await registry.bySession('mine'))?.id, 'w-1');
        await registry.retire('w-1');
        assert.equal(await registry.redeemBootstrap('w-1', 'boot', session('mine')), null);
      }));

    for (const taken of ['boot', 'boot-2', 'boot-3']) {
      test(`lets a worker in with any of its bootstrap tokens, and then with no other: ${taken}`, () =>
        withWorker(async (registry, restoreId) => {
          assert.equal(await enterAgain(registry, restoreId, 'boot-2'), true);
          assert.equal(await enterAgain(registry, restoreId, 'boot-3'), true);
          assert.equal((await registry.redeemBootstrap('w-1', taken, session()))?.id, 'w-1');
          for (const other of ['boot', 'boot-2', 'boot-3']) {
            assert.equal(await registry.redeemBootstrap('w-1', other, session('another')), null);
          }
        }));
    }

    test('counts the time of all bootstrap tokens from the last', () =>
      withWorker(async (registry, restoreId) => {
        assert.equal(await enterAgain(registry, restoreId, 'boot-2', PAST), true);
        assert.equal(await registry.redeemBootstrap('w-1', 'boot', session()), null);
        assert.equal(await registry.redeemBootstrap('w-1', 'boot-2', session()), null);
        assert.equal(await enterAgain(registry, restoreId, 'boot-3'), true);
        assert.ok(await registry.redeemBootstrap('w-1', 'boot-2', session()));
      }));

    test('gives no more bootstrap tokens to a worker that was let in, that is retired, or that is another restore’s', () =>
      withWorker(async (registry, restoreId) => {
        assert.equal(await enterAgain(registry, 'r-other', 'stolen'), false);
        assert.equal(await registry.redeemBootstrap('w-1', 'stolen', session()), null);
        await registry.redeemBootstrap('w-1', 'boot', session());
        const before = await registry.worker('w-1');
        assert.equal(await enterAgain(registry, restoreId, 'late'), false);
        assert.deepEqual(await registry.worker('w-1'), before);
        assert.equal(await registry.redeemBootstrap('w-1', 'late', session()), null);
        await registry.retire('w-1');
        assert.equal(await enterAgain(registry, restoreId, 'later'), false);
        assert.equal(await registry.redeemBootstrap('w-1', 'later', session()), null);
      }));

    test('keeps every bootstrap token of several that are given at once', () =>
      withWorker(async (registry, restoreId) => {
        const tokens = ['a', 'b', 'c', 'd'];
        assert.ok((await Promise.all(tokens.map((token) => enterAgain(registry, restoreId, token)))).every(Boolean));
        for (const token of ['boot', ...tokens]) {
          assert.equal((await registry.redeemBootstrap('w-1', token, session()))?.id, 'w-1', token);
        }
      }));

    test('knows a worker by its session until that expires', () =>
      withWorker(async (registry) => {
        await registry.redeemBootstrap('w-1', 'boot', session());
        assert.equal((await registry.bySession('session'))?.id, 'w-1');
        assert.equal(await registry.bySession('wrong'), null);
        assert.equal(await registry.renewSession('wrong', SOON), false);
        assert.equal(await registry.renewSession('session', PAST), true);
        assert.equal(await registry.bySession('session'), null);
        assert.equal(await registry.renewSession('session', SOON), false);
      }));

    test('knows a worker by a session that has ended, where it is asked for any', () =>
      withWorker(async (registry) => {
        assert.equal(await registry.byAnySession('session'), null);
        await registry.redeemBootstrap('w-1', 'boot', session());
        assert.equal((await registry.byAnySession('session'))?.state, 'ready');
        await registry.renewSession('session', PAST);
        assert.equal((await registry.byAnySession('session'))?.state, 'ready');
        await registry.retire('w-1');
        await registry.retire('w-1');
        assert.equal(await registry.bySession('session'), null);
        assert.equal((await registry.byAnySession('session'))?.state, 'retired');
        assert.equal(await registry.byAnySession('wrong'), null);
      }));

    test('remembers the latest heartbeat of each data-mover', () =>
      withWorker(async (registry) => {
        await registry.heartbeat('w-1', { name: 'w-1-2', pid: 20 });
        await registry.heartbeat('w-1', { name: 'w-1-1', pid: 10 });
        await registry.heartbeat('w-1', { name: 'w-1-1', pid: 11 });
        await registry.heartbeat('w-unknown', { name: 'x', pid: 1 });
        const movers = (await registry.worker('w-1'))?.movers;
        assert.deepEqual(
          movers?.map((mover) => [mover.name, mover.pid]),
          [
            ['w-1-1', 11],
            ['w-1-2', 20],
          ],
        );
        assert.ok(movers?.every((mover) => Math.abs(mover.seenAt.getTime() - Date.now()) < 60_000));
      }));

    test('tells for how long each data-mover has been silent, by its own clock', () =>
      withWorker(async (registry, _restoreId, pass) => {
        await registry.heartbeat('w-1', { name: 'w-1-1', pid: 10 });
        await registry.heartbeat('w-1', { name: 'w-1-2', pid: 20 });
        await pass(HOUR_MS);
        await registry.heartbeat('w-1', { name: 'w-1-2', pid: 20 });
        const [first, second] = (await registry.worker('w-1'))?.movers ?? [];
        assert.ok(first && second);
        assert.ok(first.silentMs >= HOUR_MS && first.silentMs < 2 * HOUR_MS, `${first.silentMs}`);
        assert.ok(second.silentMs >= 0 && second.silentMs < HOUR_MS, `${second.silentMs}`);
      }));

    test('retires a worker for whoever knows it as it is, and not for one that knows it from before it was entered again', () =>
      withWorker(async (registry, restoreId) => {
        const before = await registry.worker('w-1');
        await enterAgain(registry, restoreId, 'boot-2');
        assert.equal(await registry.retire('w-1', before?.entered), false);
        const present = await registry.worker('w-1');
        assert.deepEqual([present?.state, present?.entered], ['launching', 2]);
        await registry.redeemBootstrap('w-1', 'boot-2', session());
        assert.equal(await registry.retire('w-1', before?.entered), false);
        assert.equal((await registry.bySession('session'))?.id, 'w-1');
        for (let time = 0; time < 2; time += 1) assert.equal(await registry.retire('w-1', 2), true);
        assert.equal((await registry.worker('w-1'))?.state, 'retired');
        assert.equal(await registry.retire('w-unknown'), false);
      }));

    test('voids all tokens of a retired worker', () =>
      withWorker(async (registry) => {
        await registry.redeemBootstrap('w-1', 'boot', session());
        await registry.retire('w-1');
        await registry.retire('w-1');
        assert.equal(await registry.bySession('session'), null);
        assert.equal((await registry.worker('w-1'))?.state, 'retired');
        assert.deepEqual(await registry.workers({ active: true }), []);
        assert.equal((await registry.workers({ active: false })).length, 1);
      }));
  });
}
