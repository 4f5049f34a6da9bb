import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { Secret } from '@landfall/domain';
import { MemoryWorkerRegistry, OwnRedis } from '@landfall/testing';
import { workerDoorsContract } from '@landfall/testing/contracts';
import { DelayedError, type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { workerQueue } from '../queues.js';
import { patientConnection, type RedisSettings } from '../redis.js';
import { until } from '../until.fixture.test.js';
import { DoorKeeper, type DoorSettings } from './door-keeper.js';
import { doorUser } from './door-rules.js';
import { type DoorWatch, watchDoors } from './door-watch.js';
import { RedisWorkerDoors } from './redis-worker-doors.js';

const PREFIX = 'landfall';
const WORKER = 'r1-worker-1';
const OTHER = 'r2-worker-1';
const KEY = new Secret('ab'.repeat(32));
const OWN = `${PREFIX}:${workerQueue(WORKER)}`;
const FOREIGN = `${PREFIX}:${workerQueue(OTHER)}`;

/** A Redis of its own with all that belongs to doors, and what a test opens on it. */
class Scene {
  readonly redis: RedisSettings;
  readonly services: Redis;
  readonly keeper: DoorKeeper;
  readonly doors: RedisWorkerDoors;
  readonly errors: string[] = [];
  readonly #open: { close(): Promise<unknown> }[] = [];

  private constructor(readonly own: OwnRedis) {
    this.redis = { url: own.url, prefix: PREFIX };
    this.services = this.connect(own.url);
    this.keeper = this.closing(new DoorKeeper({ redis: this.redis, workerUrl: null, secretKey: KEY }));
    this.doors = this.closing(new RedisWorkerDoors(this.redis));
  }

  static async start(settings: readonly string[] = []): Promise<Scene> {
    return new Scene(await OwnRedis.start(settings));
  }

  closing<T extends { close(): Promise<unknown> }>(opened: T): T {
    this.#open.push(opened);
    return opened;
  }

  connect(url: Secret): Redis {
    const connection = new Redis(url.reveal(), { disableClientInfo: true });
    connection.on('error', () => undefined);
    this.closing({ close: async () => connection.disconnect() });
    return connection;
  }

  queue(workerId = WORKER): Queue {
    const queue = new Queue(workerQueue(workerId), { connection: this.services, prefix: PREFIX });
    queue.on('error', () => undefined);
    return queue;
  }

  /** A BullMQ worker as a data-mover runs it, with shorter times. */
  worker(url: Secret, process: (job: Job, token?: string) => Promise<unknown>, lockDuration = 1_000): Worker {
    const connection = patientConnection({ url, prefix: PREFIX });
    const times = { lockDuration, stalledInterval: 300, maxStalledCount: 100 };
    const worker = new Worker(workerQueue(WORKER), process, { connection, prefix: PREFIX, concurrency: 3, ...times });
    worker.on('error', (error) => this.errors.push(error.message));
    this.closing({
      close: async () => {
        await worker.close(true);
        connection.disconnect();
      },
    });
    return worker;
  }

  /** Why Redis has refused somebody something. */
  async refusals(): Promise<string[]> {
    const log = (await this.services.call('ACL', 'LOG')) as unknown[][];
    return log.map((entry) => entry.slice(0, 8).join(' '));
  }

  async timesRefused(): Promise<number> {
    const log = (await this.services.call('ACL', 'LOG')) as unknown[][];
    return log.reduce((sum, entry) => sum + Number(entry[1]), 0);
  }

  async close(): Promise<void> {
    await this.own.resume();
    for (const opened of this.#open.reverse()) await opened.close();
    await this.own.dispose();
  }
}

let scene: Scene;

describe('a worker’s door', () => {
  beforeEach(async () => {
    scene = await Scene.start();
  });
  afterEach(() => scene.close());

  it('lets several data-movers do all that a queue asks of them', async () => {
    const url = await scene.keeper.open({ workerId: WORKER });
    const queue = scene.queue();
    await queue.addBulk(Array.from({ length: 20 }, (_, index) => ({ name: 'plain', data: { index } })));
    await queue.add('fails', {}, { attempts: 2, backoff: 50, jobId: 'fails' });
    await queue.add('later', {}, { delay: 200, jobId: 'later' });
    await queue.add('put-off', {}, { jobId: 'put-off' });
    await queue.add('long', {}, { jobId: 'long' });
    await queue.add('stalls', {}, { jobId: 'stalls' });

    const renewals = new Map<string, number>();
    const workers: Worker[] = [];
    let putOff = false;
    let stalled = false;
    const process = (index: number) => async (job: Job, token?: string) => {
      if (job.name === 'fails') throw new Error('as it was told to');
      if (job.name === 'put-off' && !putOff) {
        putOff = true;
        await job.moveToDelayed(Date.now() + 100, token);
        throw new DelayedError();
      }
      if (job.name === 'long') await until('two renewals', async () => (renewals.get(job.id ?? '') ?? 0) >= 2);
      if (job.name === 'stalls' && !stalled) {
        stalled = true;
        void workers[index]?.close(true);
        await new Promise(() => undefined);
      }
      return job.name;
    };
    for (const index of [0, 1, 2]) {
      const worker = scene.worker(url, process(index));
      worker.on('locksRenewed', ({ jobIds }) => jobIds.forEach((id) => renewals.set(id, (renewals.get(id) ?? 0) + 1)));
      workers.push(worker);
    }
    await until('all have ended', async () => {
      const counts = await queue.getJobCounts('completed', 'failed');
      return counts['completed'] === 24 && counts['failed'] === 1;
    });
    expect((await queue.getJob('fails'))?.attemptsMade).toBe(2);
    expect(await scene.refusals()).toStrictEqual([]);
  });

  it('keeps a queue’s worker idle instead of turning round when there is nothing to do', async () => {
    const url = await scene.keeper.open({ workerId: WORKER });
    const worker = scene.worker(url, async () => undefined);
    await worker.waitUntilReady();
    await scene.services.config('RESETSTAT');
    await until('it waits for jobs', async () => /cmd=bzpopmin/.test(String(await scene.services.client('LIST'))));
    const stat = String(await scene.services.info('commandstats'));
    assert.ok(Number(/cmdstat_bzpopmin:calls=(\d+)/.exec(stat)?.[1] ?? 0) < 5, stat);
  });

  const ATTACKS: readonly (readonly string[])[] = [
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['RANDOMKEY'],
    ['DBSIZE'],
    ['SELECT', '0'],
    ['SELECT', '1'],
    ['SWAPDB', '0', '1'],
    ['CONFIG', 'GET', '*'],
    ['CONFIG', 'SET', 'requirepass', ''],
    ['ACL', 'WHOAMI'],
    ['ACL', 'SETUSER', 'backdoor', 'on', '>pw', '~*', '+@all'],
    ['SCRIPT', 'LOAD', 'return 1'],
    ['SCRIPT', 'KILL'],
    ['SCRIPT', 'FLUSH'],
    ['FUNCTION', 'LIST'],
    ['FUNCTION', 'FLUSH'],
    ['CLIENT', 'LIST'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ['CLIENT', 'PAUSE', '100000'],
    ['CLIENT', 'NO-EVICT', 'on'],
    ['REPLICAOF', '127.0.0.1', '1'],
    ['MODULE', 'LIST'],
    ['SLOWLOG', 'GET'],
    ['LATENCY', 'RESET'],
    ['SAVE'],
    ['BGSAVE'],
    ['BGREWRITEAOF'],
    ['SHUTDOWN', 'NOSAVE'],
    ['MONITOR'],
    ['PUBLISH', 'channel', 'x'],
    ['SUBSCRIBE', 'channel'],
    ['PSUBSCRIBE', '*'],
    ['MULTI'],
    ['GET', `${PREFIX}:planner:meta`],
    ['HSET', `${FOREIGN}:1`, 'data', '{}'],
    ['LPUSH', `${FOREIGN}:wait`, '1'],
    ['ZADD', `${FOREIGN}:marker`, '0', '0'],
    ['DEL', `${FOREIGN}:1`],
    ['XADD', `${PREFIX}:finalizer:events`, '*', 'event', 'added'],
    ['LPUSH', `${PREFIX}:mover-pool:wait`, '1'],
    ['RPOPLPUSH', `${OWN}:wait`, `${FOREIGN}:wait`],
    ['RPOPLPUSH', `${FOREIGN}:wait`, `${OWN}:wait`],
    ['HGETALL', `${PREFIX}:${workerQueue(WORKER)}-2:1`],
    ['BZPOPMIN', `${FOREIGN}:marker`, '1'],
    ['EVAL', 'return 1', '1', `${FOREIGN}:id`],
    ['EVAL', `return redis.call('GET', KEYS[1])`, '1', `${FOREIGN}:id`],
    ['EVAL', `return redis.call('SET', KEYS[1], 'x')`, '1', `${FOREIGN}:id`],
    ['EVAL', `return redis.call('SET', '${FOREIGN}:id', 'x')`, '0'],
    ['EVAL', `return redis.call('DEL', '${FOREIGN}:id', '${OWN}:id')`, '0'],
    ['EVAL', `return redis.call('FLUSHALL')`, '0'],
    ['EVAL', `return redis.call('KEYS', '*')`, '0'],
    ['EVAL', `return redis.call('CONFIG', 'GET', '*')`, '0'],
    ['EVAL', `return redis.call('ACL', 'WHOAMI')`, '0'],
    ['EVAL', `return redis.call('PUBLISH', 'channel', 'x')`, '0'],
    ['EVAL', `return redis.call('SELECT', '1')`, '0'],
  ];

  /** Of scripts Redis says it in the words of its version. */
  const REFUSED = /NOPERM|ACL failure|can't (run this|access at least)|not allowed from script/;

  it(`refuses everything else: ${ATTACKS.length} tries change nothing`, async () => {
    const url = await scene.keeper.open({ workerId: WORKER });
    for (const workerId of [WORKER, OTHER]) await scene.queue(workerId).add('segment', { secret: workerId });
    const everything = async () => {
      const keys = (await scene.services.keys('*')).toSorted();
      return Promise.all(keys.map(async (key) => [key, (await scene.services.dump(key))?.length]));
    };
    const before = await everything();
    const users = await scene.services.call('ACL', 'LIST');
    const attacker = scene.connect(url);
    for (const [command = '', ...args] of ATTACKS) {
      const answer = attacker.call(command, ...args).then(() => 'it was done', String);
      assert.match(await answer, REFUSED, `${command} ${args.join(' ')}`);
    }
    expect(await everything()).toStrictEqual(before);
    expect(await scene.services.call('ACL', 'LIST')).toStrictEqual(users);
  });

  it('is the same when it is opened again, and does not end what goes through it', async () => {
    const url = await scene.keeper.open({ workerId: WORKER });
    const inside = scene.connect(url);
    const id = await inside.ping().then(() => scene.services.client('LIST'));
    expect((await scene.keeper.open({ workerId: WORKER })).reveal()).toBe(url.reveal());
    expect(await inside.ping()).toBe('PONG');
    expect(inside.status).toBe('ready');
    expect(String(id)).toContain(`user=${doorUser(PREFIX, { workerId: WORKER })}`);
  });

  it('keeps no password in Redis', async () => {
    const url = await scene.keeper.open({ workerId: WORKER });
    const listed = JSON.stringify(await scene.services.call('ACL', 'LIST'));
    expect(listed).toContain(doorUser(PREFIX, { workerId: WORKER }));
    expect(listed).not.toContain(new URL(url.reveal()).password);
  });

  it('once shut ends its connections, lets nobody in, and leaves no key behind, whatever was written there', async () => {
    const url = await scene.keeper.open({ workerId: WORKER });
    await scene.queue().add('segment', {});
    await scene.queue(OTHER).add('segment', {});
    const inside = scene.connect(url);
    await inside.hset(`${OWN}:of-no-queue`, 'field', 'value');
    const ended = new Promise((resolve) => inside.once('close', resolve));
    await scene.doors.shut(WORKER);
    await ended;
    await expect(scene.connect(url).ping()).rejects.toThrow(/WRONGPASS/);
    expect(await scene.services.keys(`${OWN}:*`)).toStrictEqual([]);
    expect(await scene.queue(OTHER).getWaitingCount()).toBe(1);
  });
});

describe('a keeper of doors', () => {
  beforeEach(async () => {
    scene = await Scene.start();
  });
  afterEach(() => scene.close());

  const keeper = (changes: Partial<DoorSettings>) =>
    scene.closing(new DoorKeeper({ redis: scene.redis, workerUrl: null, secretKey: KEY, ...changes }));

  it('names the place that workers reach Redis at, and never the services’ own user', async () => {
    const elsewhere = keeper({ workerUrl: new Secret('rediss://redis.example:6380') });
    const url = new URL((await elsewhere.open({ workerId: WORKER })).reveal());
    expect(url.host).toBe('redis.example:6380');
    expect(url.protocol).toBe('rediss:');
    expect(url.username).toBe(doorUser(PREFIX, { workerId: WORKER }));
    const services = new URL(scene.own.url.reveal());
    expect(url.password).not.toBe(services.password);
  });

  it('leads into the database that the services use, and into no other', async () => {
    const third = keeper({ redis: { ...scene.redis, url: new Secret(`${scene.own.url.reveal()}/3`) } });
    const url = await third.open({ workerId: WORKER });
    const inside = scene.connect(url);
    await inside.set(`${OWN}:x`, 'x');
    await expect(inside.select(0)).rejects.toThrow(/NOPERM/);
    await scene.services.select(3);
    expect(await scene.services.keys('*')).toStrictEqual([`${OWN}:x`]);
    const place = new Secret('redis://redis.example:1');
    const elsewhere = keeper({
      redis: { ...scene.redis, url: new Secret(`${scene.own.url.reveal()}/3`) },
      workerUrl: place,
    });
    expect(new URL((await elsewhere.open({ workerId: WORKER })).reveal()).pathname).toBe('/3');
  });

  it('hands out a fixed user as it was given, and makes none', async () => {
    const fixed = new Secret('redis://workers:narrow@redis.example');
    const given = keeper({ workerUrl: fixed });
    expect((await given.open({ workerId: WORKER })).reveal()).toBe(fixed.reveal());
    expect(await scene.doors.users()).toStrictEqual([]);
  });

  it('refuses a fixed user that is the services’ own', () => {
    for (const url of ['redis://:another@redis.example', 'redis://default:another@redis.example']) {
      expect(() => keeper({ workerUrl: new Secret(url) })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    }
    expect(() => keeper({ workerUrl: new Secret('no url') })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it('says so where Redis does not let users be made, and hands out nothing', async () => {
    await scene.services.call('ACL', 'SETUSER', 'managed', 'on', '>pw', '~*', '&*', '+@all', '-acl');
    const url = new URL(scene.own.url.reveal());
    url.username = 'managed';
    url.password = 'pw';
    const managed = { url: new Secret(url.href), prefix: PREFIX };
    const held = keeper({ redis: managed });
    held.assertAvailable();
    await expect(held.open({ workerId: WORKER })).rejects.toMatchObject({
      code: 'WORKER_REDIS_USER_UNAVAILABLE',
      kind: 'retryable',
    });
    expect(() => held.assertAvailable()).toThrow(expect.objectContaining({ code: 'WORKER_REDIS_USER_UNAVAILABLE' }));
    const doors = scene.closing(new RedisWorkerDoors(managed));
    await scene.queue().add('segment', {});
    expect(await doors.present()).toStrictEqual([WORKER]);
    await doors.shut(WORKER);
    expect(await doors.present()).toStrictEqual([]);
  });

  it('tells a Redis that lets everybody in', async () => {
    expect(await scene.keeper.isOpenToAll()).toBe(false);
    await scene.services.call('ACL', 'SETUSER', 'default', 'nopass');
    expect(await scene.keeper.isOpenToAll()).toBe(true);
  });
});

describe('the watch over the doors', () => {
  let registry: MemoryWorkerRegistry;
  const logged: string[] = [];
  const log = {
    warn: (fields: { code?: string }) => void logged.push(fields.code ?? ''),
    error: (fields: { code?: string }) => void logged.push(fields.code ?? ''),
  };

  beforeEach(() => {
    registry = new MemoryWorkerRegistry();
    logged.length = 0;
  });
  afterEach(() => scene.close());

  const watch = async (): Promise<DoorWatch> =>
    scene.closing(await watchDoors({ ...scene, workers: registry, log, lookEveryMs: 200 }));

  const register = async (id: string): Promise<void> => {
    const bootstrap = { bootstrapTokenHash: id, bootstrapSeconds: 60 };
    await registry.enter({ id, restoreId: 'r1', azureId: `/vms/${id}`, disks: ['sda'], ...bootstrap });
    await registry.redeemBootstrap(id, id, { tokenHash: `session-of-${id}`, validSeconds: 60 });
  };

  it('opens the doors again after a restart of Redis, and no work in hand is lost by it', async () => {
    scene = await Scene.start();
    await register(WORKER);
    const url = await scene.keeper.open({ workerId: WORKER });
    const runs: string[] = [];
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const run = async (job: Job): Promise<void> => {
      runs.push(job.id ?? '');
      if (job.id === 'before') await released;
    };
    scene.worker(url, run, 60_000);
    const queue = scene.queue();
    await queue.add('segment', {}, { jobId: 'before' });
    await until('it is being worked on', async () => runs.length === 1);
    await scene.own.stop();
    await scene.own.resume();
    // It has been turned away, more than once; what it reports meanwhile has to wait.
    await until('it was refused', async () => (await scene.timesRefused()) > 0);
    release();
    const another = scene.worker(url, run, 60_000);
    const begun = await scene.timesRefused();
    await until('all are refused again', async () => (await scene.timesRefused()) >= begun + 12);
    expect(await scene.doors.users()).toStrictEqual([]);

    await watch();
    await until('it is reported', async () => (await queue.getJob('before'))?.isCompleted());
    await another.waitUntilReady();
    await queue.addBulk(
      [1, 2, 3, 4].map((index) => ({ name: 'segment', data: {}, opts: { jobId: `after-${index}` } })),
    );
    await until('all are done', async () => (await queue.getCompletedCount()) === 5);
    expect(runs.toSorted()).toStrictEqual(['after-1', 'after-2', 'after-3', 'after-4', 'before']);
  });

  it('sees a restart by itself, and lets workers in within seconds', async () => {
    scene = await Scene.start();
    await register(WORKER);
    await watch();
    expect(await scene.doors.users()).toStrictEqual([WORKER]);
    await scene.own.stop();
    await scene.own.resume();
    await until('the door', async () => (await scene.doors.users()).includes(WORKER));
  });

  it('lets two of its kind work side by side', async () => {
    scene = await Scene.start();
    await register(WORKER);
    await register(OTHER);
    await Promise.all([watch(), watch(), watch()]);
    expect((await scene.doors.users()).toSorted()).toStrictEqual([WORKER, OTHER]);
  });

  it('ends a worker’s script that loops within ten seconds, with Redis’ own limits', async () => {
    scene = await Scene.start();
    await register(WORKER);
    await watch();
    const attacker = scene.connect(await scene.keeper.open({ workerId: WORKER }));
    const begun = performance.now();
    await expect(attacker.eval('while true do end', 0)).rejects.toThrow(/killed/i);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(await scene.services.ping()).toBe('PONG');
    expect(logged).toContain('REDIS_SCRIPT_ENDED');
  });

  it('says what has to be done where such a script has written', async () => {
    scene = await Scene.start(['lua-time-limit 100']);
    await register(WORKER);
    await watch();
    const attacker = scene.connect(await scene.keeper.open({ workerId: WORKER }));
    const script = `redis.call('SET', '${OWN}:x', '1') while true do end`;
    attacker.eval(script, 0).catch(() => undefined);
    await until('it is told', async () => logged.includes('REDIS_SCRIPT_UNKILLABLE'));
    await scene.own.stop();
  });
});

workerDoorsContract('RedisWorkerDoors', async () => {
  const made = await Scene.start();
  return {
    doors: made.doors,
    open: async (workerId) => {
      await made.keeper.open({ workerId });
      await made.queue(workerId).add('segment', {});
    },
    dispose: () => made.close(),
  };
});
