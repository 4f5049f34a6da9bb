import { describe, expect, it } from '@jest/globals';
import { PermanentError, RetryableError, type LockedRestore } from '@landfall/domain';
import { z } from 'zod';
import { beginWork, failRestore, redispatch, type RunResult } from './advance.js';
import { OUTPUTS } from '../step-outputs.fixture.test.js';
import { Scene } from './scene.fixture.test.js';
import { requestCancel, requestResume, requestRollback } from './turn-round.js';
import type { WorkRow, WorkTable } from './work-table.js';
import { WORKS } from './works.js';

/*
 * The machine with a table of its own: a way back of three works, of which one applies only to a restore that has made
 * disks, and two works after the end.
 */
function row(id: string, changes: Partial<WorkRow> = {}): WorkRow {
  return { id, service: 'finalizer', output: z.object({}), begins: `${id} begins.`, when: () => true, ...changes };
}

const hasMadeDisks = ({ works }: LockedRestore): boolean =>
  works.some(({ id, state }) => id === 'create-empty-disks' && state === 'done');

const TABLE: WorkTable = {
  forward: WORKS.forward,
  back: [row('stop-it'), row('empty-disks', { when: hasMadeDisks }), row('take-it-away', { service: 'provisioner' })],
  after: [
    row('tidy', { when: ({ state }) => state === 'completed', output: z.object({ files: z.number() }) }),
    row('settle'),
  ],
};

const TIDIED: RunResult = { kind: 'done', output: { files: 3 } };

describe('a way back of several works', () => {
  it('does them in their order, each once the one before is done, and skips what does not apply', async () => {
    const scene = await Scene.planned(TABLE, {});
    await scene.asked(requestCancel);
    expect(await scene.moving()).toStrictEqual(['stop-it']);
    expect(await beginWork(scene.books, await scene.run('take-it-away'), TABLE)).toBe(null);
    await scene.does('stop-it');
    expect((await scene.restore()).state).toBe('cancelling');
    expect(await scene.moving()).toStrictEqual(['take-it-away']);
    const jobs = scene.books.outbox.map(({ queue, jobId }) => [queue, jobId]);
    expect(jobs.at(-1)).toStrictEqual(['provisioner', `${scene.restoreId}-take-it-away-1`]);
    await scene.does('take-it-away');
    const { state, endedAt } = await scene.restore();
    expect([state, endedAt !== null]).toStrictEqual(['cancelled', true]);
    expect(await scene.states('back')).toStrictEqual([
      'empty-disks 1 skipped',
      'stop-it 1 done',
      'take-it-away 1 done',
    ]);
  });

  it('asks whether a work applies when its turn comes: what ended meanwhile counts', async () => {
    const scene = await Scene.planned(TABLE, {});
    const run = await scene.begin('create-empty-disks');
    await scene.asked(requestCancel);
    expect(await scene.moving()).toStrictEqual(['create-empty-disks']);
    await scene.end(run, { kind: 'done', output: OUTPUTS['create-empty-disks'] });
    await scene.does('stop-it');
    expect(await scene.moving()).toStrictEqual(['empty-disks']);
  });

  it('asks for a person when one of them fails for good, and goes on with that one', async () => {
    const scene = await Scene.planned(TABLE, {});
    await scene.asked(requestCancel);
    await scene.does('stop-it');
    await scene.does('take-it-away', { kind: 'failed', error: new PermanentError(DETAILS) });
    const { state, error } = await scene.restore();
    expect([state, error?.code]).toStrictEqual(['needs-attention', 'CHANCE']);
    const counts = await scene.books.transaction(async (tx) => {
      const restore = await tx.lockRestore(scene.restoreId);
      return failRestore(tx, restore!, 'restore-data', DETAILS, TABLE);
    });
    expect(counts).toBe(false);
    await scene.asked(requestResume);
    expect(await scene.moving()).toStrictEqual(['take-it-away']);
    await scene.does('take-it-away');
    expect((await scene.restore()).state).toBe('cancelled');
  });

  it('is gone anew, and from its beginning, when the restore turns round again', async () => {
    const scene = await Scene.planned(TABLE, {});
    await scene.asked(requestCancel);
    const stale = await scene.run('stop-it');
    await scene.does('stop-it', { kind: 'exhausted', error: new RetryableError(DETAILS) });
    await scene.asked(requestRollback);
    expect(await beginWork(scene.books, stale, TABLE)).toBe(null);
    // It has an epoch of its own already, and no job was sent for it.
    expect(await beginWork(scene.books, await scene.run('take-it-away'), TABLE)).toBe(null);
    await scene.does('stop-it');
    await scene.does('take-it-away');
    expect((await scene.restore()).state).toBe('rolled-back');
    const first = (await scene.states('back')).filter((text) => / 1 /.test(String(text)));
    expect(first).toStrictEqual(['empty-disks 1 pending', 'stop-it 1 failed', 'take-it-away 1 pending']);
  });

  it('is told by what begins and what is tried again, and by its end', async () => {
    const scene = await Scene.planned(TABLE, {});
    await scene.asked(requestCancel);
    await scene.does('stop-it', { kind: 'failed', error: new RetryableError(DETAILS) });
    await scene.does('stop-it');
    await scene.does('take-it-away');
    const told = (await scene.books.events(scene.restoreId)).map(({ type, message }) => `${type}: ${message}`);
    expect(told.slice(told.findIndex((line) => line.startsWith('restore.cancelling')))).toStrictEqual([
      'restore.cancelling: The restore is being cancelled.',
      'clean-up.started: stop-it begins.',
      'clean-up.retry: m',
      'clean-up.started: stop-it begins.',
      'clean-up.started: take-it-away begins.',
      'restore.cancelled: The restore is cancelled; what it had created is removed.',
      'afterwards.skipped: left out',
    ]);
  });
});

describe('works after the end', () => {
  it('begin when the restore has arrived, in their order, and change nothing of its end', async () => {
    const scene = await Scene.planned(TABLE, { steps: ['plan'] });
    expect((await scene.restore()).state).toBe('completed');
    expect(await scene.moving()).toStrictEqual(['tidy']);
    await scene.does('tidy', TIDIED);
    await scene.does('settle', { kind: 'failed', error: new PermanentError(DETAILS) });
    const { state, error, epoch } = await scene.restore();
    expect([state, error, epoch]).toStrictEqual(['completed', null, 2]);
    expect(await scene.states('after')).toStrictEqual(['settle 0 failed', 'tidy 0 done']);
    expect(await scene.moving()).toStrictEqual([]);
  });

  it('are tried again, and sent out again when their job is gone', async () => {
    const scene = await Scene.planned(TABLE, { steps: ['plan'] });
    await scene.does('tidy', { kind: 'failed', error: new RetryableError(DETAILS) });
    expect(await redispatch(scene.books, await scene.run('tidy'), TABLE)).toBe(true);
    await scene.begin('tidy');
    expect(await redispatch(scene.books, await scene.run('tidy'), TABLE)).toBe(true);
    const tidy = (await scene.restore()).works.find(({ id }) => id === 'tidy');
    expect([tidy?.epoch, tidy?.attempts, tidy?.state]).toStrictEqual([4, 2, 'pending']);
  });

  it('stop when the restore is rolled back, whose way back waits for them, and begin anew at its end', async () => {
    const scene = await Scene.planned(TABLE, { steps: ['plan'] });
    const run = await scene.begin('tidy');
    await scene.asked(requestRollback);
    expect(await scene.books.areCurrent([run])).toStrictEqual([false]);
    expect(await beginWork(scene.books, await scene.run('stop-it'), TABLE)).toBe(null);
    expect(await scene.end(run, { kind: 'interrupted' })).toBe(true);
    expect(await scene.moving()).toStrictEqual(['stop-it']);
    await scene.does('stop-it');
    await scene.does('take-it-away');
    expect((await scene.restore()).state).toBe('rolled-back');
    expect(await scene.moving()).toStrictEqual(['settle']);
    await scene.does('settle');
    expect(await scene.states('after')).toStrictEqual([
      ...['settle 0 pending', 'tidy 0 pending'],
      ...['settle 1 done', 'tidy 1 skipped'],
    ]);
  });
});

describe('the works of the product', () => {
  it('have no id twice, so that an id and an epoch name one run', () => {
    const ids = [...WORKS.forward, ...WORKS.back, ...WORKS.after].map(({ id }) => id);
    expect(ids).toHaveLength(new Set(ids).size);
  });
});

const DETAILS = { code: 'CHANCE', message: 'm', fix: 'f' };
