import { expect, test } from '@jest/globals';
import { RetryableError } from '@landfall/domain';
import { reconcileTransfers, type ReconcilePorts } from './reconcile.js';

test('a restore whose pass fails holds up no other, and is told of', async () => {
  const ids = Array.from({ length: 9 }, (_, index) => `r${index}`);
  const away = new RetryableError({ code: 'POSTGRES_UNREACHABLE', message: 'It is away.', fix: 'Wait.' });
  const looked: string[] = [];
  const failed: [string, unknown][] = [];
  const books = {
    parked: async () => ids.map((restoreId) => ({ restoreId, work: 'restore-data' })),
    // One that is gone has nothing to be seen to.
    restore: async (restoreId: string) => {
      looked.push(restoreId);
      if (restoreId === 'r0') throw away;
      return null;
    },
  };
  const onError = (restoreId: string, error: unknown): void => void failed.push([restoreId, error]);
  await reconcileTransfers({ books, onError } as unknown as ReconcilePorts);
  expect(looked.toSorted()).toStrictEqual(ids);
  expect(failed).toStrictEqual([['r0', away]]);
});
