import { z } from 'zod';

/*
 * What a data-mover and the API say to each other. A data-mover holds no database credentials: it takes jobs from its
 * queue, claims each one here, and gets with the claim what the job needs.
 *
 *   POST /internal/v1/workers/{id}/register      one-time bootstrap token → REGISTERED
 *   POST /internal/v1/workers/{id}/heartbeat     session token; prolongs it → { expiresAt }
 *   POST /internal/v1/segments/{id}/claim        session token, or a pool mover's API token → SEGMENT_GRANT
 *
 * A claim is refused with 409 and code `SEGMENT_DONE` (finished already: drop the job) or `SEGMENT_STALE` (an older
 * epoch, or the restore no longer wants it: drop the job).
 */
export const REGISTER = z.object({
  bootstrapToken: z.string(),
  mover: z.object({ name: z.string(), pid: z.number().int() }),
});

export const REGISTERED = z.object({
  sessionToken: z.string(),
  expiresAt: z.string(),
  redisUrl: z.string(),
  queue: z.string(),
  /** Left out: the default of the queues' connections. */
  queuePrefix: z.string().optional(),
  /** Jobs that the mover may have in hand at once. */
  concurrency: z.number().int().positive(),
});

export const HEARTBEAT = z.object({ mover: z.object({ name: z.string(), pid: z.number().int() }) });

export const CLAIM = z.object({ epoch: z.number().int(), mover: z.string() });

/** Where a repository lies, with what opens it. Exists in memory and on the loopback or TLS wire only. */
export const REPOSITORY_ACCESS = z.object({
  kind: z.enum(['restic', 'images']),
  store: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('folder'), path: z.string() }),
    /** `containerUrl` carries a SAS that may list and read this container for a while. */
    z.object({ kind: z.literal('blob'), containerUrl: z.string(), prefix: z.string() }),
  ]),
  password: z.string().nullable(),
});

export const SEGMENT_GRANT = z.object({
  segmentId: z.string(),
  restoreId: z.string(),
  /** To be sent back with the result; may be higher than the job's. */
  epoch: z.number().int(),
  purpose: z.enum(['move', 'verify']),
  verify: z.enum(['none', 'sampled', 'full']),
  offsetBytes: z.number().int().nonnegative(),
  lengthBytes: z.number().int().positive(),
  repository: REPOSITORY_ACCESS,
  source: z.object({ location: z.string(), sizeBytes: z.number().int().positive() }),
  target: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('lun'), lun: z.number().int().nonnegative(), sizeBytes: z.number().int().positive() }),
    z.object({ kind: z.literal('page-blob'), url: z.string(), sizeBytes: z.number().int().positive() }),
  ]),
});

export type RepositoryAccess = z.infer<typeof REPOSITORY_ACCESS>;
export type SegmentGrant = z.infer<typeof SEGMENT_GRANT>;
