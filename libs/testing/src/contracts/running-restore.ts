import { newRestoreId, type RestoreBooks } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/domain/builders';
import type { RestoreBooksUnderTest } from './restore-books.js';

type Use = (books: RestoreBooks, id: string, waiting: () => Promise<void>) => Promise<void>;

/** Gives a test books with a restore that runs: `id`. */
export function withRunningRestore(make: () => Promise<RestoreBooksUnderTest>): (use: Use) => Promise<void> {
  return async (use) => {
    const made = await make();
    try {
      await use(made.books, await running(made.books), async () => made.waiting?.());
    } finally {
      await made.dispose();
    }
  };
}

async function running(books: RestoreBooks): Promise<string> {
  const id = newRestoreId();
  await books.transaction(async (tx) => {
    await tx.createRestore({ id, request: aRestoreRequest(), requestedBy: 'olivia' });
    await tx.storePlan(id, aRestorePlan());
    await tx.moveRestore(id, { from: 'planning', epoch: 0 }, 'running');
  });
  return id;
}
