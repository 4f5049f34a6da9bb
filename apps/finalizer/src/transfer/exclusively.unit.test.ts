import { beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { MemoryLeases } from '@landfall/testing';
import { exclusivelyBy } from './exclusively.js';

const OFTEN = { leaseSeconds: 0.06, renewEveryMs: 10 };
const ONCE = { leaseSeconds: 60, renewEveryMs: 30_000 };

describe('the accesses to the disks of a restore', () => {
  let leases: MemoryLeases;

  beforeEach(() => {
    leases = new MemoryLeases();
  });

  it('belong to one process at a time, until its work has ended, well or not', async () => {
    const exclusively = exclusivelyBy(leases, ONCE);
    const failed = exclusively('r1', async () => {
      expect(await exclusively('r1', () => assert.fail('two at once'))).toBe(false);
      throw new Error('it fails');
    });
    await expect(failed).rejects.toThrow(/it fails/);
    expect(await exclusively('r1', async () => undefined)).toBe(true);
  });

  const ENDS = {
    'somebody else has the lease': async () => false,
    'nobody says for its whole length whether it was renewed': () => Promise.reject(new Error('Postgres is away')),
    'the answer does not come': () => new Promise<never>(() => undefined),
  };
  for (const [title, answer] of Object.entries(ENDS)) {
    it(`are worked on no more once ${title}`, async () => {
      leases.renew = answer;
      const work = exclusivelyBy(leases, OFTEN)('r1', async (signal) => {
        await once(signal, 'abort');
        throw signal.reason;
      });
      await expect(work).rejects.toThrow(/the lease on the disk accesses was lost/);
    });
  }

  it('are worked on for as long as the lease is renewed', async () => {
    let renewals = 0;
    await exclusivelyBy(leases, { leaseSeconds: 60, renewEveryMs: 1 })('r1', async (signal) => {
      await new Promise<void>((enough) => {
        leases.renew = async () => {
          renewals += 1;
          if (renewals === 20) enough();
          return true;
        };
      });
      expect(signal.aborted).toBe(false);
    });
    expect(renewals).toBe(20);
  });
});
