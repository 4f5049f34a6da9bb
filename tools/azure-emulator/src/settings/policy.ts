import { z } from 'zod';

/*
 * Azure Policy, as far as it refuses: each policy in the settings denies the writes of which everything that it says
 * is true, unless it only audits them. Without `resourceTypes` a policy looks at all resources but not at resource groups, as Azure's mode
 * "Indexed" does.
 */
export const POLICY = z.strictObject({
  name: z.string().min(1),
  displayName: z.string().optional(),
  /** Left out: deny. */
  effect: z.enum(['deny', 'audit']).optional(),
  /** A subscription or a resource group; left out: the whole subscription. */
  scope: z.string().startsWith('/').optional(),
  resourceTypes: z.array(z.string().min(1)).optional(),
  /** Denies what is in one of these regions. */
  locations: z.array(z.string().min(1)).optional(),
  /** Denies what is in none of these regions. */
  notLocations: z.array(z.string().min(1)).optional(),
  /** Denies disks of these kinds of storage, and VMs of these sizes. */
  skus: z.array(z.string().min(1)).optional(),
  /** Denies what has this tag; with a value: only with that value. */
  tag: z.strictObject({ name: z.string().min(1), value: z.string().optional() }).optional(),
  /** Denies what does not have this tag. */
  missingTag: z.string().min(1).optional(),
});

export type Policy = z.infer<typeof POLICY>;
