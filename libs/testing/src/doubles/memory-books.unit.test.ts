import { catalogueContract } from '../contracts/catalogue.js';
import { booksGateContract } from '../contracts/books-gate.js';
import { booksGuardsContract } from '../contracts/books-guards.js';
import { ledgerContract } from '../contracts/ledger.js';
import { restoreBooksContract } from '../contracts/restore-books.js';
import { workerRegistryContract } from '../contracts/worker-registry.js';
import { MemoryBooks } from './memory-books.js';
import { MemoryCatalogue } from './memory-catalogue.js';
import { MemoryWorkerRegistry } from './memory-worker-registry.js';

const dispose = async (): Promise<void> => undefined;

restoreBooksContract('MemoryBooks', async () => ({ books: new MemoryBooks(), dispose }));

booksGuardsContract('MemoryBooks', async () => ({ books: new MemoryBooks(), dispose }));

ledgerContract('MemoryBooks', async () => ({ books: new MemoryBooks(), dispose }));

booksGateContract('MemoryBooks', async () => ({ books: new MemoryBooks(), dispose }));

catalogueContract('MemoryCatalogue', async () => {
  const books = new MemoryBooks();
  return { books, catalogue: new MemoryCatalogue(() => books.restores()), dispose };
});

workerRegistryContract('MemoryWorkerRegistry', async () => {
  let passedMs = 0;
  return {
    registry: new MemoryWorkerRegistry(() => new Date(Date.now() + passedMs)),
    restoreId: 'r-1',
    pass: async (milliseconds) => void (passedMs += milliseconds),
    dispose,
  };
});
