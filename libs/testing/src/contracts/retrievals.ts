import { describe, expect, test } from '@jest/globals';
import { newRestoreId, type RestoreBooks, type Retrieval, type Retrievals } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/domain/builders';

export interface RetrievalsUnderTest {
  readonly retrievals: Retrievals;
  readonly books: RestoreBooks;
  dispose(): Promise<void>;
}

const URL = 'azure://backups/landfall-retrieved-r1';
const FILES = [
  { path: 'data/02/02ef', sizeBytes: 5_000_000_000_000 },
  { path: 'data/ab/abcd', sizeBytes: 17 },
];

/** Registers the tests that every record of retrievals has to pass; `name` heads them. */
export function retrievalsContract(name: string, make: () => Promise<RetrievalsUnderTest>): void {
  const withRetrievals = async (use: (made: RetrievalsUnderTest, restoreId: string) => Promise<void>) => {
    const made = await make();
    try {
      await use(made, await requested(made.books));
    } finally {
      await made.dispose();
    }
  };

  describe(`${name} as Retrievals`, () => {
    test('gives back what was planned last, until it is removed', () =>
      withRetrievals(async ({ retrievals, books }, id) => {
        expect([await retrievals.retrieval(id), await retrievals.url(id)]).toStrictEqual([null, null]);
        await plan(books, id, { url: URL, files: FILES.slice(0, 1), keepHours: 1 });
        const retrieval = { url: URL, files: FILES, keepHours: 72 };
        await plan(books, id, { ...retrieval, files: FILES.toReversed() });
        expect(await retrievals.retrieval(id)).toStrictEqual(retrieval);
        expect(await retrievals.url(id)).toBe(URL);
        for (let time = 0; time < 2; time += 1) await retrievals.removed(id);
        expect([await retrievals.retrieval(id), await retrievals.url(id)]).toStrictEqual([null, null]);
      }));

    test('forgets it with the plan that it belongs to, and keeps none of a plan that is dropped', () =>
      withRetrievals(async ({ retrievals, books }, id) => {
        await plan(books, id, { url: URL, files: FILES, keepHours: 1 });
        const dropped = books.transaction(async (tx) => {
          await tx.lockRestore(id);
          await tx.storePlan(id, aRestorePlan());
          throw new Error('its place was taken');
        });
        await expect(dropped).rejects.toThrow('its place was taken');
        expect((await retrievals.retrieval(id))?.files).toStrictEqual(FILES);
        await books.transaction((tx) => tx.lockRestore(id).then(() => tx.storePlan(id, aRestorePlan())));
        expect(await retrievals.retrieval(id)).toBe(null);
      }));

    test('keeps as many files as a restore may need', () =>
      withRetrievals(async ({ retrievals, books }, id) => {
        const files = Array.from({ length: 12_345 }, (_, at) => ({
          path: `data/00/${String(at).padStart(6, '0')}`,
          sizeBytes: at,
        }));
        await plan(books, id, { url: URL, files, keepHours: 72 });
        expect((await retrievals.retrieval(id))?.files).toStrictEqual(files);
      }));

    test('names what is due once the restore has ended for as long as it is kept', () =>
      withRetrievals(async ({ retrievals, books }, id) => {
        await plan(books, id, { url: URL, files: FILES, keepHours: 1 });
        expect(await retrievals.due()).toStrictEqual([]);
        await books.transaction((tx) => tx.moveRestore(id, { from: 'planning', epoch: 0 }, 'running'));
        await books.transaction((tx) => tx.moveRestore(id, { from: 'running', epoch: 1 }, 'completed'));
        expect(await retrievals.due()).toStrictEqual([]);
      }));
  });
}

async function requested(books: RestoreBooks): Promise<string> {
  const id = newRestoreId();
  await books.transaction((tx) => tx.createRestore({ id, request: aRestoreRequest(), requestedBy: 'olivia' }));
  return id;
}

async function plan(books: RestoreBooks, id: string, retrieval: Retrieval): Promise<void> {
  await books.transaction(async (tx) => {
    await tx.lockRestore(id);
    await tx.storePlan(id, aRestorePlan());
    await tx.storeRetrieval(id, retrieval);
  });
}
