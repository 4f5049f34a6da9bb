import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import {
  AFTER_CUT_OVER,
  hasEnded,
  newRestoreId,
  RESTORE_TRANSITIONS,
  Secret,
  type DiscoveredPoint,
  type RestoreState,
} from '@landfall/domain';
import { aRestorePlan, aRestorePoint, aRestoreRequest } from '@landfall/testing';
import pg from 'pg';
import { connectBooks, type Books } from './connect.js';
import { waitForPostgres } from './database.js';
import { temporaryDatabase, type TemporaryDatabase } from './temporary-database.js';

describe('the books in Postgres', () => {
  let database: TemporaryDatabase;
  let all: Books;

  beforeAll(async () => {
    const server = process.env.LANDFALL_TEST_DATABASE_URL;
    assert.ok(server, 'LANDFALL_TEST_DATABASE_URL is not set: run this through the test runner');
    database = await temporaryDatabase(server);
    await query(`ALTER DATABASE "${new URL(database.url.reveal()).pathname.slice(1)}" SET lock_timeout = '2s'`);
    all = connectBooks({ databaseUrl: database.url });
  });
  afterAll(async () => {
    await all.close();
    await database.drop();
  });

  async function query(text: string): Promise<void> {
    const client = new pg.Client({ connectionString: database.url.reveal() });
    await client.connect();
    await client.query(text).finally(() => client.end());
  }

  /** While another session holds what this statement locks. */
  async function whileLocked(statement: string, work: () => Promise<void>): Promise<void> {
    const client = new pg.Client({ connectionString: database.url.reveal() });
    await client.connect();
    try {
      await client.query('BEGIN');
      const { rowCount } = await client.query(statement);
      assert.equal(rowCount, 1);
      await work();
    } finally {
      await client.end();
    }
  }

  it('keep tokens by their hash, and know neither expired nor revoked ones', async () => {
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    const token = { name: 'ci', role: 'operator', tokenHash: hash('t'), expiresAt: null } as const;
    const made = await all.tokens.put(token);
    expect(await all.tokens.byHash(hash('t'))).toStrictEqual(made);
    expect(await all.tokens.byHash(hash('x'))).toBe(null);

    const renamed = await all.tokens.put({ ...token, role: 'viewer' });
    expect([renamed.id, renamed.role]).toStrictEqual([made.id, 'viewer']);
    const expired = await all.tokens.put({ ...token, tokenHash: hash('old'), expiresAt: new Date(Date.now() - 1) });
    expect(await all.tokens.byHash(hash('old'))).toBe(null);

    expect(await all.tokens.revoke(made.id)).toBe(true);
    expect(await all.tokens.revoke(made.id)).toBe(false);
    await all.tokens.put(token);
    expect(await all.tokens.byHash(hash('t'))).toBe(null);
    expect((await all.tokens.list()).map((row) => row.id)).toStrictEqual([made.id, expired.id]);
  });

  it('give the next relay what another one is not just claiming, without waiting for it', async () => {
    for (const jobId of ['first', 'second']) {
      await all.books.transaction((tx) => tx.enqueue({ queue: 'q', jobId, name: 'n', payload: {} }));
    }
    await whileLocked('SELECT 1 FROM "outbox" WHERE "job_id" = \'first\' FOR UPDATE', async () => {
      assert.deepEqual(
        (await all.books.claimOutbox(1)).map(({ jobId }) => jobId),
        ['second'],
      );
    });
    assert.deepEqual(
      (await all.books.claimOutbox(1)).map(({ jobId }) => jobId),
      ['first'],
    );
  });

  it('let nobody replace the points of a repository while somebody else does', async () => {
    const { catalogue } = all;
    const name = 'locked';
    await catalogue.addRepository({
      name,
      kind: 'restic',
      url: '/backups/locked',
      hostedByProvider: false,
      sealedPassword: null,
    });
    await whileLocked(`SELECT 1 FROM "repository" WHERE "name" = '${name}' FOR UPDATE`, () =>
      // What has to wait for the lock gives up soon, in these sessions.
      assert.rejects(catalogue.replacePoints(name, []), /lock timeout/),
    );
    await catalogue.replacePoints(name, []);
  });

  it('forget idempotency keys once they are old', async () => {
    const claim = { key: 'k', bodyHash: 'b', restoreId: 'r-1' };
    await all.books.transaction((tx) => tx.claimIdempotencyKey(claim));
    expect(await all.idempotency.find('k')).toStrictEqual({ bodyHash: 'b', restoreId: 'r-1' });
    expect(await all.idempotency.prune(3_600)).toBe(0);
    expect(await all.idempotency.prune(-1)).toBe(1);
    expect(await all.idempotency.find('k')).toBe(null);
  });

  it('keep one unbroken chain of audit entries that are written side by side, and let nobody change them', async () => {
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        all.audit.append({ actor: 'olivia', action: 'test', subject: `s-${index}`, details: { z: 1, a: 'ü\u0000' } }),
      ),
    );
    expect(await all.audit.verify()).toStrictEqual({ entries: 10, brokenAt: null });
    expect((await all.audit.entries(8)).length).toBe(2);

    const client = new pg.Client({ connectionString: database.url.reveal() });
    await client.connect();
    for (const change of [
      `UPDATE audit_event SET actor = 'mallory'`,
      'DELETE FROM audit_event',
      'TRUNCATE audit_event',
    ]) {
      await expect(client.query(change)).rejects.toThrow(/append-only/);
    }
    await client.query('ALTER TABLE audit_event DISABLE TRIGGER USER');
    await client.query(`UPDATE audit_event SET actor = 'mallory' WHERE sequence = 4`);
    await client.end();
    expect(await all.audit.verify()).toStrictEqual({ entries: 10, brokenAt: 4 });
  });

  it('keep what a repository says, whatever is in it', async () => {
    const { id: _id, repositoryName: _name, machineId: _machine, ...discovered } = aRestorePoint();
    const strange = `nul:\u0000 half:\ud800 quote:'";-- \\u0000`;
    const point: DiscoveredPoint = {
      ...discovered,
      reference: strange,
      machineKey: strange,
      machineName: strange,
      aliases: [strange],
      disks: [{ name: strange, location: strange, sizeBytes: Number.MAX_SAFE_INTEGER }],
      azure: { [strange]: [strange, { deep: null }] },
    };
    const repository = {
      name: 'odd',
      kind: 'restic',
      url: '/x',
      hostedByProvider: false,
      sealedPassword: null,
    } as const;
    await all.catalogue.addRepository(repository);
    await all.catalogue.replacePoints('odd', [point]);
    const [kept] = await all.catalogue.points();
    const stored = `nul:\ufffd half:\ufffd quote:'";-- \\u0000`;
    expect([kept?.reference, kept?.machineName, kept?.aliases, kept?.disks[0]?.sizeBytes, kept?.azure]).toStrictEqual([
      stored,
      stored,
      [stored],
      Number.MAX_SAFE_INTEGER,
      { [stored]: [stored, { deep: null }] },
    ]);
  });

  it('hold words, ends and plans to what they may be, whoever writes', async () => {
    const client = new pg.Client({ connectionString: database.url.reveal() });
    await client.connect();
    const id = newRestoreId();
    const request = aRestoreRequest();
    await all.books.transaction((tx) => tx.createRestore({ id, request, requestedBy: 'olivia' }));
    for (const [change, constraint] of [
      [`UPDATE restore SET state = 'lost' WHERE id = $1`, /restore_state_check/],
      [`UPDATE restore SET state = 'running' WHERE id = $1`, /restore_plan_check/],
      [`UPDATE restore SET state = 'cancelled' WHERE id = $1`, /restore_end_check/],
      [`UPDATE restore SET plan_hash = 'sha256:0' WHERE id = $1`, /restore_plan_hash_check/],
      [`UPDATE restore_work SET parked = true WHERE restore_id = $1`, /restore_work_parked_check/],
      [approvalBy('olivia', '1 hour'), /approval_by_somebody_else_check/],
      [approvalBy('arthur', '0 hours'), /approval_time_check/],
    ] as const) {
      await expect(client.query(change, [id])).rejects.toThrow(constraint);
    }
    await client.end();
  });

  it('let a restore that has cut over be in the states alone that the domain has for it, whoever writes', async () => {
    const client = new pg.Client({ connectionString: database.url.reveal() });
    await client.connect();
    const id = newRestoreId();
    await all.books.transaction(async (tx) => {
      await tx.createRestore({ id, request: aRestoreRequest(), requestedBy: 'olivia' });
      await tx.storePlan(id, aRestorePlan());
    });
    for (const state of Object.keys(RESTORE_TRANSITIONS) as RestoreState[]) {
      const cutOver = client.query(`UPDATE restore SET state = $2, ended_at = $3, cut_over_at = now() WHERE id = $1`, [
        ...[id, state, hasEnded(state) ? new Date() : null],
      ]);
      if (AFTER_CUT_OVER.includes(state)) await cutOver;
      else await expect(cutOver).rejects.toThrow(/restore_cut_over_check/);
    }
    await client.end();
  });

  it('say that Postgres is away, at the start and in the middle, and go on when it is back', async () => {
    const away = { databaseUrl: new Secret('postgresql://a:b@127.0.0.1:1/c') };
    await expect(waitForPostgres(away, 300)).rejects.toMatchObject({ code: 'POSTGRES_UNREACHABLE', kind: 'retryable' });
    const wrong = new URL(database.url.reveal());
    wrong.password = 'wrong';
    await expect(waitForPostgres({ databaseUrl: new Secret(wrong.href) }, 0)).rejects.toMatchObject({
      code: 'POSTGRES_UNREACHABLE',
    });

    const cable = await Cable.to(database.url);
    const books = connectBooks({ databaseUrl: cable.url });
    try {
      await waitForPostgres({ databaseUrl: cable.url }, 5_000);
      await books.ping();
      cable.cut();
      await expect(books.ping()).rejects.toMatchObject({ code: 'POSTGRES_UNREACHABLE' });
      await expect(books.books.transaction((tx) => tx.lockRestore('r-1'))).rejects.toMatchObject({
        code: 'POSTGRES_UNREACHABLE',
      });
      cable.mend();
      await books.ping();
      const broken = books.books.transaction(async (tx) => {
        await tx.lockRestore('r-1');
        cable.cut();
        await tx.lockRestore('r-1');
      });
      await expect(broken).rejects.toMatchObject({ code: 'POSTGRES_UNREACHABLE' });
    } finally {
      await books.close();
      await cable.close();
    }
  });
});

/** Of what olivia has asked for. */
function approvalBy(actor: string, valid: string): string {
  return `INSERT INTO approval (restore_id, plan_hash, requested_by, approved_by, approved_at, expires_at, self_approval)
          VALUES ($1, 'sha256:0', 'olivia', '${actor}', now(), now() + interval '${valid}', false)`;
}

/** A way to Postgres that can be cut and mended. */
class Cable {
  readonly #sockets = new Set<Socket>();
  readonly #server;
  #open = true;

  private constructor(private readonly target: URL) {
    this.#server = createServer((socket) => {
      if (!this.#open) {
        socket.destroy();
        return;
      }
      const upstream = connect(Number(this.target.port), this.target.hostname);
      for (const end of [socket, upstream]) {
        this.#sockets.add(end);
        end.on('error', () => undefined);
      }
      socket.pipe(upstream).pipe(socket);
    });
  }

  static async to(databaseUrl: Secret): Promise<Cable> {
    const cable = new Cable(new URL(databaseUrl.reveal()));
    await once(cable.#server.listen(0, '127.0.0.1'), 'listening');
    return cable;
  }

  get url(): Secret {
    const url = new URL(this.target.href);
    url.port = String((this.#server.address() as AddressInfo).port);
    return new Secret(url.href);
  }

  cut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  mend(): void {
    this.#open = true;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
