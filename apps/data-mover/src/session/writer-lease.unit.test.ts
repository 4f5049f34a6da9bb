import { describe, expect, it, jest } from '@jest/globals';
import { ConflictError, RetryableError } from '@landfall/domain';
import { fakeOnly } from '@landfall/testing/fake-timers';
import { WriterLease } from './writer-lease.js';

const LEASE_MS = 10_000;

describe('the lease of a data-mover', () => {
  /** Time and timers are the test's. */
  const scene = (answer: () => Promise<{ leaseMs: number }>) => {
    fakeOnly('setInterval', 'clearInterval');
    let now = 0;
    const told: string[] = [];
    const lease = new WriterLease(
      { renewLease: answer },
      'w-0/aa',
      { askedAt: 0, leaseMs: LEASE_MS },
      { warn: () => undefined },
      (error) => told.push(error.code),
      () => now,
    );
    const pass = async (milliseconds: number): Promise<void> => {
      now += milliseconds;
      jest.advanceTimersByTime(milliseconds);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    };
    return {
      lease,
      told,
      pass,
      jump: (milliseconds: number) => (now += milliseconds),
      end: () => jest.useRealTimers(),
    };
  };
  const renewed = () => Promise.resolve({ leaseMs: LEASE_MS });
  const away = () => Promise.reject(new RetryableError({ code: 'API_UNREACHABLE', message: 'm', fix: 'f' }));
  const lost = () => Promise.reject(new ConflictError({ code: 'LEASE_LOST', message: 'm', fix: 'f' }));

  it('is kept by renewing it', async () => {
    const { lease, told, pass, end } = scene(renewed);
    for (let time = 0; time < 20; time += 1) await pass(2_000);
    lease.assertHeld();
    expect(told).toStrictEqual([]);
    end();
  });

  it('ends a fifth before the API would believe it, when that can’t be reached', async () => {
    const { lease, told, pass, end } = scene(away);
    await pass(2_000);
    await pass(2_000);
    await pass(2_000);
    await pass(1_999);
    lease.assertHeld();
    await pass(1);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
    expect(lease.lost.aborted).toBe(true);
    expect(told).toStrictEqual(['LEASE_LOST']);
    end();
  });

  it('is lost to a process that was stopped for longer, before its next write, and stays lost', async () => {
    const { lease, told, pass, jump, end } = scene(renewed);
    jump(60_000);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
    await pass(2_000);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
    expect(told).toStrictEqual(['LEASE_LOST']);
    end();
  });

  it('is not brought back by an answer that comes after its end', async () => {
    const pending: ((value: { leaseMs: number }) => void)[] = [];
    const { lease, pass, jump, end } = scene(() => new Promise((resolve) => pending.push(resolve)));
    await pass(2_000);
    jump(60_000);
    pending[0]?.({ leaseMs: LEASE_MS });
    await pass(0);
    expect(lease.lost.aborted).toBe(true);
    end();
  });

  it('is lost at once when the API says so', async () => {
    const { lease, told, pass, end } = scene(lost);
    await pass(2_000);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }));
    expect(told).toStrictEqual(['LEASE_LOST']);
    end();
  });
});
