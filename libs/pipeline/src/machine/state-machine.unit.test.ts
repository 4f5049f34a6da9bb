import { test } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  ConflictError,
  hasEnded,
  PermanentError,
  RetryableError,
  WaitingError,
  type Restore,
  type StepId,
  stepsOf,
  type WorkRun,
} from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, MemoryBooks } from '@landfall/testing';
import fc from 'fast-check';
import { RUN_WORK } from '../queues.js';
import { beginWork, recordOutcome, redispatch, type RunResult } from './advance.js';
import { requestRestore } from '../request-restore.js';
import { endParked } from '../parked.fixture.test.js';
import { OUTPUTS } from '../step-outputs.fixture.test.js';
import { requestCancel, requestResume, requestRollback } from './turn-round.js';

/*
 * The state machine under everything that a queue, a process and a person can do to it, in any order: jobs delivered
 * late, twice or never, runs that end well, badly or not at all, cancels, resumes, roll-backs, re-dispatches. Then the
 * faults stop, and the restore has to end. The books in memory throw at every transition that is not legal.
 */
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
        { weight: 4, arbitrary: fc.constantFrom(...Object.keys(RESULTS), 'parked', 'silent') },
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
);

class Simulation {
  readonly books = new MemoryBooks();
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
        await endParked(this.books, this.restoreId, 'restore-data', done('restore-data'));
        break;
      default:
        await PERSON[step.do](this.books, this.restoreId, 'olivia').catch((error: unknown) => {
          if (!(error instanceof ConflictError)) throw error;
        });
    }
    await this.collectJobs();
    await this.check();
  }

  async deliver(job: WorkRun | undefined): Promise<void> {
    if (!job) return;
    this.replace(job);
    if (await beginWork(this.books, job)) this.running.push({ ...job });
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
      await this.books.transaction((tx) => tx.storePlan(restoreId, aRestorePlan())).catch(() => undefined);
    }
    const parks = how === 'parked' && work === 'restore-data';
    const outcome = parks ? ({ kind: 'parked' } as const) : result.kind === 'done' ? done(work) : result;
    await recordOutcome(this.books, run, outcome);
  }

  /** Without any trouble: so that what follows meets every step, and not the first ones alone. */
  async doNext(): Promise<void> {
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
      for (const parked of await this.books.parked()) {
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
  | { do: 'deliver' | 'die' | 'redispatch'; pick: number }
  | { do: 'end'; pick: number; result: string }
  | { do: 'unpark' | 'cancel' | 'resume' | 'rollback' };

const PERSON = { cancel: requestCancel, resume: requestResume, rollback: requestRollback } as const;

function done(work: string): Extract<RunResult, { kind: 'done' }> {
  return { kind: 'done', output: work in OUTPUTS ? OUTPUTS[work as StepId] : {} };
}

/** Half of the time the latest: that is where things happen. */
function chosen<T>(from: readonly T[], pick: number): T | undefined {
  return pick % 2 === 0 ? from.at(-1) : from[(pick >> 1) % Math.max(1, from.length)];
}

/** How often a worker was launched anew, over all runs: what never happens is not tested. */
let reopened = 0;

test('every transition is legal and every restore ends, whatever happens to its jobs in between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(8), fc.array(action, { maxLength: 60, size: 'max' }), async (stepsBefore, actions) => {
      const simulation = new Simulation();
      await simulation.begin();
      for (let step = 0; step < stepsBefore; step += 1) await simulation.doNext();
      for (const step of actions) await simulation.act(step);
      await simulation.settle();
      const events = await simulation.books.events(simulation.restoreId, 0, 10_000);
      reopened += events.filter(({ type }) => type === 'step.reopened').length;
    }),
    { numRuns: 1_500 },
  );
  assert.ok(reopened > 0, 'no worker was launched anew');
});
