import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { newRestoreId, type RestorePlan, Secret, type Segment, stepKey } from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { temporaryDatabase, type TemporaryDatabase } from '@landfall/persistence/temporary-database';
import { aRestorePlan, aRestoreRequest, theContents } from '@landfall/testing';
import pg from 'pg';
import { claimSegment } from './claim.js';
import type { SegmentResult } from './mover-protocol.js';
import { goOn } from './coordinator.js';
import { grantOf } from './grant.js';
import { enterReport } from './results.js';

const CELL = 128 * 1024 * 1024;
const MOVER = 'w-0/a1';
const DONE: SegmentResult = { kind: 'done', bytesRead: 1, bytesWritten: 1, bytesZero: 0, milliseconds: 1 };
const MOST = 8;
const MOST_AT_AN_END = 16;
const MOST_OF_A_GRANT = 2;
/** All segments of a restore are looked through: the more there are, the longer it takes. */
const OVER_ALL_SEGMENTS = /\b(sum|count)\s*\(/i;

describe('the cost in Postgres', () => {
  let database: TemporaryDatabase;
  let all: Books;
  const query = pg.Client.prototype.query;
  let statements: string[] = [];

  beforeAll(async () => {
    database = await temporaryDatabase(process.env.LANDFALL_TEST_DATABASE_URL ?? '');
    all = connectBooks({ databaseUrl: database.url });
    pg.Client.prototype.query = function (this: pg.Client, ...parameters: unknown[]) {
      const [first] = parameters as [string | { text?: string }];
      const text = typeof first === 'string' ? first : (first.text ?? '');
      if (!/^(BEGIN|COMMIT|ROLLBACK|SET|SAVEPOINT|RELEASE)\b/i.test(text)) statements.push(text);
      return Reflect.apply(query, this, parameters) as never;
    } as typeof query;
  });
  afterAll(async () => {
    pg.Client.prototype.query = query;
    await all.close();
    await database.drop();
  });

  /** A restore whose step 5 is parked, with so many segments to be written, all of them or all but one done. */
  async function inTransfer(count: number, done: 'none' | 'all but one', verify: 'none' | 'sampled' = 'sampled') {
    const { books } = all;
    const restoreId = newRestoreId();
    const template = aRestorePlan();
    const plan: RestorePlan = {
      ...template,
      disks: [{ ...template.disks[0]!, sizeBytes: count * CELL }],
      options: { ...template.options, verify },
    };
    await books.transaction(async (tx) => {
      await tx.createRestore({ id: restoreId, request: aRestoreRequest(), requestedBy: 'olivia' });
      await tx.storePlan(restoreId, plan);
      await tx.moveRestore(restoreId, { from: 'planning', epoch: 0 }, 'running');
      for (const { id, applies } of plan.steps) {
        const guard = { from: 'pending', epoch: 0 } as const;
        if (id === 'restore-data') break;
        if (!applies) await tx.moveWork(restoreId, stepKey(id), guard, 'skipped');
        else {
          const disks = [{ name: 'sda', lun: 0 }];
          const output = id === 'launch-worker' ? { workers: [{ workerId: 'w', azureId: '/vms/w', disks }] } : {};
          await tx.moveWork(restoreId, stepKey(id), guard, 'running');
          await tx.moveWork(restoreId, stepKey(id), { from: 'running', epoch: 0 }, 'done', { output });
        }
      }
      await tx.moveWork(restoreId, stepKey('restore-data'), { from: 'pending', epoch: 0 }, 'running', { parked: true });
      await tx.createSegments(
        Array.from({ length: count }, (_, index) => ({
          ...{ restoreId, diskName: 'sda', purpose: 'move' as const, index },
          ...{ offsetBytes: index * CELL, lengthBytes: CELL },
        })),
      );
    });
    if (done === 'all but one') {
      const client = new pg.Client({ connectionString: database.url.reveal() });
      await client.connect();
      await client.query(`UPDATE segment SET state = 'done' WHERE restore_id = $1 AND index > 0`, [restoreId]);
      await client.end();
    }
    await books.transaction(async (tx) => goOn(tx, (await tx.lockRestore(restoreId))!));
    return restoreId;
  }

  async function claimed(restoreId: string): Promise<Segment> {
    const [segment] = await all.books.segments(restoreId, { states: ['pending'], limit: 1 });
    const claim = { segmentId: segment!.id, epoch: segment!.epoch, mover: MOVER, workerId: 'w' };
    const decision = await claimSegment(all.books, claim);
    expect(decision.kind).toBe('granted');
    return decision.kind === 'granted' ? decision.segment : segment!;
  }

  /** Statements less those that begin and end the transaction. */
  async function costOf(restoreId: string, result: SegmentResult): Promise<number> {
    const { id, epoch } = await claimed(restoreId);
    statements = [];
    await enterReport(all.books, { workerId: 'w' }, id, { restoreId, epoch, mover: MOVER, result });
    return statements.length;
  }

  it(`of a grant takes at most ${MOST_OF_A_GRANT} statements, none over all segments`, async () => {
    const restoreId = await inTransfer(8, 'none');
    await all.books.transaction(async (tx) => {
      const { plan } = (await tx.lockRestore(restoreId))!;
      await tx.storeContents(restoreId, theContents(plan!), []);
    });
    const segment = await claimed(restoreId);
    const ports = {
      ...{ books: all.books, diskAccesses: all.diskAccesses, secrets: { open: () => new Secret('') } },
      repositoryAccess: () => Promise.resolve({ kind: 'folder', folder: '/backups', password: 'p' } as never),
    };
    statements = [];
    expect(await grantOf(ports, segment, 0)).toMatchObject({ segmentId: segment.id, target: { kind: 'lun', lun: 0 } });
    expect(statements.length).toBeLessThanOrEqual(MOST_OF_A_GRANT);
    expect(statements.filter((text) => OVER_ALL_SEGMENTS.test(text))).toStrictEqual([]);
  });

  for (const count of [8, 8_192]) {
    it(`of a report of a finished segment takes at most ${MOST} statements, one of ${count}`, async () => {
      const restoreId = await inTransfer(count, 'none');
      const costs = [];
      for (let time = 0; time < 3; time += 1) costs.push(await costOf(restoreId, DONE));
      assert.ok(Math.max(...costs) <= MOST, `${costs.join(', ')}: ${statements.join('\n')}`);
      assert.ok(Math.max(...costs) > 3, 'the statements are counted');
      expect(await costOf(restoreId, { kind: 'given-back', code: 'LOCK_LOST' })).toBeLessThanOrEqual(MOST);
      expect(await costOf(restoreId, { kind: 'failed', code: 'STORE_UNREACHABLE' })).toBeLessThanOrEqual(MOST);
    });

    it(`of a report that ends a phase or the step takes at most ${MOST_AT_AN_END}, of ${count} segments`, async () => {
      const phase = await inTransfer(count, 'all but one');
      const cost = await costOf(phase, DONE);
      assert.ok((await all.books.segments(phase, { purpose: 'verify', limit: 1 })).length === 1, 'the phase has ended');
      assert.ok(cost <= MOST_AT_AN_END, `${cost}: ${statements.join('\n')}`);

      const step = await inTransfer(count, 'all but one', 'none');
      const last = await costOf(step, DONE);
      const state = (await all.books.restore(step))?.works.find(({ id }) => id === 'restore-data')?.state;
      expect(state).toBe('done');
      assert.ok(last <= MOST_AT_AN_END, `${last}: ${statements.join('\n')}`);
    });

    it(`of a report that turns the restore round takes at most ${MOST_AT_AN_END}, of ${count} segments`, async () => {
      const restoreId = await inTransfer(count, 'none');
      const cost = await costOf(restoreId, { kind: 'failed', code: 'TARGET_FLUSH_FAILED' });
      expect((await all.books.restore(restoreId))?.state).toBe('rolling-back');
      assert.ok(cost <= MOST_AT_AN_END, `${cost}: ${statements.join('\n')}`);
    });
  }
});
