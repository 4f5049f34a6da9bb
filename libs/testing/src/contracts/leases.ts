import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Leases } from '@landfall/domain';

export interface LeasesUnderTest {
  readonly leases: Leases;
  dispose(): Promise<void>;
}

const LONG = 600;
/** Has run out as it is given. */
const NO_TIME = -1;

/** Registers the tests that all leases have to pass; `name` heads them. */
export function leasesContract(name: string, make: () => Promise<LeasesUnderTest>): void {
  const withLeases = async (use: (leases: Leases) => Promise<void>) => {
    const made = await make();
    try {
      await use(made.leases);
    } finally {
      await made.dispose();
    }
  };

  describe(`${name} as Leases`, () => {
    test('go to one of many who claim at once', () =>
      withLeases(async (leases) => {
        const claims = await Promise.all(Array.from({ length: 8 }, (_, n) => leases.claim('a', `h-${n}`, LONG)));
        const won = claims.filter((lease) => lease !== null);
        assert.equal(won.length, 1);
        assert.deepEqual(await leases.lease('a'), { ...won[0], name: 'a', epoch: 1, state: 'held' });
        assert.equal(await leases.lease('b'), null);
      }));

    test('are not given a second time while they are held, to their holder neither', () =>
      withLeases(async (leases) => {
        await leases.claim('a', 'one', LONG);
        assert.equal(await leases.claim('a', 'one', LONG), null);
        assert.equal(await leases.claim('a', 'two', LONG), null);
        assert.equal((await leases.claim('b', 'two', LONG))?.epoch, 1);
      }));

    test('can be claimed under a higher epoch once they ran out, and are lost to the holder before', () =>
      withLeases(async (leases) => {
        await leases.claim('a', 'one', NO_TIME);
        assert.equal((await leases.lease('a'))?.state, 'expired');
        assert.equal(await leases.renew('a', 'one', LONG), false);
        assert.equal((await leases.claim('a', 'two', LONG))?.epoch, 2);
        assert.equal(await leases.renew('a', 'one', LONG), false);
        assert.equal(await leases.release('a', 'one'), false);
        assert.deepEqual(await leases.lease('a'), { name: 'a', holder: 'two', epoch: 2, state: 'held' });
      }));

    test('are prolonged by their holder while they are held', () =>
      withLeases(async (leases) => {
        await leases.claim('a', 'one', LONG);
        assert.equal(await leases.renew('a', 'two', LONG), false);
        assert.equal(await leases.renew('a', 'one', NO_TIME), true);
        assert.equal((await leases.lease('a'))?.state, 'expired');
      }));

    test('are free at once when they are released, and can’t be renewed any more', () =>
      withLeases(async (leases) => {
        await leases.claim('a', 'one', LONG);
        assert.equal(await leases.release('a', 'two'), false);
        assert.equal(await leases.release('a', 'one'), true);
        assert.equal((await leases.lease('a'))?.state, 'released');
        assert.equal(await leases.renew('a', 'one', LONG), false);
        assert.equal((await leases.claim('a', 'two', LONG))?.epoch, 2);
      }));

    test('go over to who knows that the holder is gone', () =>
      withLeases(async (leases) => {
        assert.equal((await leases.takeOver('a', 'one', LONG)).epoch, 1);
        assert.equal((await leases.takeOver('a', 'two', LONG)).epoch, 2);
        assert.equal(await leases.renew('a', 'one', LONG), false);
        assert.equal(await leases.renew('a', 'two', LONG), true);
      }));
  });
}
