import type { Catalogue } from '@landfall/domain';
import { SCAN_REPOSITORY, type AnswerHandler, type SCAN_RESULT } from '@landfall/pipeline';
import type { OpenRepositories } from '@landfall/repository';
import type { z } from 'zod';

/** Reads which points a repository holds by now, makes the catalogue say the same, and answers with the numbers. */
export function answerScan(catalogue: Catalogue, repositories: OpenRepositories): AnswerHandler {
  return async (payload, signal): Promise<z.infer<typeof SCAN_RESULT>> => {
    const { name } = SCAN_REPOSITORY.parse(payload);
    // Opened anew: a backup that was made since has packs that an older index does not know.
    const { format, discovery } = await repositories.use(
      name,
      async (repository) => ({ format: repository.format, discovery: await repository.discover(signal) }),
      { fresh: true },
    );
    const { machines, points } = await catalogue.replacePoints(name, discovery.points);
    return { format, machines, points, skipped: [...discovery.skipped] };
  };
}
