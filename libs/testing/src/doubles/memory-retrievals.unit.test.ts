import { expect, it } from '@jest/globals';
import { aRestoreRequest } from '@landfall/domain/builders';
import { retrievalsContract } from '../contracts/retrievals.js';
import { MemoryBooks } from './memory-books.js';
import { MemoryRetrievals } from './memory-retrievals.js';

retrievalsContract('The double', async () => {
  const books = new MemoryBooks();
  return { retrievals: new MemoryRetrievals(books), books, dispose: async () => {} };
});

it('names what is due an hour after the end', async () => {
  const books = new MemoryBooks();
  let aheadMs = 0;
  const retrievals = new MemoryRetrievals(books, () => Date.now() + aheadMs);
  await books.transaction(async (tx) => {
    await tx.createRestore({ id: 'r1', request: aRestoreRequest(), requestedBy: 'olivia' });
    await tx.storeRetrieval('r1', { url: 'azure://backups/copies', files: [], keepHours: 1 });
    await tx.moveRestore('r1', { from: 'planning', epoch: 0 }, 'failed');
  });
  expect(await retrievals.due()).toStrictEqual([]);
  aheadMs = 3_600_001;
  expect(await retrievals.due()).toStrictEqual(['r1']);
});
