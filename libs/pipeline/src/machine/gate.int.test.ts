import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { someObservedFacts } from '@landfall/domain/fixtures/gate-facts';
import type { LockedRestore, Problem, RestoreBooks, StepId, WorkRun } from '@landfall/domain';
import { connectBooks, type Books } from '@landfall/persistence';
import { temporaryDatabase, type TemporaryDatabase } from '@landfall/persistence/temporary-database';
import { aRestorePlan, aRestoreRequest } from '@landfall/testing';
import { requestRestore } from '../request-restore.js';
import { beginWork, failRestore, recordOutcome } from './advance.js';
import { requestApproval } from './approve.js';
import { passGate } from './pass-gate.js';
import { doneAs } from './scene.fixture.test.js';

/* Over Postgres, where transactions are side by side. */
const PLAN = aRestorePlan({ steps: ['plan', 'restore-data', 'remove-source', 'create-vm'] });
const VERDICT = { code: 'VERIFY_MISMATCH', message: 'It holds other bytes.', fix: 'Start anew.' };
const PAIRS = 12;

describe('the gate in Postgres', () => {
  let database: TemporaryDatabase;
  let all: Books;
  let books: RestoreBooks;

  beforeAll(async () => {
    database = await temporaryDatabase(process.env.LANDFALL_TEST_DATABASE_URL ?? '');
    all = connectBooks({ databaseUrl: database.url });
    books = all.books;
  });
  afterAll(async () => {
    await all.close();
    await database.drop();
  });

  async function restoreOf(id: string): Promise<LockedRestore> {
    const restore = await books.restore(id);
    assert.ok(restore);
    return restore;
  }

  async function begin(restoreId: string, work: StepId): Promise<WorkRun> {
    const found = (await restoreOf(restoreId)).works.find(({ id }) => id === work);
    const run = { restoreId, work, epoch: found?.epoch ?? 0 };
    assert.ok(await beginWork(books, run), `${work} can't begin`);
    return run;
  }

  /** A run that is about to pass the gate, approved by arthur. */
  async function beforeGate(): Promise<WorkRun> {
    const { restoreId } = await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'olivia' });
    const planning = await begin(restoreId, 'plan');
    await books.transaction((tx) => tx.storePlan(restoreId, PLAN));
    await recordOutcome(books, planning, doneAs('plan'));
    const transfer = await begin(restoreId, 'restore-data');
    await books.transaction(async (tx) => {
      await tx.lockRestore(restoreId);
      const range = { restoreId, diskName: 'sda', index: 0, offsetBytes: 0, lengthBytes: 512 };
      await tx.createSegments([
        { ...range, purpose: 'move' },
        { ...range, purpose: 'verify' },
      ]);
      for (const { id } of await tx.segments(restoreId, {})) {
        await tx.moveSegment(id, { from: 'pending', epoch: 0 }, 'done');
      }
    });
    await recordOutcome(books, transfer, doneAs('restore-data'));
    expect((await restoreOf(restoreId)).state).toBe('awaiting-approval');
    await requestApproval(books, restoreId, 'arthur', { planHash: PLAN.planHash });
    return begin(restoreId, 'remove-source');
  }

  async function pass(run: WorkRun): Promise<readonly Problem[]> {
    const { restoreId } = run;
    const stoppedAt = await books.transaction((tx) => tx.now());
    return passGate(books, run, someObservedFacts({ restoreId, stoppedAt, disks: ['sda'] }));
  }

  async function enterVerdict({ restoreId }: WorkRun): Promise<void> {
    await books.transaction(async (tx) => {
      const restore = await tx.lockRestore(restoreId);
      assert.ok(restore);
      await tx.addVerdict({ restoreId, diskName: 'sda', segmentId: 's', epoch: 1, mover: 'w/1', ...VERDICT });
      await failRestore(tx, restore, 'restore-data', VERDICT);
    });
  }

  it('is passed once by whoever comes at the same moment', async () => {
    const run = await beforeGate();
    expect(await Promise.all([pass(run), pass(run), pass(run)])).toStrictEqual([[], [], []]);
    const told = (await books.events(run.restoreId)).filter(({ type }) => type === 'restore.cut-over');
    const audited = (await all.audit.entries()).filter(({ subject }) => subject === run.restoreId);
    expect(told).toHaveLength(1);
    expect(audited.map(({ action }) => action)).toStrictEqual([
      'restore.request',
      'restore.approve',
      'restore.cut-over',
    ]);
    expect((await restoreOf(run.restoreId)).cutOverAt).toBeInstanceOf(Date);
  });

  it('is passed before a verdict is entered, or not at all', async () => {
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const run = await beforeGate();
      const both = [() => pass(run), () => enterVerdict(run)];
      if (pair % 2 === 1) both.reverse();
      await Promise.allSettled(both.map((one) => one()));
      const { state, cutOverAt, error } = await restoreOf(run.restoreId);
      expect([state, error?.code]).toStrictEqual([
        cutOverAt === null ? 'rolling-back' : 'needs-attention',
        'VERIFY_MISMATCH',
      ]);
    }
  });
});
