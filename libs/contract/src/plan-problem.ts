import { PROBLEM_CODES } from '@landfall/domain';
import { z } from 'zod';

/** What speaks against a restore, or is to be known before it. */
export const PLAN_PROBLEM = z
  .object({
    severity: z.enum(['error', 'warning']),
    code: z.enum(PROBLEM_CODES),
    message: z.string(),
    fix: z.string(),
  })
  .meta({
    id: 'PlanProblem',
    description: 'An error refuses the plan; a warning is shown, and the restore goes on.',
    examples: [
      {
        severity: 'error',
        code: 'NAME_TAKEN',
        message: 'There is a VM named "web" in the resource group "restored".',
        fix: 'Choose another name.',
      },
    ],
  });
