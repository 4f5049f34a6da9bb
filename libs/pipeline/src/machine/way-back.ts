import { z } from 'zod';
import type { WorkRow } from './work-table.js';

/*
 * The way back of a restore: what is done, in this order, once it has turned round, whichever step it had come to. Each work
 * undoes what several steps did, and finds out from the books and from Azure how far they had come.
 */
export const WAY_BACK = [
  {
    id: 'bring-source-back',
    service: 'finalizer',
    output: z.object({}),
    begins: 'The machine that was to be replaced is put back.',
    when: ({ plan }) => plan?.source !== undefined,
  },
  {
    id: 'remove-created',
    service: 'finalizer',
    output: z.object({}),
    begins: 'What was created is being removed.',
    // Also of a restore that has only been planned: what its ledger lists decides.
    when: () => true,
  },
] as const satisfies readonly WorkRow[];

export type WayBackId = (typeof WAY_BACK)[number]['id'];
