import { describe, expect, test } from '@jest/globals';
import assert from 'node:assert/strict';
import { WaitingError, type BudgetedRequest, type RequestBudget, type RequestKind } from '@landfall/domain';

interface Limit {
  readonly burst: number;
  readonly perSecond: number;
}

export interface RequestBudgetUnderTest {
  /** Two processes' sides of one budget; the same twice where there is but one process. */
  readonly sides: readonly [RequestBudget, RequestBudget];
  /** Runs the work on behalf of a clean-up. */
  readonly cleaningUp: <T>(work: () => Promise<T>) => Promise<T>;
  dispose(): Promise<void>;
}

/** Nothing comes back within a test. */
const NEVER = 0.000_1;
const SPENT = { code: 'AZURE_BUDGET_SPENT', kind: 'waiting' };

/** Registers the tests that all budgets have to pass; a fifth of each kind is kept for clean-ups. */
export function requestBudgetContract(
  name: string,
  make: (limits: Readonly<Record<RequestKind | 'vm', Limit>>) => Promise<RequestBudgetUnderTest>,
): void {
  const withBudget = async (
    limits: Partial<Record<RequestKind | 'vm', Limit>>,
    use: (made: RequestBudgetUnderTest) => Promise<void>,
  ) => {
    const plenty = { burst: 1_000, perSecond: 1_000 };
    const made = await make({ read: plenty, write: plenty, delete: plenty, vm: plenty, ...limits });
    try {
      await use(made);
    } finally {
      await made.dispose();
    }
  };
  const of = (kind: RequestKind, vm: string | null = null): BudgetedRequest => ({ kind, vm });
  const tooMany = (retryAfterMs: number | null) => ({ status: 429, retryAfterMs, remaining: null });

  describe(`${name} as a RequestBudget`, () => {
    test('lets a burst through, whoever sends it, and puts off what would have to wait for long', () =>
      withBudget({ read: { burst: 10, perSecond: NEVER } }, async ({ sides }) => {
        for (let sent = 0; sent < 8; sent += 1) await sides[sent % 2]!.take(of('read'));
        for (const side of sides) await expect(side.take(of('read'))).rejects.toMatchObject(SPENT);
      }));

    test('counts reads, writes and deletions apart', () =>
      withBudget({ write: { burst: 5, perSecond: NEVER } }, async ({ sides: [budget] }) => {
        for (let sent = 0; sent < 4; sent += 1) await budget.take(of('write'));
        await expect(budget.take(of('write'))).rejects.toMatchObject(SPENT);
        await budget.take(of('read'));
        await budget.take(of('delete'));
      }));

    test('keeps a share for clean-ups, which may use the rest, too', () =>
      withBudget({ delete: { burst: 10, perSecond: NEVER } }, async ({ sides: [one, other], cleaningUp }) => {
        for (let sent = 0; sent < 8; sent += 1) await one.take(of('delete'));
        await expect(one.take(of('delete'))).rejects.toMatchObject(SPENT);
        await cleaningUp(() => one.take(of('delete')));
        await cleaningUp(() => other.take(of('delete')));
        await expect(cleaningUp(() => one.take(of('delete')))).rejects.toMatchObject(SPENT);
      }));

    test('makes those wait for whom there is a token soon, each for its own', () =>
      withBudget({ read: { burst: 1.25, perSecond: 50 } }, async ({ sides }) => {
        const begun = performance.now();
        await Promise.all(Array.from({ length: 9 }, (_, n) => sides[n % 2]!.take(of('read'))));
        // Eight of them, at forty a second.
        assert.ok(performance.now() - begun >= 190, `only ${performance.now() - begun} ms`);
      }));

    test('lets nothing of a kind out while Azure wants to be left alone, from any process', () =>
      withBudget({}, async ({ sides: [one, other] }) => {
        await one.answered(of('write'), tooMany(40_000));
        for (const side of [one, other]) {
          const refused = await side.take(of('write')).then(
            () => null,
            (error: unknown) => error,
          );
          assert.ok(refused instanceof WaitingError && refused.code === 'AZURE_BUDGET_SPENT');
          assert.ok(refused.retryAfterMs > 20_000 && refused.retryAfterMs <= 40_000, `${refused.retryAfterMs} ms`);
        }
        await other.take(of('read'));
      }));

    test('takes the longest of several pauses, and one of its own where Azure names no time', () =>
      withBudget({}, async ({ sides: [one, other] }) => {
        await one.answered(of('read'), tooMany(60_000));
        await other.answered(of('read'), tooMany(null));
        await expect(other.take(of('read'))).rejects.toMatchObject(SPENT);
      }));

    test('waits out a short pause', () =>
      withBudget({}, async ({ sides: [one, other] }) => {
        const begun = performance.now();
        await one.answered(of('read'), tooMany(150));
        await other.take(of('read'));
        assert.ok(performance.now() - begun >= 140, `only ${performance.now() - begun} ms`);
      }));

    test('counts the changes of each VM, without regard to the case of its ID', () =>
      withBudget({ vm: { burst: 2, perSecond: NEVER } }, async ({ sides: [one, other] }) => {
        await one.take(of('write', '/vms/a'));
        await other.take(of('delete', '/VMs/A'));
        await expect(one.take(of('write', '/vms/a'))).rejects.toMatchObject(SPENT);
        await one.take(of('write', '/vms/b'));
      }));

    test('believes Azure when that has less left', () =>
      withBudget({ read: { burst: 100, perSecond: NEVER } }, async ({ sides: [one, other] }) => {
        await one.take(of('read'));
        await one.answered(of('read'), { status: 200, retryAfterMs: null, remaining: 2 });
        await other.take(of('read'));
        await one.take(of('read'));
        await expect(other.take(of('read'))).rejects.toMatchObject(SPENT);
      }));

    test('ends a wait with its signal, and at its own end', () =>
      withBudget({ read: { burst: 1.25, perSecond: 0.3 } }, async ({ sides: [budget] }) => {
        await budget.take(of('read'));
        const stop = new AbortController();
        const aborted = budget.take(of('read'), stop.signal);
        const closed = budget.take(of('read'));
        setTimeout(() => stop.abort(), 20);
        await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
        await budget.close();
        await expect(closed).rejects.toMatchObject(SPENT);
      }));
  });
}
