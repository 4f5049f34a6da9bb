import { describe, expect, it } from '@jest/globals';
import { PutOffJobs } from './put-off-jobs.js';

describe('jobs that are put off', () => {
  const at = { ms: 0 };
  const jobs = (): PutOffJobs => {
    at.ms = 0;
    return new PutOffJobs(() => at.ms);
  };

  it('are overdue once they have been seen to wait far longer than they were to, whatever the wall clock says', () => {
    const seen = jobs();
    const putOff = { until: 'tomorrow', delayMs: 5_000 };
    expect(seen.isOverdue('r-1-plan-2', putOff)).toBe(false);
    at.ms = 34_000;
    expect(seen.isOverdue('r-1-plan-2', putOff)).toBe(false);
    at.ms = 36_000;
    expect(seen.isOverdue('r-1-plan-2', putOff)).toBe(true);
  });

  it('are given their time again when they are put off anew', () => {
    const seen = jobs();
    seen.isOverdue('r-1-plan-2', { until: 'noon', delayMs: 5_000 });
    at.ms = 60_000;
    expect(seen.isOverdue('r-1-plan-2', { until: 'one', delayMs: 5_000 })).toBe(false);
    at.ms = 90_000;
    expect(seen.isOverdue('r-1-plan-2', { until: 'one', delayMs: 5_000 })).toBe(false);
  });

  it('are counted each for itself, from when it was first looked at', () => {
    const seen = jobs();
    seen.isOverdue('first', { until: 'noon', delayMs: 0 });
    at.ms = 40_000;
    expect(seen.isOverdue('second', { until: 'noon', delayMs: 0 })).toBe(false);
    expect(seen.isOverdue('first', { until: 'noon', delayMs: 0 })).toBe(true);
  });
});
