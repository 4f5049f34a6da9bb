import { test } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  AFTER_CUT_OVER,
  approvalProblems,
  ConflictError,
  hasEnded,
  PermanentError,
  RetryableError,
  WaitingError,
  type Restore,
  stepsOf,
  type WorkRun,
} from '@landfall/domain';
import { someObservedFacts } from '@landfall/domain/fixtures/gate-facts';
import { aRestorePlan, aRestoreRequest, MemoryBooks } from '@landfall/testing';
import fc from 'fast-check';
import { RUN_WORK } from '../queues.js';
import { beginWork, recordOutcome, redispatch, type RunResult } from './advance.js';
import { approvalProblemsNow, needOf } from './approval.js';
import { requestApproval } from './approve.js';
import { requestRestore } from '../request-restore.js';
import { endParked } from '../parked.fixture.test.js';
import { passGate } from './pass-gate.js';
import { doneAs as done } from './scene.fixture.test.js';
import { requestCancel, requestResume, requestRollback } from './turn-round.js';

/*
 * The state machine under everything that a queue, a process and a person can do to it, in any order: jobs delivered
 * late, twice or never, runs that end well, badly or not at all, cancels, resumes, roll-backs, approvals that are given early,
 * late and run out, re-dispatches. One of the steps passes the gate. Then the faults stop, and the restore has to end. The books
 * in memory throw at every transition that is not legal, and at those that a restore has no more once it has cut over.
 */
const PLAN = aRestorePlan({
  steps: ['plan', 'create-empty-disks', 'launch-worker', 'restore-data', 'remove-source', 'create-vm'],
});
const HOUR_MS = 3_600_000;
const APPROVED_FOR_SECONDS = 12 * 3_600;
const OUTAGE_SECONDS = 1_200;
const DETAILS = { code: 'CHANCE', message: 'By chance.', fix: 'Nothing.' };

const RESULTS: Record<string, () => RunResult> = {
  done: () => ({ kind: 'done', output: null }),
  interrupted: () => ({ kind: 'interrupted' }),
  retryable: () => ({ kind: 'failed', error: new RetryableError(DETAILS) }),
  permanent: () => ({ kind: 'failed', error: new PermanentError(DETAILS) }),
  waiting: () => ({ kind: 'failed', error: new WaitingError(DETAILS, { retryAfterMs: 1 }) }),
  unforeseen: () => ({ kind: 'failed', error: new Error('a bug') }),
  silent: () => ({ kind: 'exhausted', error: new RetryableError(DETAILS), resumeFrom: 'launch-worker' }),
};

const PICK = fc.noBias(fc.nat(1_000));

const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('deliver' as const), pick: PICK }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      pick: PICK,
      result: fc.oneof(
        { weight: 5, arbitrary: fc.constant('done') },
        { weight: 5, arbitrary: fc.constantFrom(...Object.keys(RESULTS), 'parked', 'silent', 'silent', 'permanent') },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('die' as const), pick: PICK }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('redispatch' as const), pick: PICK }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unpark' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'resume' as const, 'rollback' as const) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('approve' as const, 'gate' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('time-passes' as const), pick: PICK }) },
);

/** Half of the time, the next is the one that parks, the one that passes the gate, or the one after it. */
const STEPS_BEFORE = fc.oneof(fc.nat(6), fc.constantFrom(3, 4, 5));

class Simulation {
  /** Milliseconds, by the books' own clock. */
  now = Date.parse('2026-02-01T10:00:00Z');
  readonly books = new MemoryBooks({ clock: () => new Date(this.now) });
  /** Every job that was ever sent: any of them may be delivered at any time. */
  readonly jobs: WorkRun[] = [];
  /** Runs under way, as their processes believe. */
  running: WorkRun[] = [];
  /** Those of them whose place was given away, because their job came again or was thought lost: shut out by epoch alone. */
  readonly replaced = new Set<WorkRun>();
  restoreId = '';

  async begin(): Promise<void> {
    this.restoreId = (
      await requestRestore(this.books, { request: aRestoreRequest(), requestedBy: 'olivia' })
    ).restoreId;
    await this.collectJobs();
  }

  async restore(): Promise<Restore> {
    const restore = await this.books.restore(this.restoreId);
    assert.ok(restore);
    return restore;
  }

  async act(step: Action): Promise<void> {
    switch (step.do) {
      case 'deliver':
        await this.deliver(chosen(this.jobs, step.pick));
        break;
      case 'end':
        await this.end(chosen(this.running, step.pick), step.result);
        break;
      case 'die': {
        const dead = chosen(this.running, step.pick);
        this.running = this.running.filter((run) => run !== dead);
        break;
      }
      case 'redispatch':
        await this.redispatch(chosen(await this.books.runnable(), step.pick));
        break;
      case 'unpark':
        await this.transfer();
        await endParked(this.books, this.restoreId, 'restore-data', done('restore-data'));
        break;
      case 'time-passes':
        this.now += (step.pick % 24) * HOUR_MS;
        break;
      case 'approve':
        await this.approve().catch(ifNotConflict);
        break;
      case 'gate': {
        const run = this.running.findLast(({ work }) => work === 'remove-source');
        if (run) await this.passGate(run).catch(ifNotConflict);
        break;
      }
      default:
        await PERSON[step.do](this.books, this.restoreId, 'olivia').catch(ifNotConflict);
    }
    await this.collectJobs();
    await this.check();
  }

  async deliver(job: WorkRun | undefined): Promise<void> {
    if (!job) return;
    this.replace(job);
    const begun = await beginWork(this.books, job);
    if (!begun) return;
    this.running.push({ ...job });
    const { restore, work } = begun;
    const isFirst = restore.works.every(({ id, startedAt }) => id !== work.id || startedAt === null);
    if (work.id !== 'remove-source' || !isFirst) return;
    const approval = await this.books.transaction((tx) => tx.approval(restore.id));
    assert.deepEqual(approvalProblems(approval, needOf(restore, 0), new Date(this.now)), [], 'begun without approval');
  }

  async approve(): Promise<void> {
    const order = { planHash: PLAN.planHash, validSeconds: APPROVED_FOR_SECONDS };
    await requestApproval(this.books, this.restoreId, 'arthur', order);
  }

  /** All segments are done, as at the end of step 5. */
  async transfer(): Promise<void> {
    await this.books.transaction(async (tx) => {
      const range = { restoreId: this.restoreId, diskName: 'sda', index: 0, offsetBytes: 0, lengthBytes: 512 };
      await tx.createSegments([
        { ...range, purpose: 'move' },
        { ...range, purpose: 'verify' },
      ]);
      const pending = await tx.segments(this.restoreId, { states: ['pending'] });
      for (const { id, epoch } of pending) await tx.moveSegment(id, { from: 'pending', epoch }, 'done');
    });
  }

  /** As step 8 does: the approval is judged when the source is stopped, and everything else at the gate. */
  async passGate(run: WorkRun): Promise<RunResult> {
    const { restoreId } = this;
    const restore = await this.books.transaction((tx) => tx.lockRestore(restoreId));
    assert.ok(restore);
    if (restore.cutOverAt === null) {
      const [problem] = await this.books.transaction((tx) => approvalProblemsNow(tx, restore, OUTAGE_SECONDS));
      if (problem !== undefined) return { kind: 'unapproved', problem };
    }
    const observed = someObservedFacts({ restoreId, stoppedAt: new Date(this.now), disks: ['sda'] });
    assert.deepEqual(await passGate(this.books, run, observed), [], 'the gate is shut though nothing is wrong');
    return done('remove-source');
  }

  replace({ work, epoch }: WorkRun): void {
    for (const run of this.running) if (run.work === work && run.epoch === epoch) this.replaced.add(run);
  }

  async end(run: WorkRun | undefined, how: string): Promise<void> {
    if (!run) return;
    this.running = this.running.filter((other) => other !== run);
    const { restoreId, work } = run;
    // Only step 5 loses its worker.
    const result = RESULTS[how === 'silent' && work !== 'restore-data' ? 'retryable' : how]?.() ?? RESULTS.done!();
    if (work === 'plan' && result.kind === 'done') {
      await this.books.transaction((tx) => tx.storePlan(restoreId, PLAN)).catch(() => undefined);
    }
    const parks = how === 'parked' && work === 'restore-data';
    const outcome = parks ? ({ kind: 'parked' } as const) : result.kind === 'done' ? await this.goodEnd(run) : result;
    await recordOutcome(this.books, run, outcome);
  }

  async goodEnd(run: WorkRun): Promise<RunResult> {
    if (run.work === 'restore-data') await this.transfer();
    if (run.work !== 'remove-source') return done(run.work);
    // One that is not wanted any more removes nothing.
    return this.passGate(run).catch((error: unknown) => {
      ifNotConflict(error);
      return { kind: 'interrupted' } as const;
    });
  }

  /** Without any trouble: so that what follows meets every step, and not the first ones alone. */
  async doNext(): Promise<void> {
    if ((await this.restore()).state === 'awaiting-approval') await this.approve();
    await this.collectJobs();
    await this.deliver(this.jobs.at(-1));
    await this.end(this.running.at(-1), 'done');
    await this.collectJobs();
  }

  async redispatch(work: WorkRun | undefined): Promise<void> {
    if (!work) return;
    this.replace(work);
    await redispatch(this.books, work);
  }

  async collectJobs(): Promise<void> {
    const messages = await this.books.claimOutbox(100);
    await this.books.outboxSent(messages.map((message) => message.id));
    this.jobs.push(...messages.map(({ payload }) => RUN_WORK.parse(payload)));
  }

  async check(): Promise<void> {
    const restore = await this.restore();
    const hasRemoved = stepsOf(restore).some(({ id, state }) => id === 'remove-source' && state === 'done');
    assert.ok(!hasRemoved || restore.cutOverAt !== null, 'the source is removed before the gate was passed');
    assert.ok(restore.cutOverAt === null || AFTER_CUT_OVER.includes(restore.state), `cut over and ${restore.state}`);
    const current = await this.books.areCurrent(this.running);
    assert.ok(current.filter(Boolean).length <= 1, 'two runs at once are both wanted');
    const running = restore.works.filter((step) => step.state === 'running');
    assert.ok(running.length <= 1, 'two works run at once');
    const cleaning = this.running.some((run, index) => run.work === 'remove-created' && current[index]);
    const alive = this.running.some((run) => run.work !== 'remove-created' && !this.replaced.has(run));
    assert.ok(!cleaning || !alive, 'a clean-up runs beside a step');
    const steps = stepsOf(restore);
    const firstOpen = steps.findIndex((step) => step.state !== 'done' && step.state !== 'skipped');
    const later = firstOpen < 0 ? [] : steps.slice(firstOpen + 1);
    const isReopened = steps[firstOpen]?.id === 'launch-worker';
    assert.ok(
      later.every(
        (step) =>
          (step.state === 'pending' && step.epoch === 0) ||
          (isReopened && step.id === 'restore-data' && step.resumeFrom === 'launch-worker' && step.state === 'failed'),
      ),
      'a step was begun before the one in front of it was done',
    );
  }

  /** No more faults: everything that should move is delivered and ends well. */
  async settle(): Promise<Restore> {
    for (let turn = 0; turn < 100; turn += 1) {
      const restore = await this.restore();
      if (hasEnded(restore.state)) return restore;
      if (restore.state === 'needs-attention') await requestResume(this.books, this.restoreId, 'olivia');
      if (restore.state === 'awaiting-approval') await this.approve();
      for (const parked of await this.books.parked()) {
        await this.transfer();
        await endParked(this.books, parked.restoreId, 'restore-data', done('restore-data'));
      }
      for (const work of await this.books.runnable()) await this.redispatch(work);
      await this.collectJobs();
      for (const work of await this.books.runnable()) await this.deliver(work);
      for (const run of [...this.running]) await this.end(run, 'done');
      await this.check();
    }
    return assert.fail('the restore has not ended');
  }
}

type Action =
  | { do: 'deliver' | 'die' | 'redispatch' | 'time-passes'; pick: number }
  | { do: 'end'; pick: number; result: string }
  | { do: 'unpark' | 'cancel' | 'resume' | 'rollback' | 'approve' | 'gate' };

const PERSON = { cancel: requestCancel, resume: requestResume, rollback: requestRollback } as const;

function ifNotConflict(error: unknown): void {
  if (!(error instanceof ConflictError)) throw error;
}

/** Half of the time the latest: that is where things happen. */
function chosen<T>(from: readonly T[], pick: number): T | undefined {
  return pick % 2 === 0 ? from.at(-1) : from[(pick >> 1) % Math.max(1, from.length)];
}

/** How often each of these came to be, over all runs: what never happens is not tested. */
const SEEN: Record<string, number> = {
  'step.reopened': 0,
  'restore.awaiting-approval': 0,
  'restore.cut-over': 0,
};
/** How restores that had cut over have ended, and which of them had asked for a person in between. */
const ENDS = new Set<string>();

test('every transition is legal and every restore ends, whatever happens to its jobs in between', async () => {
  await fc.assert(
    fc.asyncProperty(STEPS_BEFORE, fc.array(action, { maxLength: 60, size: 'max' }), async (stepsBefore, actions) => {
      const simulation = new Simulation();
      await simulation.begin();
      for (let step = 0; step < stepsBefore; step += 1) await simulation.doNext();
      for (const step of actions) await simulation.act(step);
      const { state, cutOverAt } = await simulation.settle();
      const types = (await simulation.books.events(simulation.restoreId, 0, 10_000)).map(({ type }) => type);
      for (const type of types) if (type in SEEN) SEEN[type]! += 1;
      if (cutOverAt === null) return;
      const asked = types.lastIndexOf('restore.needs-attention') > types.indexOf('restore.cut-over');
      ENDS.add(asked ? `${state}, with a person` : state);
    }),
    { numRuns: 800 },
  );
  for (const [type, times] of Object.entries(SEEN)) assert.ok(times > 0, `there was no ${type}`);
  assert.deepEqual([...ENDS].sort(), [
    'completed',
    'completed, with a person',
    'rolled-back',
    'rolled-back, with a person',
  ]);
});
