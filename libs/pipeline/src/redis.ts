import { RetryableError, type Secret } from '@landfall/domain';
import { Redis, type RedisOptions } from 'ioredis';

/*
 * Connections to Redis. A worker's must wait for ever for an answer (BullMQ demands it); everything that somebody waits
 * for fails within seconds instead, and says so.
 */
export interface RedisSettings {
  /** `redis://[user:password@]host:port[/n]` or `rediss://…` */
  readonly url: Secret;
  /** In front of every key, so that several installations can share a Redis; `landfall` when left out. */
  readonly prefix?: string;
}

export function queuePrefix(redis: RedisSettings): string {
  return redis.prefix ?? 'landfall';
}

const PROMPT = { maxRetriesPerRequest: 3, connectTimeout: 3_000, commandTimeout: 5_000 };

/** For workers and event readers: commands wait until Redis is back, and lets them in. */
export function patientConnection(redis: RedisSettings): Redis {
  return patient(connect(redis, { maxRetriesPerRequest: null }));
}

/** For whoever has somebody waiting: commands fail after a few seconds without Redis. */
export function promptConnection(redis: RedisSettings): Redis {
  return connect(redis, PROMPT);
}

/**
 * For whoever watches over Redis itself: fails as a prompt one does, and takes a Redis that a script holds up for one that
 * is there.
 */
export function watchingConnection(redis: RedisSettings): Redis {
  return connect(redis, { ...PROMPT, enableReadyCheck: false });
}

/**
 * A Redis that has just started may not know its users yet, or be held up by a script. Then ioredis answers every command
 * that waits for the connection with that refusal, from which BullMQ does not recover; here they go on waiting.
 */
function patient(connection: Redis): Redis {
  const recover = connection.recoverFromFatalError.bind(connection);
  connection.recoverFromFatalError = (commandError, error, options) =>
    recover(commandError, error, { ...options, offlineQueue: false });
  // BullMQ duplicates a connection for the commands that block.
  const duplicate = connection.duplicate.bind(connection);
  connection.duplicate = ((override?: RedisOptions) => patient(duplicate(override))) as Redis['duplicate'];
  return connection;
}

function connect(redis: RedisSettings, options: RedisOptions): Redis {
  const connection = new Redis(redis.url.reveal(), {
    enableReadyCheck: true,
    // Only decorates lists of clients, and a worker's user may not do it.
    disableClientInfo: true,
    ...options,
    retryStrategy: (attempt) => Math.min(100 * attempt, 1_000),
  });
  // Each lost connection is reported by the command that it made fail; without a listener it would end the process.
  connection.on('error', () => undefined);
  return connection;
}

/**
 * Waits until Redis answers.
 * @throws RetryableError `REDIS_UNREACHABLE` after `withinMs`
 */
export async function waitForRedis(redis: RedisSettings, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  const connection = promptConnection(redis);
  try {
    for (;;) {
      try {
        await connection.ping();
        return;
      } catch (cause) {
        if (Date.now() >= deadline) throw redisUnreachable(redis, cause);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  } finally {
    connection.disconnect();
  }
}

/** Redis' run id, a new one after each of its starts, out of what `INFO server` answers. */
export function runIdIn(info: string): string {
  return /^run_id:(\w+)/m.exec(info)?.[1] ?? '';
}

export function redisUnreachable(redis: RedisSettings, cause?: unknown): RetryableError {
  return new RetryableError(
    {
      code: 'REDIS_UNREACHABLE',
      message: `Redis at ${placeOf(redis)}, which holds the queues, does not answer.`,
      fix: 'See that Redis runs and that REDIS_URL names it, with the right password; then start again.',
    },
    { cause },
  );
}

/** Host and port, for messages: never what opens it. */
function placeOf(redis: RedisSettings): string {
  return URL.parse(redis.url.reveal())?.host ?? 'an address that is no URL';
}
