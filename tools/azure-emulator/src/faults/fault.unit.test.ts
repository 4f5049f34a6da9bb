import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { FAULT, fits, matches, strikes, type Fault, type FaultWish } from './fault.js';
import { requestNames } from './operation-names.js';

const fault = (wish: FaultWish): Fault => ({
  ...FAULT.parse(wish),
  id: 'f',
  matched: 0,
  fired: 0,
  createdAt: '',
  lastFiredAt: null,
});

describe('a pattern', () => {
  it('stands for itself, with * for any text, whatever the case', () => {
    const cases: readonly [string, string, boolean][] = [
      ['*', '', true],
      ['Disks_Get', 'disks_get', true],
      ['Disks_*', 'Disks_CreateOrUpdate', true],
      ['*_Delete', 'NetworkInterfaces_Delete', true],
      ['*s_*Get', 'Disks_Get', true],
      ['Disks', 'Disks_Get', false],
      ['*_Get', 'Disks_GetX', false],
      ['aba*aba', 'aba', false],
      ['a*b*a', 'aba', true],
      ['a*b*b', 'ab', false],
      ['a.c', 'abc', false],
    ];
    for (const [pattern, text, expected] of cases) assert.equal(matches(pattern, text), expected, `${pattern} ${text}`);
  });

  it('matches what a regular expression of the same meaning matches, for all short patterns and texts', () => {
    const words = (letters: readonly string[], longest: number): readonly string[] => {
      const all = [''];
      for (let from = 0; from < all.length && (all[from] ?? '').length < longest; from++) {
        for (const letter of letters) all.push(`${all[from]}${letter}`);
      }
      return all;
    };
    const texts = words(['a', 'b'], 5);
    for (const pattern of words(['a', 'b', '*'], 5)) {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      const wrong = texts.filter((text) => matches(pattern, text) !== expression.test(text));
      assert.deepEqual(wrong, [], pattern);
    }
  });
});

describe('a fault', () => {
  const disk = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks/web-os';

  it('fits what has its name, its resource, its size and its zone', () => {
    const target = { operations: requestNames('Disks_Get'), resources: [disk], size: 'Standard_F2s_v2', zones: ['1'] };
    const cases: readonly [Partial<FaultWish>, boolean][] = [
      [{}, true],
      [{ operation: 'disks.get' }, true],
      [{ operation: 'disks.create' }, false],
      [{ resource: 'web-*' }, true],
      [{ resource: 'db-*' }, false],
      [{ resource: '*/resourceGroups/RG/*' }, true],
      [{ resource: '*/resourceGroups/other/*' }, false],
      [{ size: 'standard_f2s_v2', zone: '1' }, true],
      [{ size: 'Standard_F4s_v2' }, false],
      [{ zone: '2' }, false],
    ];
    for (const [wish, expected] of cases) {
      assert.equal(fits(fault({ kind: 'error', ...wish }), target), expected, JSON.stringify(wish));
    }
    expect(fits(fault({ kind: 'error', size: 'Standard_F2s_v2' }), { operations: ['x'], resources: [disk] })).toBe(
      false,
    );
  });

  it('strikes once unless it is told otherwise, the first times, the nth time only, or always', () => {
    const struck = (wish: Partial<FaultWish>): number[] =>
      [1, 2, 3, 4].filter((time) => strikes(fault({ kind: 'error', ...wish }).when, time));
    expect(struck({})).toStrictEqual([1]);
    expect(struck({ when: { times: 2 } })).toStrictEqual([1, 2]);
    expect(struck({ when: { nth: 3 } })).toStrictEqual([3]);
    expect(struck({ when: 'always' })).toStrictEqual([1, 2, 3, 4]);
  });
});
