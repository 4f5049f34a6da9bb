import { beforeEach, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  PermanentError,
  RetryableError,
  type ErrorDetails,
  type ObservedFacts,
  type Problem,
  type StepId,
  type WorkRun,
} from '@landfall/domain';
import { someObservedFacts } from '@landfall/domain/fixtures/gate-facts';
import { STEP_ATTEMPTS } from '../retry-policy.js';
import { beginWork, failRestore, redispatch } from './advance.js';
import { requestApproval, type ApprovalOrder } from './approve.js';
import { giveUpWaiting } from './give-up-waiting.js';
import { passGate } from './pass-gate.js';
import { doneAs, Scene } from './scene.fixture.test.js';
import { requestCancel, requestResume, requestRollback } from './turn-round.js';
import { WORKS } from './works.js';

/*
 * The machine where a source is removed: who has to approve it, when that is waited for, and what can't happen any more once the
 * gate is passed. Its runs are played here.
 */
const HOUR = 3_600;
const PLAN_HASH = `sha256:${'0'.repeat(64)}`;
const STEPS_TAKEN: readonly StepId[] = ['plan', 'create-empty-disks', 'restore-data', 'remove-source', 'create-vm'];
const DETAILS: ErrorDetails = { code: 'CHANCE', message: 'By chance.', fix: 'Look again.' };
const VERDICT: ErrorDetails = { code: 'VERIFY_MISMATCH', message: 'It holds other bytes.', fix: 'Start anew.' };
const PROBLEM: Problem = { severity: 'error', code: 'CUT_OVER', message: 'It does not last.', fix: 'Approve it anew.' };

let scene: Scene;

/** The restore whose next step is the one that removes the source. */
async function transferred(): Promise<void> {
  scene = await Scene.planned(WORKS, { steps: STEPS_TAKEN });
  await scene.does('create-empty-disks');
  const run = await scene.begin('restore-data');
  await segments('done', 'done');
  await scene.end(run, doneAs('restore-data'));
}

/** One that is written and one that is read back, in these states. */
async function segments(moved: 'pending' | 'done' | 'failed', verified: 'pending' | 'done' | 'failed' | null) {
  await scene.books.transaction(async (tx) => {
    const { restoreId } = scene;
    await tx.lockRestore(restoreId);
    const range = { restoreId, diskName: 'sda', index: 0, offsetBytes: 0, lengthBytes: 512 };
    const purposes = [...(verified === null ? [] : (['verify'] as const)), 'move'] as const;
    await tx.createSegments(purposes.map((purpose) => ({ ...range, purpose })));
    for (const { id, purpose, state, epoch } of await tx.segments(restoreId, {})) {
      const to = purpose === 'move' ? moved : (verified ?? 'pending');
      if (to !== state) await tx.moveSegment(id, { from: state, epoch }, to);
    }
  });
}

async function approve(actor = 'arthur', order: Partial<ApprovalOrder> = {}): Promise<void> {
  await requestApproval(scene.books, scene.restoreId, actor, { planHash: PLAN_HASH, ...order });
}

function pass(seconds: number): void {
  scene.now = new Date(scene.now.getTime() + seconds * 1_000);
}

function observed(changes: Partial<ObservedFacts> = {}): ObservedFacts {
  return { ...someObservedFacts({ restoreId: scene.restoreId, stoppedAt: scene.now, disks: ['sda'] }), ...changes };
}

const gate = (run: WorkRun, changes?: Partial<ObservedFacts>) => passGate(scene.books, run, observed(changes));

/** Its source is being removed. */
async function cutOver(): Promise<WorkRun> {
  await approve();
  const run = await scene.begin('remove-source');
  expect(await gate(run)).toStrictEqual([]);
  return run;
}

async function enterVerdict(details = VERDICT): Promise<boolean> {
  return scene.books.transaction(async (tx) => {
    const { restoreId } = scene;
    const restore = await tx.lockRestore(restoreId);
    const [segment] = await tx.segments(restoreId, { purpose: 'move' });
    assert.ok(restore && segment);
    const of = { restoreId, diskName: 'sda', segmentId: segment.id, mover: 'w/1' };
    const { length: epoch } = await tx.verdicts(restoreId);
    await tx.addVerdict({ ...of, ...details, epoch });
    return failRestore(tx, restore, 'restore-data', details);
  });
}

async function told(): Promise<string[]> {
  return (await scene.books.events(scene.restoreId)).map(({ type }) => type);
}

async function now(): Promise<[state: string, code: string | undefined]> {
  const { state, error } = await scene.restore();
  return [state, error?.code];
}

const actions = (): string[] => scene.books.audit.map(({ actor, action }) => `${actor} ${action}`);

describe('a work that needs an approval', () => {
  beforeEach(transferred);

  it('is waited for no longer than the plan allows: then the restore is cancelled, unless it was approved meanwhile', async () => {
    pass(7 * 24 * HOUR);
    expect(await giveUpWaiting(scene.books)).toStrictEqual([]);
    pass(1);
    expect(await scene.books.unapprovedForLong()).toStrictEqual([scene.restoreId]);
    expect(await giveUpWaiting(scene.books)).toStrictEqual([scene.restoreId]);
    expect((await scene.restore()).state).toBe('cancelling');
    expect(actions().at(-1)).toBe('landfall restore.cancel');
    expect(await giveUpWaiting(scene.books)).toStrictEqual([]);
    await transferred();
    pass(8 * 24 * HOUR);
    const { books, restoreId } = scene;
    const late = { unapprovedForLong: async () => [restoreId], transaction: books.transaction.bind(books) };
    await approve();
    expect(await giveUpWaiting(Object.assign(Object.create(books) as typeof books, late))).toStrictEqual([]);
    expect((await scene.restore()).state).toBe('running');
  });

  it('waits for it, not dispatched, and nobody sends it out meanwhile', async () => {
    expect((await scene.restore()).state).toBe('awaiting-approval');
    expect(await scene.moving()).toStrictEqual([]);
    const run = await scene.run('remove-source');
    expect(await redispatch(scene.books, run)).toBe(false);
    expect(await beginWork(scene.books, run)).toBe(null);
    expect(scene.books.outbox.some(({ jobId }) => jobId.includes('remove-source'))).toBe(false);
    const last = (await scene.books.events(scene.restoreId)).at(-1);
    expect([last?.type, last?.message]).toStrictEqual([
      'restore.awaiting-approval',
      expect.stringMatching(/Nobody has approved.*landfall approve r/),
    ]);
  });

  it('is sent out in the transaction of the approval, once, however often it is approved', async () => {
    await approve();
    await approve();
    await approve('anna');
    expect((await scene.restore()).state).toBe('running');
    expect(await scene.moving()).toStrictEqual(['remove-source']);
    const { restoreId } = scene;
    expect(scene.books.outbox.at(-1)?.jobId).toBe(`${restoreId}-remove-source-1`);
    expect(actions()).toStrictEqual(['olivia restore.request', 'arthur restore.approve']);
    expect((await told()).slice(-2)).toStrictEqual(['approval.given', 'restore.running']);
  });

  it('waits anew where the approval has run out before it is run for the first time', async () => {
    await approve();
    const stale = await scene.run('remove-source');
    pass(7 * 24 * HOUR);
    expect(await beginWork(scene.books, stale)).toBe(null);
    expect((await scene.restore()).state).toBe('awaiting-approval');
    await approve('anna');
    expect(await beginWork(scene.books, stale)).toBe(null);
    await scene.begin('remove-source');
  });

  it('is not asked again for a second run: the source may be stopped by then', async () => {
    await approve();
    await scene.does('remove-source', { kind: 'failed', error: new RetryableError(DETAILS) });
    pass(30 * 24 * HOUR);
    await scene.begin('remove-source');
  });

  it('waits anew when its run finds the approval run out as it is about to stop the source; no attempt is counted', async () => {
    await approve();
    const run = await scene.begin('remove-source');
    expect(await scene.end(run, { kind: 'unapproved', problem: PROBLEM })).toBe(true);
    expect((await scene.restore()).state).toBe('awaiting-approval');
    const waiting = (await scene.restore()).works.find(({ id }) => id === 'remove-source');
    expect([waiting?.state, waiting?.attempts, waiting?.error]).toStrictEqual(['pending', 0, null]);
    expect(await scene.moving()).toStrictEqual([]);
    expect(await scene.books.areCurrent([run])).toStrictEqual([false]);
    // What looks good from outside was not good enough for the run.
    await approve('anna');
    expect(actions().slice(-1)).toStrictEqual(['anna restore.approve']);
    const next = await scene.begin('remove-source');
    expect(next.epoch).toBeGreaterThan(run.epoch);
    expect(await scene.end(run, doneAs('remove-source'))).toBe(false);
  });

  it('can be cancelled while it waits, and neither resumed nor rolled back', async () => {
    await assert.rejects(scene.asked(requestResume), (error: ErrorDetails) => {
      expect(`${error.code} ${error.fix}`).toMatch(/NOT_RESUMABLE .*landfall approve r/);
      return true;
    });
    await expect(scene.asked(requestRollback)).rejects.toMatchObject({ code: 'NOT_ROLLBACKABLE' });
    await scene.asked(requestCancel);
    expect(await scene.moving()).toStrictEqual(['remove-created']);
    await scene.does('remove-created');
    expect((await scene.restore()).state).toBe('cancelled');
  });

  it('does not keep a verdict from ending the restore', async () => {
    expect(await enterVerdict()).toBe(true);
    expect(await now()).toStrictEqual(['rolling-back', 'VERIFY_MISMATCH']);
    await scene.does('remove-created');
    expect(await now()).toStrictEqual(['failed', 'VERIFY_MISMATCH']);
  });
});

describe('an approval', () => {
  it('is accepted as soon as there is a plan, and then not waited for', async () => {
    scene = await Scene.planned(WORKS, { steps: ['plan', 'create-empty-disks', 'remove-source'] });
    await approve();
    await scene.does('create-empty-disks');
    expect([(await scene.restore()).state, await scene.moving()]).toStrictEqual(['running', ['remove-source']]);
  });

  const refused = (actor: string, order: Partial<ApprovalOrder>, message: RegExp) =>
    assert.rejects(approve(actor, order), (error: ErrorDetails) => {
      expect(error.code).toBe('NOT_APPROVABLE');
      expect(error.message).toMatch(message);
      return true;
    });

  it('is refused of whoever has asked for the restore, unless that is configured', async () => {
    await transferred();
    await refused('olivia', {}, /asked for by olivia.*somebody else/);
    await refused('bot', { behind: ['bot', 'olivia', 'root'] }, /asked for by olivia.*somebody else/);
    await approve('olivia', { selfApproval: true });
    expect((await scene.restore()).state).toBe('running');
  });

  it('is refused of a plan that the restore does not have', async () => {
    await transferred();
    await refused('arthur', { planHash: 'sha256:other' }, /another plan/);
    expect((await scene.restore()).state).toBe('awaiting-approval');
  });

  it('is refused where it would run out at once', async () => {
    await transferred();
    await refused('arthur', { validSeconds: HOUR - 1 }, /does not last/);
  });

  it('is refused where there is nothing to approve', async () => {
    scene = await Scene.requested(WORKS);
    await refused('arthur', {}, /no plan yet/);
    scene = await Scene.planned(WORKS, { steps: ['plan', 'create-empty-disks'] });
    await refused('arthur', {}, /removes nothing that needs an approval/);
    await transferred();
    await scene.asked(requestCancel);
    await refused('arthur', {}, /is cancelling/);
    scene.restoreId = 'r-unknown';
    await expect(approve()).rejects.toMatchObject({ code: 'RESTORE_NOT_FOUND' });
  });

  it('is refused once the gate is passed, but for the one that is good', async () => {
    await transferred();
    await cutOver();
    await approve();
    pass(7 * 24 * HOUR);
    await refused('arthur', {}, /has passed its gate/);
  });
});

describe('the gate', () => {
  beforeEach(transferred);

  it('is passed in one transaction, told and audited, and once', async () => {
    const run = await cutOver();
    const { cutOverAt } = await scene.restore();
    expect(cutOverAt).toStrictEqual(scene.now);
    pass(60);
    expect(await gate(run, { checks: { move: false, quota: false, size: false, names: false } })).toStrictEqual([]);
    expect((await scene.restore()).cutOverAt).toStrictEqual(cutOverAt);
    expect((await told()).filter((type) => type === 'restore.cut-over')).toHaveLength(1);
    const [entry, ...others] = scene.books.audit.filter(({ action }) => action === 'restore.cut-over');
    expect(others).toStrictEqual([]);
    expect(entry?.details).toMatchObject({ planHash: PLAN_HASH, approvedBy: 'arthur', epoch: run.epoch });
  });

  it('stays shut for what was observed, and says why', async () => {
    await approve();
    const run = await scene.begin('remove-source');
    const problems = await gate(run, { checks: { move: true, quota: false, size: null, names: true } });
    expect(problems.map(({ code }) => code)).toStrictEqual(['QUOTA', 'SIZE_UNAVAILABLE']);
    expect((await scene.restore()).cutOverAt).toBe(null);
    expect(await told()).not.toContain('restore.cut-over');
    expect(await gate(run)).toStrictEqual([]);
  });

  for (const [what, moved, verified] of [
    ['is not written', 'pending', 'done'],
    ['could not be written', 'failed', 'done'],
    ['is not read back', 'done', 'pending'],
    ['could not be read back', 'done', 'failed'],
  ] as const) {
    it(`stays shut while a segment ${what}, whatever was observed`, async () => {
      await approve();
      await segments(moved, verified);
      const problems = await gate(await scene.begin('remove-source'));
      expect(problems.map(({ message }) => message)).toStrictEqual([expect.stringMatching(/read back \("sda"\)/)]);
    });
  }

  it('stays shut where nothing was to be read back', async () => {
    scene = await Scene.planned(WORKS, { steps: STEPS_TAKEN });
    await scene.does('create-empty-disks');
    const run = await scene.begin('restore-data');
    await segments('done', null);
    await scene.end(run, doneAs('restore-data'));
    await approve();
    const problems = await gate(await scene.begin('remove-source'));
    expect(problems.map(({ message }) => message)).toStrictEqual([expect.stringMatching(/read back/)]);
  });

  it('is not passed by a run that is no longer wanted, nor by another work', async () => {
    await approve();
    const run = await scene.begin('remove-source');
    await expect(gate({ ...run, work: 'create-vm' })).rejects.toThrow(/has no gate/);
    await expect(gate({ ...run, epoch: run.epoch - 1 })).rejects.toMatchObject({ code: 'STEP_SUPERSEDED' });
    await scene.asked(requestCancel);
    await expect(gate(run)).rejects.toMatchObject({ code: 'STEP_SUPERSEDED' });
    expect((await scene.restore()).cutOverAt).toBe(null);
  });

  it('is shut by a verdict that is entered before it', async () => {
    await approve();
    const run = await scene.begin('remove-source');
    const [, passed] = await Promise.allSettled([enterVerdict(), gate(run)]);
    expect(passed).toMatchObject({ status: 'rejected', reason: { code: 'STEP_SUPERSEDED' } });
    expect(await now()).toStrictEqual(['rolling-back', 'VERIFY_MISMATCH']);
  });
});

describe('a restore that has cut over', () => {
  beforeEach(transferred);

  const ROLLBACK = /landfall rollback r/;

  it('is left to a person by a permanent error, who may resume it to its end', async () => {
    const run = await cutOver();
    await scene.end(run, { kind: 'failed', error: new PermanentError(DETAILS) });
    expect(await now()).toStrictEqual(['needs-attention', 'CHANCE']);
    expect((await scene.restore()).error?.fix).toMatch(ROLLBACK);
    expect(await scene.states('back')).toStrictEqual([]);
    await scene.asked(requestResume);
    await scene.does('remove-source');
    await scene.does('create-vm');
    expect(await now()).toStrictEqual(['completed', undefined]);
  });

  it('is left to a person by a permanent error of a later step, too', async () => {
    await scene.end(await cutOver(), doneAs('remove-source'));
    await scene.does('create-vm', { kind: 'failed', error: new PermanentError(DETAILS) });
    expect(await now()).toStrictEqual(['needs-attention', 'CHANCE']);
  });

  it('is left to a person where it says that it is not approved: that was judged before', async () => {
    await scene.end(await cutOver(), { kind: 'unapproved', problem: PROBLEM });
    expect(await now()).toStrictEqual(['needs-attention', 'CUT_OVER']);
  });

  it('is left to a person when its run says so, and not for attempts: the source may be stopped until then', async () => {
    await cutOver();
    for (let attempt = 1; attempt <= 2 * STEP_ATTEMPTS; attempt += 1) {
      const run = attempt === 1 ? await scene.run('remove-source') : await scene.begin('remove-source');
      await scene.end(run, { kind: 'failed', error: new RetryableError(DETAILS) });
    }
    expect(await scene.moving()).toStrictEqual(['remove-source']);
    await scene.does('remove-source', { kind: 'exhausted', error: new RetryableError(DETAILS) });
    expect(await now()).toStrictEqual(['needs-attention', 'CHANCE']);
    await scene.asked(requestResume);
    expect(await scene.moving()).toStrictEqual(['remove-source']);
  });

  it('can’t be cancelled, running or not', async () => {
    const refused = { code: 'CUT_OVER', fix: expect.stringMatching(ROLLBACK) };
    const run = await cutOver();
    await expect(scene.asked(requestCancel)).rejects.toMatchObject(refused);
    const tooSoon = { code: 'NOT_ROLLBACKABLE', fix: expect.not.stringMatching(/cancel/) };
    await expect(scene.asked(requestRollback)).rejects.toMatchObject(tooSoon);
    await scene.end(run, { kind: 'exhausted', error: new RetryableError(DETAILS) });
    await expect(scene.asked(requestCancel)).rejects.toMatchObject(refused);
    expect(await now()).toStrictEqual(['needs-attention', 'CHANCE']);
  });

  it('can be rolled back, and has no other end then', async () => {
    const run = await cutOver();
    await scene.end(run, { kind: 'exhausted', error: new RetryableError(DETAILS) });
    await scene.asked(requestRollback);
    await expect(scene.asked(requestCancel)).rejects.toMatchObject({ code: 'CUT_OVER' });
    await scene.does('remove-created', { kind: 'failed', error: new PermanentError(DETAILS) });
    expect((await scene.restore()).state).toBe('needs-attention');
    await scene.asked(requestResume);
    await scene.does('remove-created');
    const { state, cutOverAt } = await scene.restore();
    expect([state, cutOverAt !== null]).toStrictEqual(['rolled-back', true]);
  });

  it('is left to a person by a verdict, for exactly that reason, and is not resumed', async () => {
    const run = await cutOver();
    expect(await enterVerdict()).toBe(true);
    expect(await now()).toStrictEqual(['needs-attention', 'VERIFY_MISMATCH']);
    expect((await scene.restore()).error?.fix).toMatch(ROLLBACK);
    const resumed = { code: 'NOT_RESUMABLE', message: expect.stringMatching(/VERIFY_MISMATCH/) };
    await expect(scene.asked(requestResume)).rejects.toMatchObject(resumed);
    // The run that was under way is told to stop, and what it comes to moves nothing.
    expect(await scene.books.areCurrent([run])).toStrictEqual([false]);
    await scene.asked(requestRollback);
    expect(await scene.moving()).toStrictEqual(['remove-source']);
    await scene.end(run, { kind: 'interrupted' });
    await scene.does('remove-created');
    expect(await now()).toStrictEqual(['rolled-back', undefined]);
  });

  it('has the verdict for a reason that comes while it is left to a person already, and the first of several', async () => {
    const run = await cutOver();
    await scene.end(run, { kind: 'exhausted', error: new RetryableError(DETAILS) });
    expect(await enterVerdict()).toBe(true);
    expect(await now()).toStrictEqual(['needs-attention', 'VERIFY_MISMATCH']);
    expect(await enterVerdict({ ...VERDICT, code: 'TARGET_FAILED' })).toBe(true);
    expect(await now()).toStrictEqual(['needs-attention', 'VERIFY_MISMATCH']);
    await expect(scene.asked(requestResume)).rejects.toMatchObject({
      message: expect.stringMatching(/VERIFY_MISMATCH/),
    });
  });

  it('stops where it is when a verdict comes beside a run that ends well', async () => {
    const run = await cutOver();
    await enterVerdict();
    await scene.end(run, doneAs('remove-source'));
    expect(await now()).toStrictEqual(['needs-attention', 'VERIFY_MISMATCH']);
    expect(await scene.moving()).toStrictEqual([]);
  });
});
