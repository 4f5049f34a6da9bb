import { ORPHAN, REMOVED_ORPHANS as SHOWN } from '@landfall/contract';
import { z } from 'zod';

/* What may be left in Azure of restores that have ended, as the finalizer answers it through its queue. */
export type Orphan = z.infer<typeof ORPHAN>;

export const ORPHANS = z.array(ORPHAN);

/** Names of the jobs on the finalizer's queue that are answered. */
export const FINALIZER_JOBS = { findOrphans: 'find-orphans', removeOrphans: 'remove-orphans' } as const;

/** `remove-orphans`: only of these. What is not removable, or not an orphan any more, is passed over. */
export const REMOVE_ORPHANS = z.object({ azureIds: z.array(z.string()) });

export const REMOVED_ORPHANS = SHOWN.pick({ removed: true, kept: true });

export type RemovedOrphans = z.infer<typeof REMOVED_ORPHANS>;
