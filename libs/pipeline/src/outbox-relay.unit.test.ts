import { expect, test } from '@jest/globals';
import { RetryableError } from '@landfall/domain';
import { aRestoreRequest, MemoryBooks } from '@landfall/testing';
import { runOutboxRelay } from './outbox-relay.js';
import { requestRestore } from './request-restore.js';

test('a job stays in the outbox until its queue has it', async () => {
  const books = new MemoryBooks();
  await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'olivia' });
  const added: string[] = [];
  let away = true;
  const queues = {
    enqueue: async ({ jobId }: { jobId: string }) => {
      if (away) throw new RetryableError({ code: 'REDIS_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
      added.push(jobId);
    },
  };
  const relay = runOutboxRelay(books, queues);
  try {
    // It looks by itself at its start: whoever of the two claims the job fails.
    await relay.drain().catch(() => undefined);
    expect(books.outbox.length).toBe(1);
    away = false;
    await books.releaseOutboxClaims();
    await relay.drain();
    expect(added.length).toBe(1);
    expect(books.outbox.length).toBe(0);
  } finally {
    await relay.close();
  }
});
