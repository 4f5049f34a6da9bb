import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { faultsOf } from './reading.js';
import { RESTORE } from './restores.js';

const [restore] = z.globalRegistry.get(RESTORE)!.examples as [z.infer<typeof RESTORE>];

describe('reading an answer', () => {
  it('takes what the schema describes', () => expect(faultsOf(RESTORE, restore)).toStrictEqual([]));

  it('minds no field that a newer API has, at any depth', () => {
    const newer = { ...restore, outage: 7, steps: [{ ...restore.steps[0], direction: 'forward' }] };
    expect(faultsOf(RESTORE, newer)).toStrictEqual([]);
  });

  it('minds no state, step or code that a newer API has', () => {
    const problem = { severity: 'warning', code: 'GUEST_DIRTY', message: 'm', fix: 'f' };
    const step = { ...restore.steps[0], id: 'swap-disks', state: 'parked' };
    expect(faultsOf(RESTORE, { ...restore, state: 'dreaming', steps: [step], problems: [problem] })).toStrictEqual([]);
  });

  for (const [what, change, field] of [
    ['a field that is missing', { id: undefined }, /^id: /],
    ['a number for a text', { id: 7 }, /^id: /],
    ['a number for a word of a list', { state: 7 }, /^state: /],
    ['no word of a list', { state: undefined }, /^state: /],
    ['a text for a list', { steps: 'none' }, /^steps: /],
    ['a fault deeper down', { vm: { azureId: null } }, /^vm\.azureId: /],
    ['a time that is none', { createdAt: 'yesterday' }, /^createdAt: /],
  ] as const) {
    it(`minds ${what}, and names it`, () => {
      const faults = faultsOf(RESTORE, { ...restore, ...change });
      expect(faults.length).toBe(1);
      expect(faults[0]!).toMatch(field);
    });
  }

  it('minds an answer that is no object at all', () => {
    for (const body of [null, 'text', [], 7]) expect(faultsOf(RESTORE, body).length).toBe(1);
  });
});
