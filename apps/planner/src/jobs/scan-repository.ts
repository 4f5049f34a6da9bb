import type { Catalogue } from '@landfall/domain';
import { SCAN_REPOSITORY, type AnswerHandler, type SCAN_RESULT } from '@landfall/pipeline';
import type { OpenRepositories } from '@landfall/repository';
import type { z } from 'zod';
import type { PointSurveyor } from '../surveys/point-surveyor.js';

/**
 * Reads which points a repository holds by now, makes the catalogue say the same, and answers with the numbers. Of scans that
 * overlap the one that began last is believed. New points are surveyed, as many as there is time for; the others soon after.
 */
export function answerScan(
  catalogue: Catalogue,
  repositories: OpenRepositories,
  surveyor: Pick<PointSurveyor, 'surveyAfterScan'>,
): AnswerHandler {
  return async (payload, signal): Promise<z.infer<typeof SCAN_RESULT>> => {
    const { name } = SCAN_REPOSITORY.parse(payload);
    // Opened anew: a backup that was made since has packs that an older index does not know.
    const { format, scan, discovery } = await repositories.use(
      name,
      async (repository) => ({
        format: repository.format,
        scan: await catalogue.beginScan(name),
        discovery: await repository.discover(signal),
      }),
      { fresh: true },
    );
    const unread = discovery.skipped.flatMap(({ reference, archived }) => (archived ? [reference] : []));
    const { machines, points } = await catalogue.replacePoints(name, discovery.points, scan, unread);
    await surveyor.surveyAfterScan(name);
    return { format, machines, points, skipped: discovery.skipped.map(({ reference, why }) => ({ reference, why })) };
  };
}
