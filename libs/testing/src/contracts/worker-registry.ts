import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
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
      expect(
        await registry.enter({ id: 'w-1', restoreId, azureId: '/vms/w-1', disks: ['sda', 'sdb'], ...bootstrap }),
      ).toBe(true);
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
        expect(await registry.worker('w-1')).toStrictEqual(expected);
        expect(await registry.workers({ restoreId })).toStrictEqual([expected]);
        expect(await registry.workers({ restoreId: 'r-other' })).toStrictEqual([]);
        expect(await registry.worker('w-2')).toBe(null);
      }));

    test('exchanges a bootstrap token once', () =>
      withWorker(async (registry) => {
        expect(await registry.redeemBootstrap('w-1', 'wrong', session())).toBe(null);
        expect(await registry.redeemBootstrap('w-2', 'boot', session())).toBe(null);
        const attempts = await Promise.all(
          ['a', 'b', 'c'].map((token) => registry.redeemBootstrap('w-1', 'boot', session(token))),
        );
        expect(attempts.map((worker) => worker?.state).filter(Boolean)).toStrictEqual(['ready']);
        expect(await registry.redeemBootstrap('w-1', 'boot', session())).toBe(null);
      }));

    test('gives the same exchange the same answer again, as long as the bootstrap token is valid', () =>
      withWorker(async (registry) => {
        expect(await registry.redeemBootstrap('w-1', 'boot', session('mine'))).toBeTruthy();
        expect((await registry.redeemBootstrap('w-1', 'boot', session('mine')))?.state).toBe('ready');
        expect(await registry.redeemBootstrap('w-1', 'boot', session('theirs'))).toBe(null);
        expect((await registry.bySession('mine'))?.id).toBe('w-1');
        await registry.retire('w-1');
        expect(await registry.redeemBootstrap('w-1', 'boot', session('mine'))).toBe(null);
      }));

    for (const taken of ['boot', 'boot-2', 'boot-3']) {
      test(`lets a worker in with any of its bootstrap tokens, and then with no other: ${taken}`, () =>
        withWorker(async (registry, restoreId) => {
          expect(await enterAgain(registry, restoreId, 'boot-2')).toBe(true);
          expect(await enterAgain(registry, restoreId, 'boot-3')).toBe(true);
          expect((await registry.redeemBootstrap('w-1', taken, session()))?.id).toBe('w-1');
          for (const other of ['boot', 'boot-2', 'boot-3']) {
            expect(await registry.redeemBootstrap('w-1', other, session('another'))).toBe(null);
          }
        }));
    }

    test('counts the time of all bootstrap tokens from the last', () =>
      withWorker(async (registry, restoreId) => {
        expect(await enterAgain(registry, restoreId, 'boot-2', PAST)).toBe(true);
        expect(await registry.redeemBootstrap('w-1', 'boot', session())).toBe(null);
        expect(await registry.redeemBootstrap('w-1', 'boot-2', session())).toBe(null);
        expect(await enterAgain(registry, restoreId, 'boot-3')).toBe(true);
        expect(await registry.redeemBootstrap('w-1', 'boot-2', session())).toBeTruthy();
      }));

    test('gives no more bootstrap tokens to a worker that was let in, that is retired, or that is another restore’s', () =>
      withWorker(async (registry, restoreId) => {
        expect(await enterAgain(registry, 'r-other', 'stolen')).toBe(false);
        expect(await registry.redeemBootstrap('w-1', 'stolen', session())).toBe(null);
        await registry.redeemBootstrap('w-1', 'boot', session());
        const before = await registry.worker('w-1');
        expect(await enterAgain(registry, restoreId, 'late')).toBe(false);
        expect(await registry.worker('w-1')).toStrictEqual(before);
        expect(await registry.redeemBootstrap('w-1', 'late', session())).toBe(null);
        await registry.retire('w-1');
        expect(await enterAgain(registry, restoreId, 'later')).toBe(false);
        expect(await registry.redeemBootstrap('w-1', 'later', session())).toBe(null);
      }));

    test('keeps every bootstrap token of several that are given at once', () =>
      withWorker(async (registry, restoreId) => {
        const tokens = ['a', 'b', 'c', 'd'];
        expect((await Promise.all(tokens.map((token) => enterAgain(registry, restoreId, token)))).every(Boolean)).toBe(
          true,
        );
        for (const token of ['boot', ...tokens]) {
          assert.equal((await registry.redeemBootstrap('w-1', token, session()))?.id, 'w-1', token);
        }
      }));

    test('knows a worker by its session until that expires', () =>
      withWorker(async (registry) => {
        await registry.redeemBootstrap('w-1', 'boot', session());
        expect((await registry.bySession('session'))?.id).toBe('w-1');
        expect(await registry.bySession('wrong')).toBe(null);
        expect(await registry.renewSession('wrong', SOON)).toBe(false);
        expect(await registry.renewSession('session', PAST)).toBe(true);
        expect(await registry.bySession('session')).toBe(null);
        expect(await registry.renewSession('session', SOON)).toBe(false);
      }));

    test('knows a worker by a session that has ended, where it is asked for any', () =>
      withWorker(async (registry) => {
        expect(await registry.byAnySession('session')).toBe(null);
        await registry.redeemBootstrap('w-1', 'boot', session());
        expect((await registry.byAnySession('session'))?.state).toBe('ready');
        await registry.renewSession('session', PAST);
        expect((await registry.byAnySession('session'))?.state).toBe('ready');
        await registry.retire('w-1');
        await registry.retire('w-1');
        expect(await registry.bySession('session')).toBe(null);
        expect((await registry.byAnySession('session'))?.state).toBe('retired');
        expect(await registry.byAnySession('wrong')).toBe(null);
      }));

    test('remembers the latest heartbeat of each data-mover', () =>
      withWorker(async (registry) => {
        await registry.heartbeat('w-1', { name: 'w-1-2', pid: 20 });
        await registry.heartbeat('w-1', { name: 'w-1-1', pid: 10 });
        await registry.heartbeat('w-1', { name: 'w-1-1', pid: 11 });
        await registry.heartbeat('w-unknown', { name: 'x', pid: 1 });
        const movers = (await registry.worker('w-1'))?.movers;
        expect(movers?.map((mover) => [mover.name, mover.pid])).toStrictEqual([
          ['w-1-1', 11],
          ['w-1-2', 20],
        ]);
        expect(movers?.every((mover) => Math.abs(mover.seenAt.getTime() - Date.now()) < 60_000)).toBe(true);
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
        expect(await registry.retire('w-1', before?.entered)).toBe(false);
        const present = await registry.worker('w-1');
        expect([present?.state, present?.entered]).toStrictEqual(['launching', 2]);
        await registry.redeemBootstrap('w-1', 'boot-2', session());
        expect(await registry.retire('w-1', before?.entered)).toBe(false);
        expect((await registry.bySession('session'))?.id).toBe('w-1');
        for (let time = 0; time < 2; time += 1) expect(await registry.retire('w-1', 2)).toBe(true);
        expect((await registry.worker('w-1'))?.state).toBe('retired');
        expect(await registry.retire('w-unknown')).toBe(false);
      }));

    test('voids all tokens of a retired worker', () =>
      withWorker(async (registry) => {
        await registry.redeemBootstrap('w-1', 'boot', session());
        await registry.retire('w-1');
        await registry.retire('w-1');
        expect(await registry.bySession('session')).toBe(null);
        expect((await registry.worker('w-1'))?.state).toBe('retired');
        expect(await registry.workers({ active: true })).toStrictEqual([]);
        expect((await registry.workers({ active: false })).length).toBe(1);
      }));
  });
}
