import { BadInputError, type RestoreRequest } from '@landfall/domain';
import { DRY_RUN, type AnswerHandler } from '@landfall/pipeline';
import { z } from 'zod';
import type { Planner } from '../planner.js';

/** A request as the API hands it on: complete, every default filled in. */
const COMPLETE_REQUEST = z.object({
  restorePointId: z.string(),
  destination: z.object({
    kind: z.enum(['new', 'original']),
    name: z.string().optional(),
    resourceGroup: z.string().optional(),
    region: z.string().optional(),
    zone: z.string().optional(),
    size: z.string().optional(),
    subnetId: z.string().optional(),
    privateIp: z.string().optional(),
    diskSku: z.string().optional(),
  }),
  generation: z.union([z.literal('auto'), z.literal(1), z.literal(2)]),
  disksOnly: z.boolean(),
  excludeDisks: z.array(z.string()),
  transfer: z.enum(['worker', 'direct']),
  verify: z.enum(['none', 'sampled', 'full']),
  archivePriority: z.enum(['standard', 'high']),
  powerOn: z.boolean(),
  isolated: z.boolean(),
  bootCheck: z.enum(['none', 'running', 'serial']),
  reason: z.string().optional(),
}) satisfies z.ZodType<RestoreRequest>;

/** Answers with the plan. @throws BadInputError `REQUEST_MALFORMED` when the API and the planner are not of one version */
export function answerDryRun(planner: Planner): AnswerHandler {
  return async (payload, signal) => {
    const request = COMPLETE_REQUEST.safeParse(DRY_RUN.safeParse(payload).data?.request);
    if (request.success) return planner.plan(request.data, signal);
    const fields = request.error.issues.map((issue) => issue.path.join('.')).join(', ');
    throw new BadInputError({
      code: 'REQUEST_MALFORMED',
      message: `The request for a plan can't be understood (${fields}).`,
      fix: 'Run all services in the same version.',
    });
  };
}
