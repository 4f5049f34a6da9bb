import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { temporaryDatabase, type TemporaryDatabase } from '@landfall/persistence/temporary-database';
import { requestRestore } from '@landfall/pipeline';
import { aRestoreRequest } from '@landfall/testing';
import { Redis } from 'ioredis';
import pg from 'pg';
import { FaultProxy } from './fault-proxy.js';
import { PatternCut } from './pattern-cut.js';
import { PostgresCuts } from './postgres-cuts.js';

let databaseUrl: URL;
let redisUrl: URL;
beforeAll(() => {
  const { LANDFALL_TEST_DATABASE_URL: database, LANDFALL_TEST_REDIS_URL: redis } = process.env;
  assert.ok(database && redis, 'Run this with the test runner: it starts the servers.');
  databaseUrl = new URL(database);
  redisUrl = new URL(redis);
});

function through(proxy: FaultProxy, url: URL): string {
  const changed = new URL(url);
  changed.port = String(proxy.port);
  return changed.toString();
}

describe('a COMMIT that is cut', () => {
  const cuts = new PostgresCuts();
  let proxy: FaultProxy;
  let direct: pg.Client;
  beforeEach(async () => {
    proxy = await FaultProxy.listen({ port: Number(databaseUrl.port), observe: cuts.observe });
    direct = new pg.Client({ connectionString: databaseUrl.toString() });
    await direct.connect();
    await direct.query('CREATE TABLE IF NOT EXISTS "cut" ("id" text PRIMARY KEY)');
    await direct.query('TRUNCATE "cut"');
  });
  afterEach(async () => {
    cuts.disarm();
    await direct.query('DROP TABLE "cut"');
    await direct.end();
    await proxy.close();
  });

  async function insert(id: string, commit: string | pg.QueryConfig): Promise<Error | null> {
    const client = new pg.Client({ connectionString: through(proxy, databaseUrl) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('INSERT INTO "cut" VALUES ($1)', [id]);
      await client.query(commit);
      return null;
    } catch (error) {
      return error as Error;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async function rows(): Promise<string[]> {
    const { rows } = await direct.query<{ id: string }>('SELECT "id" FROM "cut" ORDER BY "id"');
    return rows.map((row) => row.id);
  }

  const prepared = { text: 'COMMIT', values: [], name: 'the-commit' };
  for (const [how, commit] of [
    ['as a simple query', 'COMMIT'],
    ['as a prepared statement', prepared],
  ] as const) {
    it(`before the server sees it is rolled back, ${how}`, async () => {
      const fired = cuts.arm({ at: 'before-commit' });
      expect(await insert('a', commit)).toBeTruthy();
      await fired;
      expect(await rows()).toStrictEqual([]);
      assert.equal(await insert('b', commit), null, 'one cut is one cut');
      expect(await rows()).toStrictEqual(['b']);
    });

    it(`after the server has said so is committed, and the client hears nothing of it, ${how}`, async () => {
      const fired = cuts.arm({ at: 'after-commit' });
      expect(await insert('a', commit)).toBeTruthy();
      await fired;
      expect(await rows()).toStrictEqual(['a']);
    });
  }

  it('can be chosen by what its transaction has written', async () => {
    const fired = cuts.arm({ at: 'after-commit', matching: (transaction) => transaction.includes('the-third') });
    for (const id of ['the-first', 'the-second']) expect(await insert(id, 'COMMIT')).toBe(null);
    expect(await insert('the-third', 'COMMIT')).toBeTruthy();
    await fired;
    expect(await rows()).toStrictEqual(['the-first', 'the-second', 'the-third']);
  });
});

describe('the books behind a COMMIT that is cut', () => {
  const cuts = new PostgresCuts();
  let proxy: FaultProxy;
  let database: TemporaryDatabase;
  let books: Books;
  let direct: Books;
  beforeEach(async () => {
    database = await temporaryDatabase(databaseUrl.toString());
    direct = connectBooks({ databaseUrl: database.url });
    proxy = await FaultProxy.listen({ port: Number(databaseUrl.port), observe: cuts.observe });
    books = connectBooks({ databaseUrl: new Secret(through(proxy, new URL(database.url.reveal()))) });
  });
  afterEach(async () => {
    await books.close();
    await direct.close();
    await database.drop();
    await proxy.close();
  });

  for (const [at, kept] of [
    ['before-commit', 0],
    ['after-commit', 1],
  ] as const) {
    it(`report a database that is away, and hold ${kept} restore, when it is cut ${at}`, async () => {
      const fired = cuts.arm({ at, matching: (transaction) => transaction.includes('restore_event') });
      const order = { request: aRestoreRequest(), requestedBy: 'tester' };
      await expect(requestRestore(books.books, order)).rejects.toMatchObject({ code: 'POSTGRES_UNREACHABLE' });
      await fired;
      expect((await direct.books.restores()).length).toBe(kept);
      await requestRestore(books.books, order);
      assert.equal((await direct.books.restores()).length, kept + 1, 'the next transaction gets a new connection');
    });
  }
});

/** Unlike `once` of node:events it does not mind an error that comes first. */
function heard(redis: Redis, event: 'close' | 'ready'): Promise<void> {
  return new Promise((resolve) => redis.once(event, () => resolve()));
}

describe('the proxy in front of Redis', () => {
  const pattern = new PatternCut();
  let proxy: FaultProxy;
  let redis: Redis;
  beforeEach(async () => {
    proxy = await FaultProxy.listen({ port: Number(redisUrl.port), observe: pattern.observe });
    redis = new Redis(through(proxy, redisUrl), {
      maxRetriesPerRequest: 0,
      retryStrategy: () => 20,
      lazyConnect: true,
    });
    redis.on('error', () => undefined);
    await redis.connect();
  });
  afterEach(async () => {
    redis.disconnect();
    await proxy.close();
  });

  it('resets connections when it is told to, and lets new ones through', async () => {
    expect(await redis.ping()).toBe('PONG');
    const closed = heard(redis, 'close');
    proxy.cut();
    await closed;
    await heard(redis, 'ready');
    expect(await redis.ping()).toBe('PONG');
  });

  it('lets nobody through while it refuses', async () => {
    proxy.refuse(true);
    await expect(redis.ping()).rejects.toThrow();
    expect(proxy.connections).toBe(0);
    const ready = heard(redis, 'ready');
    proxy.refuse(false);
    await ready;
    expect(await redis.ping()).toBe('PONG');
  });

  it('passes nothing while it is silent, and everything in its order afterwards', async () => {
    proxy.silence(true);
    const answers = Promise.all([redis.echo('1'), redis.echo('2')]);
    expect(await Promise.race([answers, pause(150, 'silence')])).toBe('silence');
    proxy.silence(false);
    expect(await answers).toStrictEqual(['1', '2']);
  });

  it('cuts right behind the bytes that it was given: the command has its effect, its sender is not told', async () => {
    const key = `cut-${process.pid}`;
    const fired = pattern.arm(`$5\r\nvalue\r\n`, 'to-server');
    await expect(redis.set(key, 'value')).rejects.toThrow();
    await fired;
    await heard(redis, 'ready');
    expect(await redis.getdel(key)).toBe('value');
  });

  it('cuts before them: the command has no effect', async () => {
    const key = `cut-${process.pid}`;
    const fired = pattern.arm(`$5\r\nvalue\r\n`, 'to-server', 'before');
    await expect(redis.set(key, 'value')).rejects.toThrow();
    await fired;
    await heard(redis, 'ready');
    expect(await redis.get(key)).toBe(null);
  });
});
