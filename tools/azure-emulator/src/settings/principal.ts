import { z } from 'zod';

/* Somebody beside the subscription's owner, with what the roles of this principal allow. */
export const PRINCIPAL = z.strictObject({
  objectId: z.string().min(1),
  permissions: z.array(
    z.strictObject({
      /** Such as `Microsoft.Compute/disks/*`. */
      actions: z.array(z.string().min(1)),
      notActions: z.array(z.string().min(1)).default([]),
      /** A subscription, a resource group or a resource; left out: the whole subscription. */
      scope: z.string().startsWith('/').optional(),
    }),
  ),
});

export type Principal = z.infer<typeof PRINCIPAL>;
