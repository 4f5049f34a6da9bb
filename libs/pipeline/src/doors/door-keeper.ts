import { BadInputError, RetryableError, Secret } from '@landfall/domain';
import type { Redis } from 'ioredis';
import { promptConnection, queuePrefix, redisUnreachable, type RedisSettings } from '../redis.js';
import { type DoorOwner, doorPassword, doorRules, doorUser } from './door-rules.js';
import { unlessRefused } from './redis-worker-doors.js';

/*
 * Opens doors: makes a user of Redis for each worker and for the pool, and tells what they connect with. Where Redis does
 * not let users be made, one fixed user of small rights can be configured for all of them; the services' own is
 * never handed out.
 */
export interface DoorSettings {
  readonly redis: RedisSettings;
  /** How workers reach Redis; with a user or a password that is what all of them get. Null: as the services do. */
  readonly workerUrl: Secret | null;
  /** 64 hexadecimal digits. */
  readonly secretKey: Secret;
}

export class DoorKeeper {
  readonly #settings: DoorSettings;
  readonly #connection: Redis;
  readonly #prefix: string;
  readonly #fixed: Secret | null;
  #refused = false;

  /** @throws BadInputError `CONFIG_INVALID` when workers would get the services' own user, or the URL is none */
  constructor(settings: DoorSettings) {
    this.#settings = settings;
    this.#fixed = fixedUrl(settings);
    this.#prefix = queuePrefix(settings.redis);
    this.#connection = promptConnection(settings.redis);
  }

  /** Whether each gets a user of its own; if not, there is one fixed user for all. */
  get makesUsers(): boolean {
    return this.#fixed === null;
  }

  /** @throws RetryableError `WORKER_REDIS_USER_UNAVAILABLE` when Redis has refused to make users */
  assertAvailable(): void {
    if (this.#refused) throw unavailable();
  }

  /**
   * What a worker, or a data-mover of the pool, connects with; the same each time.
   * @throws RetryableError `REDIS_UNREACHABLE`, `WORKER_REDIS_USER_UNAVAILABLE`
   */
  async open(owner: DoorOwner): Promise<Secret> {
    if (this.#fixed !== null) return this.#fixed;
    await this.make([owner]);
    const services = new URL(this.#settings.redis.url.reveal());
    const url = new URL(this.#settings.workerUrl?.reveal() ?? services);
    // The database is where the services have their queues.
    url.pathname = services.pathname;
    url.username = doorUser(this.#prefix, owner);
    url.password = this.#passwordOf(owner).reveal();
    return new Secret(url.href);
  }

  /** Makes their users, or sets them right; open connections stay. @throws as `open` does */
  async make(owners: readonly DoorOwner[]): Promise<void> {
    if (this.#fixed !== null) return;
    const database = databaseOf(this.#settings.redis);
    await Promise.all(
      owners.map(async (owner) => {
        const rules = doorRules(this.#prefix, owner, this.#passwordOf(owner), database);
        const user = doorUser(this.#prefix, owner);
        this.#refused = (await this.#guarded(() => this.#connection.call('ACL', 'SETUSER', user, ...rules))) === null;
      }),
    );
    this.assertAvailable();
  }

  /** Whether Redis gives every right to whoever names no user: then no door holds anybody back. @throws `REDIS_UNREACHABLE` */
  async isOpenToAll(): Promise<boolean> {
    const asked = () => this.#connection.call('ACL', 'GETUSER', 'default') as Promise<unknown>;
    const text = JSON.stringify(await this.#guarded(asked)) ?? '';
    return text.includes('"on"') && text.includes('"nopass"');
  }

  async close(): Promise<void> {
    this.#connection.disconnect();
  }

  #passwordOf(owner: DoorOwner): Secret {
    return doorPassword(this.#settings.secretKey, this.#prefix, owner);
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await unlessRefused(work());
    } catch (cause) {
      throw redisUnreachable(this.#settings.redis, cause);
    }
  }
}

function fixedUrl({ redis, workerUrl }: DoorSettings): Secret | null {
  if (workerUrl === null) return null;
  const given = URL.parse(workerUrl.reveal());
  if (given === null) throw invalid('it is no URL');
  if (given.username === '' && given.password === '') return null;
  if (userIn(given) === userIn(URL.parse(redis.url.reveal()))) throw invalid('it names the user of REDIS_URL');
  return workerUrl;
}

/** Redis' own name for who names nobody. */
function userIn(url: URL | null): string {
  return decodeURIComponent(url?.username ?? '') || 'default';
}

function databaseOf(redis: RedisSettings): number {
  return Number(URL.parse(redis.url.reveal())?.pathname.slice(1)) || 0;
}

function invalid(why: string): BadInputError {
  return new BadInputError({
    code: 'CONFIG_INVALID',
    message: `LANDFALL_WORKER_REDIS_URL can't be given to workers: ${why}.`,
    fix: 'Name a user of Redis that may do no more than docs/security.md lists, or leave user and password out.',
  });
}

function unavailable(): RetryableError {
  return new RetryableError({
    code: 'WORKER_REDIS_USER_UNAVAILABLE',
    message: 'Redis does not let Landfall make users, so that no worker and no data-mover of the pool can be let in.',
    fix: 'Allow "ACL SETUSER", "ACL DELUSER" and "ACL USERS" to the user of REDIS_URL, or make a user for workers as docs/security.md says and name it in LANDFALL_WORKER_REDIS_URL.',
  });
}
