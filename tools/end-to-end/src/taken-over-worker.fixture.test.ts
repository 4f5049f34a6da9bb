import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FaultControl } from '@landfall/azure-emulator';
import { Secret, type Segment } from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { QUEUES, segmentJobId, workerQueue } from '@landfall/pipeline';
import { FAILURE_CODES, GIVEN_BACK_CODES } from '@landfall/transfer';
import { Redis } from 'ioredis';
import { Intruder, sessionOf, type Answer } from './intruder.fixture.test.js';
import type { Finished, RestoreView, Stack } from './landfall.js';
import { diskImage, folder, GIB, ResticRepository } from './machines.js';
import { assertSameDisk } from './same-disk.js';

/*
 * Two restores side by side, each with its worker, slow enough that both are in the middle for as long as somebody tries
 * with all that he finds on the first worker to get at the second restore. The books are read to know what he may know, and
 * to see that nothing moves.
 */
const MIB = 1024 * 1024;
/** Of each worker. Together with what there is to write: more than a minute. */
const WORKER_BYTES_PER_SECOND = MIB;
const STRETCHES = [0, 128, 256, 384, 512].map((at) => [at, 16] as const);
const WITHIN_MS = 120_000;
/** A command, or one that a script has called. */
const REFUSED = /^NOPERM|^ERR The user executing the script can't (access|run)/;

interface Running {
  readonly id: string;
  readonly workerId: string;
  readonly finished: Promise<Finished>;
}

export function takenOverWorker(get: () => Stack): void {
  describe('whoever holds the session file of a worker', () => {
    let stack: Stack;
    let books: Books;
    let source: string;
    let point: string;
    beforeAll(async () => {
      stack = get();
      const { postgres, azure, azureCa, azureToken } = await stack.file();
      books = connectBooks({ databaseUrl: new Secret(postgres), poolSize: 2 });
      await new FaultControl({ url: azure, caPath: azureCa, token: azureToken }).change({
        workerBytesPerSecond: WORKER_BYTES_PER_SECOND,
      });
      const at = await folder(stack.folder, 'two');
      source = join(at, 'disk.raw');
      await diskImage(source, GIB, STRETCHES);
      const repository = await ResticRepository.init(join(at, 'repo'), { compression: 'off' });
      point = await repository.backup(at, ['disk.raw']);
      await stack.json([
        ...['repo', 'add', 'two', '--kind', 'restic', '--url', repository.folder],
        ...['--password-file', repository.passwordFile],
      ]);
    });
    afterAll(async () => {
      await books.close();
    });

    it('can neither complete, fail nor hold up another restore', async () => {
      const [own, other] = await Promise.all([start('own'), start('other')]);
      const { api } = await stack.file();
      const intruder = new Intruder(api, await sessionOf(stack.dataDirectory, own.workerId));
      try {
        assert.equal(await intruder.tryInRedis('PING'), null, 'the session opens Redis');
        expect((await intruder.ask(`/internal/v1/workers/${own.workerId}/heartbeat`, aMover('x'))).status).toBe(200);

        const held = await running(other.id);
        await assertRefusedByApi(intruder, own, other, held);
        await assertRefusedByRedis(intruder, own, other, held);

        for (const segment of held) {
          const now = await books.books.segment(segment.id);
          assert.deepEqual([now?.epoch, now?.mover], [segment.epoch, segment.mover], 'it is held by whoever held it');
          assert.ok(now?.state === 'running' || now?.state === 'done', `it is ${now?.state}`);
        }
        assert.equal((await restoreOf(own)).state, 'running', 'it was tried while both were in the middle');
        expect((await restoreOf(other)).state).toBe('running');
        await assertAudited(own, held);

        for (const { id, finished } of [own, other]) {
          const { code, stdout, stderr } = await finished;
          assert.equal(code, 0, stderr);
          const restore = JSON.parse(stdout) as RestoreView;
          expect([restore.id, restore.state]).toStrictEqual([id, 'completed']);
          await assertSameDisk(stack, restore, 'disk', source);
        }
        const told = (await books.books.events(other.id, 0, 10_000)).filter(
          ({ type, data }) =>
            ['segment.failed', 'disk.failed'].includes(type) || JSON.stringify(data).includes(own.workerId),
        );
        expect(told).toStrictEqual([]);
        await assertShutOut(intruder, own, held);
      } finally {
        intruder.leave();
      }
    });

    /** Begins a restore, and waits until its worker has segments in hand. */
    async function start(name: string): Promise<Running> {
      const { finished } = stack.start([
        ...['restore', '--point', point, '--to', 'new', '--name', name, '--generation', '1', '--watch', '--json'],
      ]);
      for (const deadline = performance.now() + WITHIN_MS; performance.now() < deadline; await pause(100)) {
        const restores = await books.books.restores();
        const restore = restores.find(({ request }) => request.destination.name === name);
        if (restore === undefined || (await running(restore.id)).length === 0) continue;
        const [worker] = await books.workers.workers({ restoreId: restore.id });
        return { id: restore.id, workerId: worker!.id, finished };
      }
      throw new Error(`The restore ${name} has no segment in hand.`);
    }

    function running(restoreId: string): Promise<readonly Segment[]> {
      return books.books.segments(restoreId, { states: ['running'] });
    }

    async function restoreOf({ id }: Running) {
      const restore = await books.books.restore(id);
      assert.ok(restore);
      return restore;
    }

    async function assertAudited(own: Running, held: readonly Segment[]): Promise<void> {
      const entries = (await books.audit.entries(0, 10_000)).filter(({ action }) => action === 'report.refused');
      assert.ok(entries.length >= 5, `${entries.length} refused reports are in the audit log`);
      for (const { actor, subject, details } of entries) {
        expect(actor).toBe(`worker:${own.workerId}`);
        expect(held.some(({ id }) => id === subject)).toBe(true);
        expect([details['status'], details['code']]).toStrictEqual([409, 'GRANT_UNKNOWN']);
      }
      expect((await books.audit.verify()).brokenAt).toBe(null);
    }

    /** Once both restores have ended, what lay on the worker is worth nothing. */
    async function assertShutOut(intruder: Intruder, own: Running, held: readonly Segment[]): Promise<void> {
      const redis = new Redis(intruder.session.redisUrl, { lazyConnect: true, retryStrategy: null });
      redis.on('error', () => undefined);
      try {
        const { username, password } = new URL(intruder.session.redisUrl);
        await expect(redis.connect().then(() => redis.ping())).rejects.toThrow();
        const anew = new Redis((await stack.file()).redis, { lazyConnect: true, retryStrategy: null });
        try {
          await anew.connect();
          await expect(anew.call('AUTH', decodeURIComponent(username), decodeURIComponent(password))).rejects.toThrow(
            /WRONGPASS/,
          );
        } finally {
          anew.disconnect();
        }
      } finally {
        redis.disconnect();
      }
      assert.notEqual(await intruder.tryInRedis('PING'), null, 'the connection that he had is ended, too');
      const heartbeat = await intruder.ask(`/internal/v1/workers/${own.workerId}/heartbeat`, aMover('x'));
      expect(heartbeat.status).toBe(401);
      for (const segment of held) {
        const verdict = await report(intruder, segment, { kind: 'failed', code: 'TARGET_FLUSH_FAILED' });
        expect(verdict).toStrictEqual({ status: 409, code: 'GRANT_UNKNOWN' });
        expect((await report(intruder, segment, DONE)).status).toBe(401);
      }
    }
  });
}

const DONE = { kind: 'done', bytesRead: 4096, bytesWritten: 4096, bytesZero: 0, milliseconds: 1 };

function aMover(name: string) {
  return { mover: { name, pid: 1 } };
}

function report(
  intruder: Intruder,
  { id, restoreId, epoch, mover }: Segment,
  result: object,
  claimed: object = {},
): Promise<Answer> {
  return intruder.ask(`/internal/v1/segments/${id}/report`, { restoreId, epoch, mover, result, ...claimed });
}

/** Everything that a data-mover can say, said of the other restore's segments in the names of those that hold them. */
async function assertRefusedByApi(
  intruder: Intruder,
  own: Running,
  other: Running,
  held: readonly Segment[],
): Promise<void> {
  const results = [
    DONE,
    ...FAILURE_CODES.map((code) => ({ kind: 'failed', code })),
    ...GIVEN_BACK_CODES.map((code) => ({ kind: 'given-back', code })),
  ];
  for (const segment of held) {
    const answers = await Promise.all([
      ...results.map((result) => report(intruder, segment, result)),
      report(intruder, segment, DONE, { restoreId: own.id }),
      report(intruder, segment, DONE, { mover: `${own.workerId}-0/cafe` }),
      report(intruder, segment, DONE, { epoch: segment.epoch + 1 }),
    ]);
    for (const answer of answers) expect(answer).toStrictEqual({ status: 409, code: 'GRANT_UNKNOWN' });
  }
  for (const { id, epoch, mover } of held) {
    const claims = await Promise.all(
      [epoch, epoch + 1].map((each) =>
        intruder.ask(`/internal/v1/segments/${id}/claim`, { epoch: each, mover, gone: [mover] }),
      ),
    );
    for (const claim of claims) expect(claim).toStrictEqual({ status: 403, code: 'NOT_ITS_OWN' });
  }
  const movers = [...new Set(held.map(({ mover }) => mover))];
  for (const mover of movers) {
    const named = { mover };
    expect(await intruder.ask('/internal/v1/movers/renew', named)).toStrictEqual({ status: 409, code: 'LEASE_LOST' });
    // A name is one among the data-movers of its own worker: here nobody has it, so that these three move nothing.
    expect((await intruder.ask('/internal/v1/movers/leave', named)).status).toBe(200);
    expect((await intruder.ask('/internal/v1/movers/started', named)).status).toBe(200);
    expect((await intruder.ask('/internal/v1/movers/lease', named)).status).toBe(200);
  }
  const foreign = [
    [`/internal/v1/workers/${other.workerId}/heartbeat`, aMover(`${other.workerId}-0`), 403],
    [`/internal/v1/workers/${other.workerId}/register`, { bootstrapToken: 'guessed', ...aMover('x') }, 401],
    ['/internal/v1/movers/place', {}, 403],
    [`/v1/restores/${other.id}/cancel`, {}, 401],
  ] as const;
  for (const [path, body, status] of foreign) assert.equal((await intruder.ask(path, body)).status, status, path);
}

/** Everything that could take the other restore's jobs from it, or Redis from everybody. */
async function assertRefusedByRedis(
  intruder: Intruder,
  own: Running,
  other: Running,
  held: readonly Segment[],
): Promise<void> {
  const prefix = intruder.session.queuePrefix ?? 'landfall';
  const mine = `${prefix}:${workerQueue(own.workerId)}`;
  const theirs = `${prefix}:${workerQueue(other.workerId)}`;
  const jobs = held.map(({ id, epoch }) => segmentJobId(id, epoch));
  const lock = `${theirs}:${jobs[0]}:lock`;
  const commands: readonly (readonly [string, ...string[]])[] = [
    // Jobs put into its queue, taken from it, or changed.
    ['LPUSH', `${theirs}:wait`, 'forged'],
    ['HSET', `${theirs}:forged`, 'name', 'segment', 'data', '{}'],
    ['ZADD', `${theirs}:delayed`, '0', 'forged'],
    ['XADD', `${theirs}:events`, '*', 'event', 'waiting', 'jobId', 'forged'],
    ['HSET', `${theirs}:meta`, 'paused', '1'],
    ['LRANGE', `${theirs}:active`, '0', '-1'],
    ['RPOPLPUSH', `${theirs}:wait`, `${mine}:wait`],
    ['RPOPLPUSH', `${mine}:wait`, `${theirs}:wait`],
    ['BZPOPMIN', `${theirs}:marker`, '0.01'],
    ...jobs.flatMap((job): readonly (readonly [string, ...string[]])[] => [
      ['HGETALL', `${theirs}:${job}`],
      ['DEL', `${theirs}:${job}:lock`],
      ['SET', `${theirs}:${job}:lock`, 'mine'],
      ['PEXPIRE', `${theirs}:${job}:lock`, '1'],
    ]),
    ['EVAL', `return redis.call('DEL', KEYS[1])`, '1', lock],
    ['EVAL', `return redis.call('DEL', '${lock}')`, '0'],
    ['EVAL', `return redis.pcall('DEL', '${lock}')`, '1', `${mine}:meta`],
    ['EVAL', `return redis.call('RPUSH', '${theirs}:wait', 'forged')`, '1', `${mine}:wait`],
    ['EVAL', `return redis.call('FLUSHALL')`, '0'],
    // Results by way of a queue, and work for the services.
    ['RPUSH', `${prefix}:mover-results:wait`, 'forged'],
    ['HSET', `${prefix}:mover-results:forged`, 'name', 'segment-done', 'data', '{}'],
    ...Object.values(QUEUES).map((queue) => ['RPUSH', `${prefix}:${queue}:wait`, 'forged'] as const),
    // Redis itself.
    ...['FLUSHALL', 'FLUSHDB', 'RANDOMKEY', 'DBSIZE', 'MONITOR', 'SHUTDOWN', 'MULTI', 'ROLE'].map(
      (word) => [word] as const,
    ),
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['CONFIG', 'GET', '*'],
    ['CONFIG', 'SET', 'maxmemory', '1'],
    ['ACL', 'LIST'],
    ['ACL', 'WHOAMI'],
    ['ACL', 'SETUSER', 'intruder', 'on', 'nopass', '~*', '+@all'],
    ['SCRIPT', 'FLUSH'],
    ['SCRIPT', 'KILL'],
    ['SCRIPT', 'LOAD', 'return 1'],
    ['FUNCTION', 'LIST'],
    ['CLIENT', 'LIST'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ['CLIENT', 'PAUSE', '1000'],
    ['SELECT', '1'],
    ['SWAPDB', '0', '1'],
    ['PUBLISH', 'x', 'y'],
    ['SLOWLOG', 'GET'],
    ['REPLICAOF', 'NO', 'ONE'],
    ['MODULE', 'LIST'],
    ['RENAME', lock, `${mine}:x`],
    ['COPY', lock, `${mine}:x`],
  ];
  for (const [command, ...parameters] of commands) {
    const refused = await intruder.tryInRedis(command, ...parameters);
    assert.match(refused ?? 'not refused', REFUSED, [command, ...parameters].join(' '));
  }
}
