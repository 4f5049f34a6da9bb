import { describe, expect, test } from '@jest/globals';
import type { KeptApplianceId } from '@landfall/domain';

export interface KeptApplianceIdUnderTest {
  /** Two ways to one record, as two services have them. */
  readonly ids: readonly [KeptApplianceId, KeptApplianceId];
  /** The one resource that was ever entered into the ledger is in this state. */
  ledgerLists(state: 'intended' | 'created' | 'removed'): Promise<void>;
  dispose(): Promise<void>;
}

/** Registers the tests that every record of the appliance's id has to pass; `name` heads them. */
export function keptApplianceIdContract(name: string, make: () => Promise<KeptApplianceIdUnderTest>): void {
  const withIds = async (
    use: (one: KeptApplianceId, other: KeptApplianceId, made: KeptApplianceIdUnderTest) => Promise<void>,
  ) => {
    const made = await make();
    try {
      await use(...made.ids, made);
    } finally {
      await made.dispose();
    }
  };

  describe(`${name} as KeptApplianceId`, () => {
    test('has none until one is kept, and never another one after that', () =>
      withIds(async (one, other) => {
        expect(await one.read()).toBe(null);
        expect(await one.keep('vm-1')).toBe('vm-1');
        expect(await other.read()).toBe('vm-1');
        expect(await other.keep('vm-2')).toBe('vm-1');
        expect(await one.read()).toBe('vm-1');
      }));

    test('gives all who keep one at once the same', () =>
      withIds(async (one, other) => {
        const answers = await Promise.all(
          Array.from({ length: 16 }, (_, n) => (n % 2 === 0 ? one : other).keep(`vm-${n}`)),
        );
        const kept = await one.read();
        expect(kept).toMatch(/^vm-\d+$/);
        expect(new Set(answers)).toStrictEqual(new Set([kept]));
        const looks = await Promise.all(Array.from({ length: 8 }, () => one.read()));
        expect(new Set(looks)).toStrictEqual(new Set([kept]));
      }));

    test('knows whether something was made that is not removed', () =>
      withIds(async (one, _other, { ledgerLists }) => {
        expect(await one.anythingMade()).toBe(false);
        for (const state of ['intended', 'created'] as const) {
          await ledgerLists(state);
          expect(await one.anythingMade()).toBe(true);
        }
        await ledgerLists('removed');
        expect(await one.anythingMade()).toBe(false);
      }));

    test('keeps no empty one', () =>
      withIds(async (one) => {
        await expect(one.keep('')).rejects.toThrow();
        expect(await one.read()).toBe(null);
      }));
  });
}
