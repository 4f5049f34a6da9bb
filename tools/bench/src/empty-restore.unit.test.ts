import { describe, expect, it } from '@jest/globals';
import { reportOf, timesOf } from './empty-restore.js';

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000).toISOString();
const step = (id: string, from: number | null, to: number | null) => ({
  id,
  startedAt: from === null ? null : at(from),
  endedAt: to === null ? null : at(to),
});

describe('the times of an empty restore', () => {
  it('are those of the books, of the steps that ran', () => {
    const steps = [step('plan', 0.1, 0.4), step('retrieve-archived-data', null, null), step('create-vm', 1, 1.25)];
    const times = timesOf({ state: 'completed', createdAt: at(0), endedAt: at(1.5), steps, disks: [], error: null });
    expect(times).toStrictEqual({ seconds: 1.5, steps: { plan: 0.3, 'create-vm': 0.25 } });
  });
});

describe('the report of empty restores', () => {
  const took = (seconds: number, plan: number) => ({ seconds, steps: { plan } });

  it('tells the medians of all and of each step, what lies between the steps, and whether it is quick enough', () => {
    const { data, table } = reportOf([took(2, 0.25), took(9, 3), took(1, 0.125)]);
    expect(data).toMatchObject({ medianSeconds: 2, steps: { plan: 0.25 }, holds: true });
    expect(table).toMatch(/^plan +0\.25$/m);
    expect(table).toMatch(/^between them +1\.75$/m);
    expect(table).toMatch(/takes 2\.00 s \(median of 3\): not more than 2\./);
  });

  it('says when it is not, however near', () => {
    expect(reportOf([took(2.001, 1)]).data['holds']).toBe(false);
  });
});
