import { z } from 'zod';
import { FAILURE_CODES, FAILURE_FACTS, GIVEN_BACK_CODES, WARNING_CODES } from './failures.js';

/*
 * What a data-mover and the API say to each other. A data-mover holds no database credentials: it takes jobs from its
 * queue, claims each one here, and gets with the claim what the job needs.
 *
 *   POST /internal/v1/workers/{id}/register      one-time bootstrap token → REGISTERED
 *   POST /internal/v1/workers/{id}/heartbeat     session token; prolongs it → PROLONGED
 *   POST /internal/v1/movers/place               a pool mover's API token → POOL_PLACE
 *   POST /internal/v1/movers/lease               session token, or a pool mover's API token → LEASED; at the start
 *   POST /internal/v1/movers/renew               likewise; refused with 409 `LEASE_LOST`: end at once
 *   POST /internal/v1/movers/leave               likewise; nothing is written any more
 *   POST /internal/v1/movers/started             likewise; the process that had this name before is gone
 *   POST /internal/v1/segments/{id}/claim        likewise → SEGMENT_GRANT, or HELD: somebody else may still write it
 *   POST /internal/v1/segments/{id}/report       likewise, what came of a grant → REPORTED; repeated until it is answered
 *
 * A claim is refused with 409 and code `SEGMENT_DONE` (finished already: drop the job) or `SEGMENT_STALE` (an older
 * epoch, or the restore no longer wants it: drop the job), and with `LEASE_LOST`.
 */
export const REGISTER = z.object({
  bootstrapToken: z.string(),
  /**
   * What the session's token is to be, 32 bytes by chance. Whoever names it may repeat the request when its answer is lost,
   * and gets the same session again; left out, the API makes one up, and the bootstrap token is spent.
   */
  sessionToken: z
    .string()
    .regex(/^[\w-]{43}$/)
    .optional(),
  mover: z.object({ name: z.string(), pid: z.number().int() }),
});

export const REGISTERED = z.object({
  sessionToken: z.string(),
  /** From now on, unless a heartbeat prolongs it. */
  validSeconds: z.number(),
  /** With a user that reaches this queue and nothing else. */
  redisUrl: z.string(),
  queue: z.string(),
  /** Left out: the default of the queues' connections. */
  queuePrefix: z.string().optional(),
  /** Jobs that the mover may have in hand at once. */
  concurrency: z.number().int().positive(),
});

export const POOL_PLACE = REGISTERED.pick({ redisUrl: true, queue: true, queuePrefix: true });

export const HEARTBEAT = z.object({ mover: z.object({ name: z.string(), pid: z.number().int() }) });

export const PROLONGED = REGISTERED.pick({ validSeconds: true });

export const CLAIM = z.object({
  epoch: z.number().int(),
  /** `name/instance`. */
  mover: z.string(),
  /** Data-movers on the same worker that the claiming one has seen to be gone. */
  gone: z.array(z.string()).max(100).optional(),
});

/** `name/instance` */
const MOVER = z.string().regex(/^[A-Za-z0-9._-]{1,120}\/[A-Za-z0-9]{1,40}$/);

/** The body of the calls about a data-mover's lease, and of the one about its start. */
export const LEASE = z.object({ mover: MOVER });

/** The lease runs from when it was asked for. */
export const LEASED = z.object({ leaseMs: z.number().positive() });

/**
 * `expired`: its lease ran out. It has to be seen gone (killed, its lock free), and then named in the next claim. `epoch`: of
 * the grant that it holds.
 */
export const HELD = z.object({
  restoreId: z.string(),
  heldBy: z.string(),
  expired: z.boolean(),
  epoch: z.number().int(),
});

/** Where a repository lies, with what opens it. Exists in memory and on the loopback or TLS wire only. */
export const REPOSITORY_ACCESS = z.object({
  kind: z.enum(['restic', 'images']),
  store: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('folder'), path: z.string() }),
    /** `containerUrl` carries a SAS that may list and read this container for a while. */
    z.object({
      kind: z.literal('blob'),
      containerUrl: z.string(),
      prefix: z.string(),
      /** The same of the container in which copies lie of what is archived; null: nothing is. */
      copiesUrl: z.string().nullable(),
    }),
  ]),
  password: z.string().nullable(),
});

/** As libs/domain has it, of which it holds those parts that reach into the segment. */
const RECIPE = z.object({
  sizeBytes: z.number().int().nonnegative(),
  parts: z.array(
    z.object({
      at: z.number().int().nonnegative(),
      length: z.number().int().positive(),
      from: z.union([
        z.strictObject({ image: z.string(), offset: z.number().int().nonnegative() }),
        z.strictObject({ bytes: z.string() }),
      ]),
    }),
  ),
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
  /** What the disk is to hold there, and what that is made from. */
  recipe: RECIPE,
  images: z.array(z.object({ name: z.string(), location: z.string() })),
  /** The patches that the recipe names, in base64. */
  patches: z.array(z.base64()),
  target: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('lun'), lun: z.number().int().nonnegative(), sizeBytes: z.number().int().positive() }),
    z.object({ kind: z.literal('page-blob'), url: z.string(), sizeBytes: z.number().int().positive() }),
  ]),
});

export const CLAIMED = z.union([SEGMENT_GRANT, HELD]);

const BYTES = z.number().int().nonnegative();

/** What came of a segment: the result of one grant. */
export const RESULT = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('done'),
    /** Of the backup's contents, or read back for a verification. */
    bytesRead: BYTES,
    bytesWritten: BYTES,
    bytesZero: BYTES,
    milliseconds: z.number().nonnegative(),
    warnings: z.array(z.enum(WARNING_CODES)).max(WARNING_CODES.length).optional(),
  }),
  z.strictObject({ kind: z.literal('failed'), code: z.enum(FAILURE_CODES), facts: FAILURE_FACTS.optional() }),
  /** Nothing is wrong with it: another one takes it up. */
  z.strictObject({ kind: z.literal('given-back'), code: z.enum(GIVEN_BACK_CODES) }),
]);

/** Names a grant: the segment of the address, the epoch, and who was given it. */
export const REPORT = z.strictObject({
  restoreId: z.string().regex(/^[a-z0-9-]{1,60}$/),
  epoch: z.number().int().nonnegative(),
  mover: MOVER,
  result: RESULT,
});

/** `counted`: false where it changes nothing any more, because another grant has its place or the restore goes back. */
export const REPORTED = z.object({ counted: z.boolean() });

export type SegmentResult = z.infer<typeof RESULT>;
export type Report = z.infer<typeof REPORT>;
export type Held = z.infer<typeof HELD>;
export type RepositoryAccess = z.infer<typeof REPOSITORY_ACCESS>;
export type SegmentGrant = z.infer<typeof SEGMENT_GRANT>;
