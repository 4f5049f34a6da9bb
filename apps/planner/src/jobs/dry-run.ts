import { RESTORE_REQUEST } from '@landfall/contract';
import { BadInputError } from '@landfall/domain';
import { DRY_RUN, type AnswerHandler } from '@landfall/pipeline';
import type { Planner } from '../planner.js';

/** Answers with the plan. @throws BadInputError `REQUEST_MALFORMED` when the API and the planner are not of one version */
export function answerDryRun(planner: Planner): AnswerHandler {
  return async (payload, signal) => {
    const request = RESTORE_REQUEST.safeParse(DRY_RUN.safeParse(payload).data?.request);
    if (request.success) return (await planner.prepare(request.data, signal)).plan;
    const fields = request.error.issues.map(({ path, message }) => path.join('.') || message).join(', ');
    throw new BadInputError({
      code: 'REQUEST_MALFORMED',
      message: `The request for a plan can't be understood (${fields}).`,
      fix: 'Run all services in the same version.',
    });
  };
}
