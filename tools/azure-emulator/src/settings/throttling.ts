import { z } from 'zod';

/* How many requests Azure takes at once, and how fast room for more comes back; see governance/throttling.ts. */
const bucket = (burst: number, perMinute: number) =>
  z.strictObject({ burst: z.number().int().min(1), perMinute: z.number().positive() }).default({ burst, perMinute });

export const THROTTLING = z.strictObject({
  reads: bucket(250, 25 * 60),
  writes: bucket(200, 10 * 60),
  deletes: bucket(200, 10 * 60),
  computePerVm: bucket(12, 4),
  computePerSubscription: bucket(1_500, 500),
  /** Compute's refusals are seen without the `error` around them, too. */
  isUnwrapped: z.boolean().default(false),
});

export type Throttling = z.infer<typeof THROTTLING>;
