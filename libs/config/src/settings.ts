import { Secret } from '@landfall/domain';
import { z } from 'zod';

/*
 * The settings by subject; an app's own schema is put together from them, so that it asks for nothing it does not use.
 * docs/configuration.md lists them for people.
 */
const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

const port = z.coerce.number().int().min(0).max(65535);

/** `postgresql://user:password@host:port/database` */
export const DATABASE = z.object({ DATABASE_URL: secret });

export const REDIS = z.object({
  /** `redis://[user:password@]host:port[/n]` or `rediss://…` */
  REDIS_URL: secret,
  /** In front of every key, so that several installations can share a Redis; the same for all services of one. */
  LANDFALL_QUEUE_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,40}$/, 'must be 1–40 letters, digits or "-"')
    .default('landfall'),
});

/** 32 bytes in hexadecimal: encrypts repository passwords in the database. */
export const SECRET_KEY = z.object({
  LANDFALL_SECRET_KEY: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
    .transform((value) => new Secret(value)),
});

export const AZURE = z.object({
  AZURE_SUBSCRIPTION_ID: z.string().min(1),
  /** Left out: public Azure. */
  LANDFALL_AZURE_ENDPOINT: z.url().optional(),
  /** A fixed bearer token; left out: DefaultAzureCredential. */
  LANDFALL_AZURE_TOKEN: secret.optional(),
  /** Marks what belongs to this installation; left out: the one that Postgres keeps, at first the id of the VM that this runs on. */
  LANDFALL_APPLIANCE_ID: z.string().min(1).optional(),
  /** Where the id of the VM is asked for: Azure's Instance Metadata Service, which speaks plain HTTP. */
  LANDFALL_INSTANCE_METADATA_URL: z.url({ protocol: /^http$/ }).default('http://169.254.169.254'),
});

const bucket = (burst: number, perSecond: number) => ({
  burst: z.coerce.number().min(1).max(1_000_000).default(burst),
  perSecond: z.coerce.number().positive().max(100_000).default(perSecond),
});
const [reads, writes, deletes] = [bucket(200, 20), bucket(160, 8), bucket(160, 8)];

/**
 * What all services together ask of Azure Resource Manager: so many requests at once, and so many more a second. The
 * defaults are four fifths of what Azure allows a subscription.
 */
export const AZURE_BUDGET = z.object({
  LANDFALL_AZURE_READS: reads.burst,
  LANDFALL_AZURE_READS_PER_SECOND: reads.perSecond,
  LANDFALL_AZURE_WRITES: writes.burst,
  LANDFALL_AZURE_WRITES_PER_SECOND: writes.perSecond,
  LANDFALL_AZURE_DELETES: deletes.burst,
  LANDFALL_AZURE_DELETES_PER_SECOND: deletes.perSecond,
  /** Changes of one VM. */
  LANDFALL_AZURE_VM_WRITES: z.coerce.number().min(1).default(10),
  LANDFALL_AZURE_VM_WRITES_PER_MINUTE: z.coerce.number().positive().default(4),
});

export function budgetLimits(environment: z.infer<typeof AZURE_BUDGET>) {
  const { LANDFALL_AZURE_READS_PER_SECOND, LANDFALL_AZURE_WRITES_PER_SECOND } = environment;
  const { LANDFALL_AZURE_DELETES_PER_SECOND, LANDFALL_AZURE_VM_WRITES_PER_MINUTE } = environment;
  return {
    read: { burst: environment.LANDFALL_AZURE_READS, perSecond: LANDFALL_AZURE_READS_PER_SECOND },
    write: { burst: environment.LANDFALL_AZURE_WRITES, perSecond: LANDFALL_AZURE_WRITES_PER_SECOND },
    delete: { burst: environment.LANDFALL_AZURE_DELETES, perSecond: LANDFALL_AZURE_DELETES_PER_SECOND },
    vm: { burst: environment.LANDFALL_AZURE_VM_WRITES, perSecond: LANDFALL_AZURE_VM_WRITES_PER_MINUTE / 60 },
  };
}

/** JSON: `{"account": {"endpoint": "http://…", "key": "…"}}`. An account that is not listed is asked with the ambient identity. */
export const BLOB_ACCOUNTS = z.object({
  LANDFALL_BLOB_ACCOUNTS: z
    .string()
    .default('{}')
    .transform((text, context) => {
      try {
        return z
          .record(z.string(), z.object({ endpoint: z.url(), key: z.string().transform((key) => new Secret(key)) }))
          .parse(JSON.parse(text));
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON: {"account": {"endpoint": URL, "key": KEY}}' });
        return z.NEVER;
      }
    }),
});

export type BlobAccounts = z.infer<typeof BLOB_ACCOUNTS>['LANDFALL_BLOB_ACCOUNTS'];

/** Where a restore goes when the user names no place. */
export const DESTINATION_DEFAULTS = z.object({
  LANDFALL_DEFAULT_REGION: z.string().optional(),
  LANDFALL_DEFAULT_RESOURCE_GROUP: z.string().optional(),
  LANDFALL_DEFAULT_SUBNET_ID: z.string().optional(),
});

export const WORKERS = z.object({
  /** `publisher:offer:sku:version`, or the full ID of a gallery image version that holds the data-mover. */
  LANDFALL_WORKER_IMAGE: z.string().default('Debian:debian-12:12-gen2:latest'),
  /** Subnet of the workers; left out: the target's. */
  LANDFALL_WORKER_SUBNET_ID: z.string().optional(),
  /** How a worker reaches the API. */
  LANDFALL_API_URL: z.url(),
  /**
   * How data-movers on workers and in the pool reach Redis; left out: as the services do. Without user and password each gets
   * a user of its own, with them all get this one. The services' own is never handed out.
   */
  LANDFALL_WORKER_REDIS_URL: secret.optional(),
});

export const MOVER_LEASE = z.object({
  /** For how long a data-mover may write without having reached the API; then it stops, and another may take its place. */
  LANDFALL_MOVER_LEASE_SECONDS: z.coerce.number().min(2).max(3_600).default(45),
});

export const ARCHIVE_LOOKS = z.object({
  /** Seconds between two looks at what Azure brings back from the archive tier. */
  LANDFALL_ARCHIVE_LOOK_SECONDS: z.coerce.number().min(1).max(3_600).default(300),
});

const priorityPrices = z.strictObject({
  readsPer10000: z.number().nonnegative(),
  perGib: z.number().nonnegative(),
});

/** JSON: what Azure charges for bringing back what is archived, with the day on which that was looked up. */
export const ARCHIVE_PRICES = z.object({
  LANDFALL_ARCHIVE_PRICES: z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined) return null;
      try {
        return z
          .strictObject({
            asOf: z.iso.date(),
            currency: z.string().regex(/^[A-Z]{3}$/),
            writesPer10000: z.number().nonnegative(),
            standard: priorityPrices,
            high: priorityPrices,
          })
          .parse(JSON.parse(text));
      } catch {
        context.addIssue({
          code: 'custom',
          message:
            'must be JSON: {"asOf": "2026-10-01", "currency": "EUR", "writesPer10000": N, "standard": {"readsPer10000": N, "perGib": N}, "high": {…}}',
        });
        return z.NEVER;
      }
    }),
});

export const SWEEP = z.object({
  /** Minutes between two looks for what ended restores have left in Azure; 0: only when asked. */
  LANDFALL_SWEEP_MINUTES: z.coerce.number().min(0).max(10_080).default(60),
});

export const LOGGING = z.object({
  LANDFALL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});

export const HTTP = z.object({
  LANDFALL_HOST: z.string().default('127.0.0.1'),
  LANDFALL_PORT: port.default(8080),
  /** For metrics and health of a service that serves nothing else; 0: none. */
  LANDFALL_METRICS_PORT: port.default(0),
});

/** Made at the first start; an administrator's token. Others are made through the API. */
export const API_TOKEN = z.object({ LANDFALL_API_TOKEN: secret });

export const APPROVALS = z.object({
  /** Whether people may approve what they have asked for themselves. */
  LANDFALL_SELF_APPROVAL: z.enum(['yes', 'no']).default('no'),
});
