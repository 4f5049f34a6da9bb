import { type Catalogue, ConflictError, NotFoundError, type RestorePoint } from '@landfall/domain';
import { namesOf } from '../http/names-of.js';

/**
 * One restore point by its id, its reference, or the beginning of either (at least six characters).
 * @throws NotFoundError `POINT_NOT_FOUND`; ConflictError `POINT_AMBIGUOUS`, which lists what fits
 */
export async function findPoint(catalogue: Catalogue, text: string): Promise<RestorePoint> {
  const exact = await catalogue.point(text);
  if (exact !== null) return exact;
  const hits = await catalogue.findPoints(text);
  const [only] = hits;
  if (only === undefined) {
    throw new NotFoundError({
      code: 'POINT_NOT_FOUND',
      message: `There is no restore point "${text}".`,
      fix: 'List the restore points with "landfall point list"; rescan the repository if the backup is newer than its last scan.',
    });
  }
  if (hits.length > 1) {
    throw new ConflictError({
      code: 'POINT_AMBIGUOUS',
      message: `"${text}" fits several restore points: ${namesOf(hits)}.`,
      fix: 'Name one of them by its whole id.',
    });
  }
  return only;
}
