import { hostname } from 'node:os';
import { LOGGING, parseEnvironment, Secret } from '@landfall/config';
import { z } from 'zod';

/*
 * What a data-mover is told by its environment. With a worker's id it serves that worker's queue and learns everything
 * else at its registration; without one it belongs to the pool, brings a token, and asks the API for its queue.
 */
const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

/** Where Azure's images link the disks of a VM by their LUN. */
const DISK_DIRECTORY = '/dev/disk/azure/data/by-lun';

const COMMON = LOGGING.extend({
  /** How the API is reached. */
  LANDFALL_API_URL: z.url(),
  /** The same after a restart of the process, and no other data-mover's at that time. */
  LANDFALL_MOVER_NAME: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,120}$/, 'must consist of letters, digits, ".", "_" and "-"')
    .default(() => hostname().replace(/[^A-Za-z0-9._-]/g, '-')),
  /** Threads that decode the backup; by default one for each processor, four at most. */
  LANDFALL_MOVER_THREADS: z.coerce.number().int().min(0).max(64).optional(),
  /** Bytes per second that this process writes at most. */
  LANDFALL_MOVER_BANDWIDTH: z.coerce.number().int().min(1).optional(),
  LANDFALL_DISK_DIRECTORY: z.string().default(DISK_DIRECTORY),
});

const WORKER = COMMON.extend({
  LANDFALL_WORKER_ID: z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'must be the id of a worker'),
  /** One-time; used up by the first data-mover of the worker that registers. */
  LANDFALL_BOOTSTRAP_TOKEN: secret,
  /** Folder for the session, and for what is found out and not told yet; shared by the worker's data-movers. */
  LANDFALL_WORKER_STATE: z.string().default('/var/lib/landfall'),
});

const POOL = COMMON.extend({
  /** An API token of role `mover`. */
  LANDFALL_MOVER_TOKEN: secret,
  /** Folder for what it has found out and not told yet: on a disk that stays, so that its successor finds it. */
  LANDFALL_MOVER_STATE: z.string().min(1).default('/var/lib/landfall/mover'),
  /** Segments in hand at once. */
  LANDFALL_MOVER_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(4),
});

export type WorkerSettings = z.infer<typeof WORKER>;
export type PoolSettings = z.infer<typeof POOL>;

export type MoverSettings = ({ readonly mode: 'worker' } & WorkerSettings) | ({ readonly mode: 'pool' } & PoolSettings);

/** @throws BadInputError `CONFIG_INVALID` */
export function readSettings(environment: NodeJS.ProcessEnv = process.env): MoverSettings {
  return environment['LANDFALL_WORKER_ID'] === undefined
    ? { mode: 'pool', ...parseEnvironment(POOL, environment) }
    : { mode: 'worker', ...parseEnvironment(WORKER, environment) };
}
