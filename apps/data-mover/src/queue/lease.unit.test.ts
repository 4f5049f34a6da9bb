import { describe, expect, it } from '@jest/globals';
import { Lease } from './lease.js';

describe('the lease on a segment', () => {
  it('is held until its margin before the end, counted from the latest renewal', () => {
    let now = 0;
    const lease = new Lease(15_000, 3_000, () => now);
    now = 11_999;
    lease.assertHeld();
    lease.renewed();
    now += 11_999;
    lease.assertHeld();
    now += 1;
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
  });

  it('is lost to a process that was stopped for longer than it lasts', () => {
    let now = 0;
    const lease = new Lease(15_000, 3_000, () => now);
    now = 60_000;
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'LEASE_LOST', kind: 'retryable' }));
  });
});
