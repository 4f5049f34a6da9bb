import { describe, expect, it } from '@jest/globals';
import { PermanentError, RetryableError, type RestoreBooks, stepKey } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, MemoryBooks } from '@landfall/testing';
import { beginWork, recordOutcome, type RunResult } from './machine/advance.js';
import { requestRestore } from './request-restore.js';
import { observedBooks } from './observed-books.js';
import { requestCancel } from './machine/turn-round.js';

const DETAILS = { code: 'AZURE_BUSY', message: 'Azure is busy.', fix: 'Wait.' };
const PLANNED: RunResult = { kind: 'done', output: { planHash: 'sha256:0' } };

describe('what is observed in the books', () => {
  it('is each run of a step that ends, once it is committed, with how it ended', async () => {
    const { books, told } = observed();
    const restoreId = await requested(books);
    const run = (epoch: number) => ({ restoreId, work: 'plan', epoch }) as const;
    await beginWork(books, run(1));
    expect(told).toStrictEqual([]);
    await recordOutcome(books, run(1), { kind: 'failed', error: new RetryableError(DETAILS) });
    await beginWork(books, run(2));
    await books.transaction((tx) => tx.storePlan(restoreId, aRestorePlan()));
    await recordOutcome(books, run(2), PLANNED);
    expect(told).toStrictEqual(['plan retried', 'plan done']);
  });

  it('is a step that has failed, and one that the way back has stopped', async () => {
    const { books, told } = observed();
    const failing = await requested(books);
    await beginWork(books, { restoreId: failing, work: 'plan', epoch: 1 });
    const error = new PermanentError(DETAILS);
    await recordOutcome(books, { restoreId: failing, work: 'plan', epoch: 1 }, { kind: 'failed', error });
    const cancelled = await requested(books);
    await beginWork(books, { restoreId: cancelled, work: 'plan', epoch: 1 });
    await requestCancel(books, cancelled, 'olivia');
    await recordOutcome(books, { restoreId: cancelled, work: 'plan', epoch: 1 }, { kind: 'interrupted' });
    expect(told).toStrictEqual(['plan failed', 'plan stopped']);
  });

  it('is nothing that was rolled back', async () => {
    const { books, told } = observed();
    const restoreId = await requested(books);
    await beginWork(books, { restoreId, work: 'plan', epoch: 1 });
    const undone = books.transaction(async (tx) => {
      await tx.lockRestore(restoreId);
      expect(await tx.moveWork(restoreId, stepKey('plan'), { from: 'running', epoch: 1 }, 'failed')).toBe(true);
      throw new Error('It does not come to its commit.');
    });
    await expect(undone).rejects.toThrow(/does not come to its commit/);
    expect(told).toStrictEqual([]);
  });
});

function observed(): { books: RestoreBooks; told: string[] } {
  const told: string[] = [];
  const books = observedBooks(new MemoryBooks(), {
    stepEnded(step, outcome, seconds) {
      expect(seconds).toBeGreaterThanOrEqual(0);
      told.push(`${step} ${outcome}`);
    },
    segmentDone: (bytes) => told.push(`moved ${JSON.stringify(bytes)}`),
  });
  return { books, told };
}

async function requested(books: RestoreBooks): Promise<string> {
  return (await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'olivia' })).restoreId;
}
