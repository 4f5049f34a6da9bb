import { z } from 'zod';
import type { WorkRow } from './work-table.js';

/*
 * What is done once a restore is over, and changes nothing of its end.
 */
export const AFTER_END = [
  {
    id: 'purge',
    service: 'finalizer',
    output: z.object({}),
    begins: 'What was kept so that the restore could be rolled back is being removed.',
    onRequest: true,
    when: ({ plan }) => plan?.source !== undefined,
  },
] as const satisfies readonly WorkRow[];

export type AfterEndId = (typeof AFTER_END)[number]['id'];
