import { ConflictError, NotFoundError, type Restore, type RestoreBooks } from '@landfall/domain';
import { namesOf } from '../http/names-of.js';

/** A shorter beginning of an id would soon fit several. */
const SHORTEST_PREFIX = 4;

/**
 * One restore by its id or the beginning of it.
 * @throws NotFoundError `RESTORE_NOT_FOUND`; ConflictError `RESTORE_AMBIGUOUS`
 */
export async function findRestore(books: RestoreBooks, text: string): Promise<Restore> {
  const exact = await books.restore(text);
  if (exact !== null) return exact;
  const all = text.length >= SHORTEST_PREFIX ? await books.restores() : [];
  const hits = all.filter((restore) => restore.id.startsWith(text));
  const [only] = hits;
  if (only === undefined) {
    throw new NotFoundError({
      code: 'RESTORE_NOT_FOUND',
      message: `There is no restore "${text}".`,
      fix: 'List the restores with "landfall restores".',
    });
  }
  if (hits.length > 1) {
    throw new ConflictError({
      code: 'RESTORE_AMBIGUOUS',
      message: `"${text}" fits several restores: ${namesOf(hits)}.`,
      fix: 'Name one of them by its whole id.',
    });
  }
  return only;
}
