import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PermanentError, RetryableError, STEPS, WaitingError, type RestoreBooks, type StepId } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, MemoryBooks } from '@landfall/testing';
import { beginStep, recordOutcome, redispatchStep, type RunResult } from './advance.js';
import { requestRestore } from './request-restore.js';
import { backOffMs, STEP_ATTEMPTS } from './retry-policy.js';
import { WORKER_SILENT } from './stages.js';
import { OUTPUTS } from './step-outputs.fixture.test.js';
import {
  beginCleanUp,
  finishCleanUp,
  redispatchCleanUp,
  requestCancel,
  requestResume,
  requestRollback,
} from './turn-round.js';

const PLANNED: RunResult = { kind: 'done', output: { planHash: 'sha256:0' } };

async function requested(books: RestoreBooks): Promise<string> {
  return (await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'olivia' })).restoreId;
}

/** A restore whose plan is made: its first step after planning is pending under epoch 1. */
async function planned(books: RestoreBooks, plan = aRestorePlan()): Promise<string> {
  const restoreId = await requested(books);
  const run = { restoreId, step: 'plan', epoch: 1 } as const;
  await beginStep(books, run);
  await books.transaction((tx) => tx.storePlan(restoreId, plan));
  await recordOutcome(books, run, PLANNED);
  return restoreId;
}

async function stepOf(books: RestoreBooks, restoreId: string, step: StepId) {
  const restore = await books.restore(restoreId);
  const found = restore?.steps.find((candidate) => candidate.id === step);
  assert.ok(found);
  return found;
}

/** Does the steps before this one, or all that are left. */
async function bringTo(books: RestoreBooks, restoreId: string, last: StepId | null): Promise<void> {
  for (;;) {
    const restore = await books.restore(restoreId);
    const next = restore?.steps.find((step) => step.state === 'pending' && step.epoch > 0);
    if (next === undefined || next.id === last) return;
    const run = { restoreId, step: next.id, epoch: next.epoch };
    assert.ok(await beginStep(books, run));
    await recordOutcome(books, run, { kind: 'done', output: OUTPUTS[next.id] });
  }
}

async function failForGood(books: RestoreBooks, restoreId: string, step: StepId, error: Error): Promise<void> {
  for (let attempt = 1; attempt <= STEP_ATTEMPTS; attempt += 1) {
    const run = { restoreId, step, epoch: (await stepOf(books, restoreId, step)).epoch };
    assert.ok(await beginStep(books, run));
    await recordOutcome(books, run, { kind: 'failed', error });
  }
  assert.equal((await books.restore(restoreId))?.state, 'needs-attention');
}

function silent(): RetryableError {
  return new RetryableError({ code: WORKER_SILENT, message: 'Not heard of.', fix: 'Resume.' });
}

describe('asking for a restore', () => {
  it('writes the restore, the job of step 0 and the audit entry together', async () => {
    const books = new MemoryBooks();
    const id = await requested(books);
    assert.equal((await books.restore(id))?.state, 'planning');
    assert.deepEqual(
      books.outbox.map(({ queue, jobId, name, payload }) => ({ queue, jobId, name, payload })),
      [
        {
          queue: 'planner',
          jobId: `${id}-plan-1`,
          name: 'run-step',
          payload: { restoreId: id, step: 'plan', epoch: 1 },
        },
      ],
    );
    assert.deepEqual(
      books.audit.map(({ actor, action, subject }) => [actor, action, subject]),
      [['olivia', 'restore.request', id]],
    );
  });

  it('gives the same restore for the same key and body, and refuses the key with another body', async () => {
    const books = new MemoryBooks();
    const order = { request: aRestoreRequest(), requestedBy: 'olivia', idempotency: { key: 'k', bodyHash: 'a' } };
    const first = await requestRestore(books, order);
    assert.deepEqual(await requestRestore(books, order), { restoreId: first.restoreId, created: false });
    await assert.rejects(requestRestore(books, { ...order, idempotency: { key: 'k', bodyHash: 'b' } }), {
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    assert.equal((await books.restores()).length, 1);
  });
});

describe('the way forward', () => {
  it('skips what the plan leaves out and sends the next step to its service', async () => {
    const books = new MemoryBooks();
    const id = await planned(books);
    assert.equal((await stepOf(books, id, 'retrieve-archived-data')).state, 'skipped');
    assert.equal((await stepOf(books, id, 'create-staging-resource-group')).state, 'skipped');
    assert.equal((await stepOf(books, id, 'create-empty-disks')).state, 'pending');
    assert.deepEqual(books.outbox.map((message) => [message.queue, message.jobId]).at(-1), [
      'provisioner',
      `${id}-create-empty-disks-1`,
    ]);
  });

  it('completes a restore whose plan leaves everything out', async () => {
    const books = new MemoryBooks();
    const id = await planned(books, aRestorePlan({ steps: ['plan'] }));
    const restore = await books.restore(id);
    assert.equal(restore?.state, 'completed');
    assert.equal(restore.steps.filter((step) => step.state === 'skipped').length, STEPS.length - 1);
  });

  it('refuses a plan with an error, and shows its problems', async () => {
    const books = new MemoryBooks();
    const problem = { severity: 'error', code: 'QUOTA', message: 'Too few cores.', fix: 'Ask for more.' } as const;
    const id = await planned(books, aRestorePlan({ problems: [problem] }));
    const restore = await books.restore(id);
    assert.equal(restore?.state, 'refused');
    assert.deepEqual(restore.problems, [problem]);
    assert.ok(restore.endedAt);
  });

  it('drops jobs of an older epoch, of an unknown restore and of a step that is done', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const stale = [
      { restoreId, step: 'create-empty-disks', epoch: 0 },
      { restoreId, step: 'plan', epoch: 1 },
      { restoreId, step: 'create-vm', epoch: 1 },
      { restoreId: 'r-unknown', step: 'plan', epoch: 1 },
    ] as const;
    for (const run of stale) {
      assert.equal(await beginStep(books, run), null);
      assert.equal(await recordOutcome(books, run, { kind: 'interrupted' }), false);
    }
  });

  it('drops a job of a step whose turn has not come, and one of a clean-up that waits for a step', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    assert.equal(await beginStep(books, { restoreId, step: 'attach-disks', epoch: 0 }), null);
    assert.equal((await stepOf(books, restoreId, 'attach-disks')).state, 'pending');
    assert.ok(await beginStep(books, { restoreId, step: 'create-empty-disks', epoch: 1 }));
    await requestCancel(books, restoreId, 'olivia');
    assert.equal(await beginCleanUp(books, { restoreId, epoch: 0 }), null);
  });

  it('gives a step whose job comes twice a new epoch, and shuts the first run out', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, step: 'create-empty-disks', epoch: 1 } as const;
    assert.ok(await beginStep(books, run));
    assert.equal(await beginStep(books, run), null);
    assert.equal((await stepOf(books, restoreId, run.step)).epoch, 2);
    const late = { kind: 'done', output: { disks: [] } } as const;
    assert.equal(await recordOutcome(books, run, late), false);
    assert.equal((await stepOf(books, restoreId, run.step)).state, 'pending');
    const intent = { key: 'k', operation: 'o', azureId: '/d', bodyHash: 'h' };
    await assert.rejects(books.journal(restoreId, run.step, 1).begin(intent), { code: 'STEP_SUPERSEDED' });
  });

  it('counts an attempt for a run whose job is gone, and none for a job that never began', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const step = 'create-empty-disks';
    assert.equal(await redispatchStep(books, { restoreId, step, epoch: 1 }), true);
    assert.equal(await redispatchStep(books, { restoreId, step, epoch: 1 }), false);
    assert.deepEqual([(await stepOf(books, restoreId, step)).attempts], [0]);
    await beginStep(books, { restoreId, step, epoch: 2 });
    assert.equal(await redispatchStep(books, { restoreId, step, epoch: 2 }), true);
    const again = await stepOf(books, restoreId, step);
    assert.deepEqual([again.attempts, again.epoch, again.error?.code], [1, 3, 'STEP_INTERRUPTED']);
  });

  it('leaves a step alone that has parked since its job was missed', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books, aRestorePlan({ steps: ['plan', 'restore-data'] }));
    const run = { restoreId, step: 'restore-data', epoch: 1 } as const;
    await beginStep(books, run);
    await recordOutcome(books, run, { kind: 'parked' });
    assert.equal(await redispatchStep(books, run), false);
    const { state, parked, epoch, attempts } = await stepOf(books, restoreId, run.step);
    assert.deepEqual({ state, parked, epoch, attempts }, { state: 'running', parked: true, epoch: 1, attempts: 0 });
  });

  it('refuses an output that the next steps could not read', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, step: 'create-empty-disks', epoch: 1 } as const;
    await beginStep(books, run);
    await recordOutcome(books, run, { kind: 'done', output: { disks: 'many' } });
    assert.equal((await books.restore(restoreId))?.error?.code, 'STEP_OUTPUT_INVALID');
  });

  it('waits without counting an attempt, for as long as it is told to', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, step: 'create-empty-disks', epoch: 1 } as const;
    await beginStep(books, run);
    const reason = new WaitingError({ code: 'NIC_RESERVED', message: 'm', fix: 'f' }, { retryAfterMs: 180_000 });
    await recordOutcome(books, run, { kind: 'failed', error: reason });
    assert.equal((await stepOf(books, restoreId, run.step)).attempts, 0);
    assert.equal(books.outbox.at(-1)?.delayMs, 180_000);
  });

  it('leaves a step to a person after its attempts are used up, and begins anew when resumed', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    for (let attempt = 1; attempt <= STEP_ATTEMPTS; attempt += 1) {
      const { epoch } = await stepOf(books, restoreId, 'create-empty-disks');
      const run = { restoreId, step: 'create-empty-disks', epoch } as const;
      assert.ok(await beginStep(books, run));
      await recordOutcome(books, run, { kind: 'failed', error: flaky() });
    }
    assert.equal((await books.restore(restoreId))?.state, 'needs-attention');
    assert.equal((await stepOf(books, restoreId, 'create-empty-disks')).state, 'failed');

    await requestResume(books, restoreId, 'olivia');
    const again = await stepOf(books, restoreId, 'create-empty-disks');
    assert.deepEqual([again.state, again.attempts, again.epoch], ['pending', 0, STEP_ATTEMPTS + 1]);
    assert.equal((await books.restore(restoreId))?.error, null);
  });

  it('begins with the launch of a worker once more when it is resumed after its worker fell silent', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    await bringTo(books, restoreId, 'restore-data');
    await failForGood(books, restoreId, 'restore-data', silent());
    await requestResume(books, restoreId, 'olivia');
    const launch = await stepOf(books, restoreId, 'launch-worker');
    assert.deepEqual([launch.state, launch.epoch, launch.attempts], ['pending', 2, 0]);
    const lost = await stepOf(books, restoreId, 'restore-data');
    assert.deepEqual([lost.state, lost.error?.code], ['failed', WORKER_SILENT]);
    assert.equal(await beginStep(books, { restoreId, step: 'restore-data', epoch: lost.epoch }), null);

    const run = { restoreId, step: 'launch-worker', epoch: 2 } as const;
    assert.ok(await beginStep(books, run));
    await recordOutcome(books, run, { kind: 'done', output: OUTPUTS['launch-worker'] });
    const again = await stepOf(books, restoreId, 'restore-data');
    assert.deepEqual([again.state, again.attempts, again.error], ['pending', 0, null]);
    assert.equal(books.outbox.at(-1)?.jobId, `${restoreId}-restore-data-${again.epoch}`);
    await bringTo(books, restoreId, null);
    assert.equal((await books.restore(restoreId))?.state, 'completed');
  });

  it('launches no worker again when another step, or another error, is resumed from', async () => {
    for (const [step, error] of [
      ['restore-data', flaky()],
      ['create-vm', silent()],
    ] as const) {
      const books = new MemoryBooks();
      const restoreId = await planned(books);
      await bringTo(books, restoreId, step);
      await failForGood(books, restoreId, step, error);
      await requestResume(books, restoreId, 'olivia');
      assert.equal((await stepOf(books, restoreId, 'launch-worker')).state, 'done', step);
      assert.equal((await stepOf(books, restoreId, step)).state, 'pending', step);
    }
  });
});

describe('the way back', () => {
  it('has nothing to remove when planning fails', async () => {
    const books = new MemoryBooks();
    const restoreId = await requested(books);
    const run = { restoreId, step: 'plan', epoch: 1 } as const;
    await beginStep(books, run);
    const error = new PermanentError({ code: 'BLOB_CORRUPT', message: 'm', fix: 'f' });
    await recordOutcome(books, run, { kind: 'failed', error });
    const restore = await books.restore(restoreId);
    assert.equal(restore?.state, 'failed');
    assert.equal(restore.error?.code, 'BLOB_CORRUPT');
  });

  it('waits for the running step when cancelled, and refuses that step further cloud calls', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, step: 'create-empty-disks', epoch: 1 } as const;
    await beginStep(books, run);
    await requestCancel(books, restoreId, 'olivia');
    assert.deepEqual(
      (await books.runnable()).map((work) => work.work),
      ['create-empty-disks'],
    );
    const intent = { key: 'k', operation: 'o', azureId: '/d', bodyHash: 'h' };
    await assert.rejects(books.journal(restoreId, run.step, 1).begin(intent), { code: 'STEP_SUPERSEDED' });
    assert.deepEqual(await books.areCurrent([{ restoreId, work: run.step, epoch: 1 }]), [false]);

    await recordOutcome(books, run, { kind: 'done', output: { disks: [{ name: 'sda', azureId: '/d' }] } });
    assert.deepEqual(
      (await books.runnable()).map((work) => [work.work, work.epoch]),
      [['clean-up', 1]],
    );
    assert.ok(await beginCleanUp(books, { restoreId, epoch: 1 }));
    assert.ok(await finishCleanUp(books, { restoreId, epoch: 1 }, { kind: 'done' }));
    assert.equal((await books.restore(restoreId))?.state, 'cancelled');
  });

  it('drops a clean-up of an older epoch, taken up or ended', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    await requestCancel(books, restoreId, 'olivia');
    assert.ok(await beginCleanUp(books, { restoreId, epoch: 1 }));
    assert.equal(await redispatchCleanUp(books, { restoreId, epoch: 1 }), true);
    assert.ok(await beginCleanUp(books, { restoreId, epoch: 2 }));
    assert.equal(await beginCleanUp(books, { restoreId, epoch: 1 }), null);
    assert.equal(await finishCleanUp(books, { restoreId, epoch: 1 }, { kind: 'done' }), false);
    assert.equal((await books.restore(restoreId))?.state, 'cancelling');
    assert.equal(await finishCleanUp(books, { restoreId, epoch: 2 }, { kind: 'done' }), true);
  });

  it('ends a parked step at once when cancelled', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books, aRestorePlan({ steps: ['plan', 'restore-data'] }));
    const run = { restoreId, step: 'restore-data', epoch: 1 } as const;
    await beginStep(books, run);
    await recordOutcome(books, run, { kind: 'parked' });
    await requestCancel(books, restoreId, 'olivia');
    assert.deepEqual(
      (await books.runnable()).map((work) => work.work),
      ['clean-up'],
    );
    assert.deepEqual(await books.parked(), []);
  });

  it('refuses what does not fit the state, and takes a request twice', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books, aRestorePlan({ steps: ['plan'] }));
    await assert.rejects(requestCancel(books, restoreId, 'olivia'), { code: 'NOT_CANCELLABLE' });
    await assert.rejects(requestResume(books, restoreId, 'olivia'), (error: { code: string; fix: string }) => {
      assert.match(`${error.code} ${error.fix}`, /NOT_RESUMABLE It has ended.*anew/);
      return true;
    });
    await requestRollback(books, restoreId, 'olivia');
    await requestRollback(books, restoreId, 'olivia');
    const running = await planned(books);
    await assert.rejects(requestRollback(books, running, 'olivia'), { code: 'NOT_ROLLBACKABLE' });
    await assert.rejects(requestCancel(books, 'r-unknown', 'olivia'), { code: 'RESTORE_NOT_FOUND' });
    assert.deepEqual(
      books.audit.map((entry) => entry.action),
      ['restore.request', 'restore.rollback', 'restore.request'],
    );
  });
});

describe('back-off', () => {
  it('doubles from one second to one minute, less up to a half by chance', () => {
    const longest = [1, 2, 3, 6, 7, 50].map((attempts) => backOffMs(attempts, 0, () => 0));
    assert.deepEqual(longest, [1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
    assert.equal(
      backOffMs(1, 0, () => 1),
      500,
    );
    assert.equal(
      backOffMs(1, 30_000, () => 0),
      30_000,
    );
  });
});

function flaky(): RetryableError {
  return new RetryableError({ code: 'AZURE_UNREACHABLE', message: 'm', fix: 'f' });
}
