import { describe, expect, test } from '@jest/globals';
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
        expect(won.length).toBe(1);
        expect(await leases.lease('a')).toStrictEqual({ ...won[0], name: 'a', epoch: 1, state: 'held' });
        expect(await leases.lease('b')).toBe(null);
      }));

    test('are not given a second time while they are held, to their holder neither', () =>
      withLeases(async (leases) => {
        await leases.claim('a', 'one', LONG);
        expect(await leases.claim('a', 'one', LONG)).toBe(null);
        expect(await leases.claim('a', 'two', LONG)).toBe(null);
        expect((await leases.claim('b', 'two', LONG))?.epoch).toBe(1);
      }));

    test('can be claimed under a higher epoch once they ran out, and are lost to the holder before', () =>
      withLeases(async (leases) => {
        await leases.claim('a', 'one', NO_TIME);
        expect((await leases.lease('a'))?.state).toBe('expired');
        expect(await leases.renew('a', 'one', LONG)).toBe(false);
        expect((await leases.claim('a', 'two', LONG))?.epoch).toBe(2);
        expect(await leases.renew('a', 'one', LONG)).toBe(false);
        expect(await leases.release('a', 'one')).toBe(false);
        expect(await leases.lease('a')).toStrictEqual({ name: 'a', holder: 'two', epoch: 2, state: 'held' });
      }));

    test('are prolonged by their holder while they are held', () =>
      withLeases(async (leases) => {
        await leases.claim('a', 'one', LONG);
        expect(await leases.renew('a', 'two', LONG)).toBe(false);
        expect(await leases.renew('a', 'one', NO_TIME)).toBe(true);
        expect((await leases.lease('a'))?.state).toBe('expired');
      }));

    test('are free at once when they are released, and can’t be renewed any more', () =>
      withLeases(async (leases) => {
        await leases.claim('a', 'one', LONG);
        expect(await leases.release('a', 'two')).toBe(false);
        expect(await leases.release('a', 'one')).toBe(true);
        expect((await leases.lease('a'))?.state).toBe('released');
        expect(await leases.renew('a', 'one', LONG)).toBe(false);
        expect((await leases.claim('a', 'two', LONG))?.epoch).toBe(2);
      }));

    test('go over to who knows that the holder is gone', () =>
      withLeases(async (leases) => {
        expect((await leases.takeOver('a', 'one', LONG)).epoch).toBe(1);
        expect((await leases.takeOver('a', 'two', LONG)).epoch).toBe(2);
        expect(await leases.renew('a', 'one', LONG)).toBe(false);
        expect(await leases.renew('a', 'two', LONG)).toBe(true);
      }));
  });
}
