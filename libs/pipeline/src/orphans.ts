import { CLOUD_RESOURCE_KINDS, RESTORE_TRANSITIONS, type RestoreState } from '@landfall/domain';
import { z } from 'zod';

/*
 * What may be left in Azure of restores that have ended, as the finalizer answers it through its queue.
 *
 *   left-behind    in the ledger of an ended restore that it should not have outlived, there, with our tags: removable
 *   never-created  in such a ledger, and not there: only its entry has to be settled
 *   not-ours       in such a ledger, there, without the tags that it should carry: somebody else's by now, left alone
 *   unknown        carries this appliance's tag, and no ledger knows it: reported, never removed
 */
const STATES = Object.keys(RESTORE_TRANSITIONS) as [RestoreState, ...RestoreState[]];

export const ORPHAN = z.strictObject({
  azureId: z.string(),
  finding: z.enum(['left-behind', 'never-created', 'not-ours', 'unknown']),
  /** Whether `remove-orphans` takes it away. */
  removable: z.boolean(),
  kind: z.enum(CLOUD_RESOURCE_KINDS).nullable(),
  role: z.string().nullable(),
  restoreId: z.string().nullable(),
  restoreState: z.enum(STATES).nullable(),
  /** One sentence. */
  why: z.string(),
});

export type Orphan = z.infer<typeof ORPHAN>;

export const ORPHANS = z.array(ORPHAN);

/** Names of the jobs on the finalizer's queue that are answered. */
export const FINALIZER_JOBS = { findOrphans: 'find-orphans', removeOrphans: 'remove-orphans' } as const;

/** `remove-orphans`: only of these. What is not removable, or not an orphan any more, is passed over. */
export const REMOVE_ORPHANS = z.object({ azureIds: z.array(z.string()) });

export const REMOVED_ORPHANS = z.strictObject({
  /** Gone now, its ledger entry settled. */
  removed: z.array(z.string()),
  kept: z.array(z.strictObject({ azureId: z.string(), code: z.string(), message: z.string(), fix: z.string() })),
});

export type RemovedOrphans = z.infer<typeof REMOVED_ORPHANS>;
