import type { WorkerDoors } from '@landfall/domain';
import type { Redis } from 'ioredis';
import { workerOfQueue, workerQueue } from '../queues.js';
import { promptConnection, queuePrefix, redisUnreachable, type RedisSettings } from '../redis.js';
import { doorUser, workerOfUser } from './door-rules.js';

const KEYS_AT_ONCE = 1_000;

/** Doors as users of Redis: all but to open one, which only the API does (`DoorKeeper`). */
export class RedisWorkerDoors implements WorkerDoors {
  readonly #redis: RedisSettings;
  readonly #connection: Redis;
  readonly #prefix: string;

  constructor(redis: RedisSettings) {
    this.#redis = redis;
    this.#connection = promptConnection(redis);
    this.#prefix = queuePrefix(redis);
  }

  async shut(workerId: string): Promise<void> {
    await this.removeUsers([workerId]);
    // All that it could write: it need not be a queue's.
    for await (const keys of this.#keys(workerId)) {
      if (keys.length > 0) await this.#guarded(() => this.#connection.unlink(keys));
    }
  }

  async present(): Promise<readonly string[]> {
    const found = new Set(await this.users());
    for await (const keys of this.#keys('*')) {
      for (const key of keys) {
        const workerId = workerOfQueue(key.split(':')[1] ?? '');
        if (workerId !== null) found.add(workerId);
      }
    }
    return [...found];
  }

  /** The workers that have a user; none where this Redis does not let users be asked for. @throws as `shut` does */
  async users(): Promise<readonly string[]> {
    const names = await this.#guarded(() => unlessRefused(this.#connection.call('ACL', 'USERS')));
    return ((names ?? []) as string[]).flatMap((name) => workerOfUser(this.#prefix, name) ?? []);
  }

  /** Redis closes their connections. @throws as `shut` does */
  async removeUsers(workerIds: readonly string[]): Promise<void> {
    if (workerIds.length === 0) return;
    const names = workerIds.map((workerId) => doorUser(this.#prefix, { workerId }));
    await this.#guarded(() => unlessRefused(this.#connection.call('ACL', 'DELUSER', ...names)));
  }

  async close(): Promise<void> {
    this.#connection.disconnect();
  }

  /** The keys of a worker's queue, some at a time; `*`: of all workers'. */
  async *#keys(workerId: string): AsyncGenerator<string[]> {
    const pattern = `${this.#prefix}:${workerQueue(workerId)}:*`;
    let cursor = '0';
    do {
      const from = cursor;
      const [next, keys] = await this.#guarded(() =>
        this.#connection.scan(from, 'MATCH', pattern, 'COUNT', KEYS_AT_ONCE),
      );
      cursor = next;
      yield keys;
    } while (cursor !== '0');
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw redisUnreachable(this.#redis, cause);
    }
  }
}

/** Null where Redis, or whoever runs it, does not let its users be changed: then none was made either. */
export async function unlessRefused<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Error && /^NOPERM|unknown (sub)?command/i.test(error.message)) return null;
    throw error;
  }
}
