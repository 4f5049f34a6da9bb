import { detailsOf, type WorkerRegistry } from '@landfall/domain';
import type { Redis } from 'ioredis';
import { runIdIn, watchingConnection, type RedisSettings } from '../redis.js';
import type { DoorKeeper } from './door-keeper.js';
import type { RedisWorkerDoors } from './redis-worker-doors.js';

/*
 * Keeps the doors as the books want them: at the start, every 15 s, and as soon as Redis' run id is another one, since Redis
 * forgets its users when it ends. A registered worker whose user is missing gets it again, the user of one that is
 * retired or unknown is removed. Any number of watches may run side by side.
 *
 * It also ends a script that holds Redis up: a worker may run scripts, and one that loops stops every queue.
 */
const EVERY_MS = 15_000;
const LOOK_EVERY_MS = 2_000;

export interface DoorWatchOptions {
  readonly redis: RedisSettings;
  readonly keeper: Pick<DoorKeeper, 'make' | 'makesUsers' | 'isOpenToAll'>;
  readonly doors: Pick<RedisWorkerDoors, 'users' | 'removeUsers'>;
  readonly workers: Pick<WorkerRegistry, 'workers'>;
  /** Milliseconds between looks at Redis; 2 s when left out. */
  readonly lookEveryMs?: number;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
}

export interface DoorWatch {
  close(): Promise<void>;
}

/** Returns after the first look and the first pass; what fails is logged, and tried again. */
export async function watchDoors(options: DoorWatchOptions): Promise<DoorWatch> {
  const connection = watchingConnection(options.redis);
  const pass = passes(options);
  const tell = onceEach(options.log);
  // Apart from each other: a pass that waits for the books must not keep the looks from Redis.
  let looking: Promise<void> | null = null;
  let passing: Promise<void> | null = null;
  let runId: string | null = null;

  async function look(): Promise<void> {
    try {
      runId = runIdIn(await connection.info('server'));
    } catch {
      await endScript(connection, options.log);
    }
  }

  async function tick(): Promise<void> {
    looking ??= look().finally(() => (looking = null));
    await looking;
    const now = runId;
    if (now === null) return;
    passing ??= pass(now)
      .then(() => tell(null), tell)
      .finally(() => (passing = null));
  }

  await tick();
  await passing;
  const timer = setInterval(() => void tick(), options.lookEveryMs ?? LOOK_EVERY_MS);
  return {
    async close() {
      clearInterval(timer);
      connection.disconnect();
      await looking;
      await passing;
    },
  };
}

/** Makes a pass where one is due. The first one after each start of either side sets every user right: rules may be new. */
function passes(options: DoorWatchOptions): (runId: string) => Promise<void> {
  let seen: string | null = null;
  let lastPass = 0;
  return async (runId) => {
    if (runId === seen && performance.now() - lastPass < EVERY_MS) return;
    await keepDoors(options, runId !== seen);
    seen = runId;
    lastPass = performance.now();
  };
}

/** Logs an error when it is another one than the last time; null: all is well. */
function onceEach(log: DoorWatchOptions['log']): (error: unknown) => void {
  let told: string | null = null;
  return (error) => {
    const details = error === null ? null : detailsOf(error);
    if (details !== null && details.code !== told) log.error(details, `${details.message} ${details.fix}`);
    told = details?.code ?? null;
  };
}

/**
 * One pass. Users are listed before the books are read: one that is made meanwhile is in the books by then. And the books are
 * read once more after users were made: whoever was retired meanwhile has had its user removed before it was made.
 */
export async function keepDoors(
  { keeper, doors, workers, log }: Pick<DoorWatchOptions, 'keeper' | 'doors' | 'workers' | 'log'>,
  all: boolean,
): Promise<void> {
  const present = new Set(await doors.users());
  const wanted = await readyWorkers(workers);
  if (keeper.makesUsers) {
    if (all && (await keeper.isOpenToAll())) log.warn({ code: 'REDIS_OPEN' }, OPEN_TO_ALL);
    const missing = [...wanted].filter((workerId) => all || !present.has(workerId));
    await keeper.make([...missing.map((workerId) => ({ workerId })), 'pool']);
    missing.forEach((workerId) => present.add(workerId));
  }
  const ready = await readyWorkers(workers);
  await doors.removeUsers([...present].filter((workerId) => !ready.has(workerId)));
}

const OPEN_TO_ALL =
  'Redis lets in whoever names no user, with every right: set a password (requirepass), or workers reach every queue.';

async function readyWorkers(workers: DoorWatchOptions['workers']): Promise<Set<string>> {
  const active = await workers.workers({ active: true });
  return new Set(active.filter((worker) => worker.state === 'ready').map((worker) => worker.id));
}

/** Does nothing where no script runs. */
async function endScript(connection: Redis, log: DoorWatchOptions['log']): Promise<void> {
  try {
    await connection.script('KILL');
    log.error({ code: 'REDIS_SCRIPT_ENDED' }, 'A script has held Redis up for seconds, and was ended.');
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('UNKILLABLE')) return;
    log.error({ code: 'REDIS_SCRIPT_UNKILLABLE', error: error.message }, UNKILLABLE);
  }
}

const UNKILLABLE =
  'A script that has written holds Redis up, and only a restart of Redis ends it: SHUTDOWN NOSAVE, then start it again.';
