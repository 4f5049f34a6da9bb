import { mintContainerReadSas } from '@landfall/azure/blob';
import { type Logger, type Metrics, booksObserver } from '@landfall/observability';
import { connectBooks, waitForPostgres } from '@landfall/persistence';
import {
  DoorKeeper,
  FINALIZER_JOBS,
  PLANNER_JOBS,
  QueueClient,
  QUEUES,
  RedisWorkerDoors,
  runOutboxRelay,
  underCrashPoints,
  underObservation,
  waitForRedis,
  watchDoors,
  workerQueue,
} from '@landfall/pipeline';
import { establishAdministrator } from './access/administrator.js';
import type { ApiEnvironment } from './environment.js';
import type { ApiPorts } from './ports.js';

/** How long Postgres and Redis may still be starting when this process does. */
const START_WITHIN_MS = 30_000;
/** An answer that takes longer is not waited for: the caller would have hung up. */
const DRY_RUN_WITHIN_MS = 90_000;
const DAMAGE_WITHIN_MS = 90_000;
const SCAN_WITHIN_MS = 240_000;
const SWEEP_WITHIN_MS = 240_000;
/** Jobs that one data-mover has in hand at once: one is read and decoded while another one waits for its disk. */
const SEGMENTS_AT_ONCE = 3;
const KEEP_IDEMPOTENCY_KEYS_SECONDS = 7 * 24 * 3600;
const HOUSEKEEPING_MS = 3_600_000;

export interface Connections {
  readonly ports: ApiPorts;
  close(): Promise<void>;
}

/**
 * Connects to Postgres and Redis, waiting for them a while.
 * @throws RetryableError `POSTGRES_UNREACHABLE`, `REDIS_UNREACHABLE` when they do not answer within `startWithinMs`;
 *   BadInputError `CONFIG_INVALID` when workers would get the services' own user of Redis
 */
export async function connect(
  environment: ApiEnvironment,
  logger: Logger,
  metrics: Metrics,
  startWithinMs = START_WITHIN_MS,
): Promise<Connections> {
  const database = { databaseUrl: environment.DATABASE_URL };
  const redis = { url: environment.REDIS_URL, prefix: environment.LANDFALL_QUEUE_PREFIX };
  await Promise.all([waitForPostgres(database, startWithinMs), waitForRedis(redis, startWithinMs)]);
  const keeper = new DoorKeeper({
    redis,
    workerUrl: environment.LANDFALL_WORKER_REDIS_URL ?? null,
    secretKey: environment.LANDFALL_SECRET_KEY,
  });

  const postgres = underObservation(underCrashPoints(connectBooks(database)), booksObserver(metrics));
  const { books, captures, catalogue, workers, tokens, idempotency, audit, diskAccesses, leases, retrievals, surveys } =
    postgres;
  const queues = new QueueClient(redis);
  const warn = (err: unknown) => logger.warn({ err }, 'Trying again soon.');
  const relay = runOutboxRelay(books, queues, warn);
  const housekeeping = setInterval(() => {
    idempotency.prune(KEEP_IDEMPOTENCY_KEYS_SECONDS).catch(warn);
  }, HOUSEKEEPING_MS);
  const doors = new RedisWorkerDoors(redis);
  const watch = await watchDoors({ redis, keeper, doors, workers, log: logger });
  await establishAdministrator(tokens, environment.LANDFALL_API_TOKEN);

  const ports: ApiPorts = {
    books,
    captures,
    catalogue,
    workers,
    tokens,
    idempotency,
    audit,
    selfApproval: environment.LANDFALL_SELF_APPROVAL === 'yes',
    diskAccesses,
    leases,
    retrievals,
    surveys,
    secrets: postgres.secretBox(environment.LANDFALL_SECRET_KEY),
    planner: {
      dryRun: (request) => queues.ask(QUEUES.planner, PLANNER_JOBS.dryRun, { request }, DRY_RUN_WITHIN_MS),
      scan: (name) => queues.ask(QUEUES.planner, PLANNER_JOBS.scan, { name }, SCAN_WITHIN_MS),
      damage: (restoreId) => queues.ask(QUEUES.planner, PLANNER_JOBS.damage, { restoreId }, DAMAGE_WITHIN_MS),
    },
    finalizer: {
      orphans: () => queues.ask(QUEUES.finalizer, FINALIZER_JOBS.findOrphans, {}, SWEEP_WITHIN_MS),
      removeOrphans: (azureIds) =>
        queues.ask(QUEUES.finalizer, FINALIZER_JOBS.removeOrphans, { azureIds }, SWEEP_WITHIN_MS),
    },
    blobs: {
      containerReadUrl: (location, seconds) =>
        mintContainerReadSas(location, environment.LANDFALL_BLOB_ACCOUNTS, seconds),
    },
    moverQueues: {
      queuePrefix: environment.LANDFALL_QUEUE_PREFIX,
      concurrency: SEGMENTS_AT_ONCE,
      leaseSeconds: environment.LANDFALL_MOVER_LEASE_SECONDS,
    },
    doors: {
      assertAvailable: () => keeper.assertAvailable(),
      open: (owner) => keeper.open(owner),
      shut: (workerId) => doors.shut(workerId),
    },
    queues: async () => {
      const active = await workers.workers({ active: true });
      const names = [...Object.values(QUEUES), ...active.map((worker) => workerQueue(worker.id))];
      return names.map((name) => queues.queue(name));
    },
    checks: [
      { name: 'postgres', check: () => postgres.ping() },
      { name: 'redis', check: () => queues.ping() },
      { name: 'worker-redis', advisory: true, check: async () => keeper.assertAvailable() },
    ],
    logger,
    metrics,
  };
  return {
    ports,
    close: async () => {
      clearInterval(housekeeping);
      await relay.close();
      await watch.close();
      await Promise.all([keeper.close(), doors.close()]);
      await queues.close();
      await postgres.close();
    },
  };
}
