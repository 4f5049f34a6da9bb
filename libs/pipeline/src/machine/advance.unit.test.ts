import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { PermanentError, RetryableError, STEPS, WaitingError, type RestoreBooks, type StepId } from '@landfall/domain';
import { aRestorePlan, aRestoreRequest, MemoryBooks } from '@landfall/testing';
import { beginWork, recordOutcome, redispatch, type RunResult } from './advance.js';
import { requestRestore } from '../request-restore.js';
import { backOffMs, STEP_ATTEMPTS } from '../retry-policy.js';
import { OUTPUTS } from '../step-outputs.fixture.test.js';
import { requestCancel, requestResume, requestRollback } from './turn-round.js';

const PLANNED: RunResult = { kind: 'done', output: { planHash: 'sha256:0' } };

async function requested(books: RestoreBooks): Promise<string> {
  return (await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'olivia' })).restoreId;
}

/** A restore whose plan is made: its first step after planning is pending under epoch 1. */
async function planned(books: RestoreBooks, plan = aRestorePlan()): Promise<string> {
  const restoreId = await requested(books);
  const run = { restoreId, work: 'plan', epoch: 1 } as const;
  await beginWork(books, run);
  await books.transaction((tx) => tx.storePlan(restoreId, plan));
  await recordOutcome(books, run, PLANNED);
  return restoreId;
}

async function stepOf(books: RestoreBooks, restoreId: string, step: StepId) {
  const restore = await books.restore(restoreId);
  const found = restore?.works.find((candidate) => candidate.id === step);
  assert.ok(found);
  return found;
}

/** Does the steps before this one, or all that are left. */
async function bringTo(books: RestoreBooks, restoreId: string, last: StepId | null): Promise<void> {
  for (;;) {
    const restore = await books.restore(restoreId);
    const next = restore?.works.find((step) => step.state === 'pending' && step.epoch > 0);
    if (next === undefined || next.id === last) return;
    const run = { restoreId, work: next.id, epoch: next.epoch };
    expect(await beginWork(books, run)).toBeTruthy();
    await recordOutcome(books, run, { kind: 'done', output: OUTPUTS[next.id as StepId] });
  }
}

async function leaveToPerson(books: RestoreBooks, restoreId: string, step: StepId, resumeFrom?: StepId): Promise<void> {
  const run = { restoreId, work: step, epoch: (await stepOf(books, restoreId, step)).epoch };
  expect(await beginWork(books, run)).toBeTruthy();
  const outcome = { kind: 'exhausted', error: flaky() } as const;
  await recordOutcome(books, run, resumeFrom === undefined ? outcome : { ...outcome, resumeFrom });
  expect((await books.restore(restoreId))?.state).toBe('needs-attention');
}

describe('asking for a restore', () => {
  it('writes the restore, the job of step 0 and the audit entry together', async () => {
    const books = new MemoryBooks();
    const id = await requested(books);
    expect((await books.restore(id))?.state).toBe('planning');
    expect(books.outbox.map(({ queue, jobId, name, payload }) => ({ queue, jobId, name, payload }))).toStrictEqual([
      {
        queue: 'planner',
        jobId: `${id}-plan-1`,
        name: 'run-work',
        payload: { restoreId: id, work: 'plan', epoch: 1 },
      },
    ]);
    expect(books.audit.map(({ actor, action, subject }) => [actor, action, subject])).toStrictEqual([
      ['olivia', 'restore.request', id],
    ]);
  });

  it('gives the same restore for the same key and body, and refuses the key with another body', async () => {
    const books = new MemoryBooks();
    const order = { request: aRestoreRequest(), requestedBy: 'olivia', idempotency: { key: 'k', bodyHash: 'a' } };
    const first = await requestRestore(books, order);
    expect(await requestRestore(books, order)).toStrictEqual({ restoreId: first.restoreId, created: false });
    await expect(requestRestore(books, { ...order, idempotency: { key: 'k', bodyHash: 'b' } })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    expect((await books.restores()).length).toBe(1);
  });
});

describe('the way forward', () => {
  it('skips what the plan leaves out and sends the next step to its service', async () => {
    const books = new MemoryBooks();
    const id = await planned(books);
    expect((await stepOf(books, id, 'retrieve-archived-data')).state).toBe('skipped');
    expect((await stepOf(books, id, 'create-staging-resource-group')).state).toBe('skipped');
    expect((await stepOf(books, id, 'create-empty-disks')).state).toBe('pending');
    expect(books.outbox.map((message) => [message.queue, message.jobId]).at(-1)).toStrictEqual([
      'provisioner',
      `${id}-create-empty-disks-1`,
    ]);
  });

  it('completes a restore whose plan leaves everything out', async () => {
    const books = new MemoryBooks();
    const id = await planned(books, aRestorePlan({ steps: ['plan'] }));
    const restore = await books.restore(id);
    expect(restore?.state).toBe('completed');
    expect(restore!.works.filter((step) => step.state === 'skipped').length).toBe(STEPS.length - 1);
  });

  it('refuses a plan with an error, and shows its problems', async () => {
    const books = new MemoryBooks();
    const problem = { severity: 'error', code: 'QUOTA', message: 'Too few cores.', fix: 'Ask for more.' } as const;
    const id = await planned(books, aRestorePlan({ problems: [problem] }));
    const restore = await books.restore(id);
    expect(restore?.state).toBe('refused');
    expect(restore!.problems).toStrictEqual([problem]);
    expect(restore!.endedAt).toBeTruthy();
  });

  it('drops jobs of an older epoch, of an unknown restore and of a step that is done', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const stale = [
      { restoreId, work: 'create-empty-disks', epoch: 0 },
      { restoreId, work: 'plan', epoch: 1 },
      { restoreId, work: 'create-vm', epoch: 1 },
      { restoreId: 'r-unknown', work: 'plan', epoch: 1 },
    ] as const;
    for (const run of stale) {
      expect(await beginWork(books, run)).toBe(null);
      expect(await recordOutcome(books, run, { kind: 'interrupted' })).toBe(false);
    }
  });

  it('drops a job of a step whose turn has not come, and one of a clean-up that waits for a step', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    expect(await beginWork(books, { restoreId, work: 'attach-disks', epoch: 0 })).toBe(null);
    expect((await stepOf(books, restoreId, 'attach-disks')).state).toBe('pending');
    expect(await beginWork(books, { restoreId, work: 'create-empty-disks', epoch: 1 })).toBeTruthy();
    await requestCancel(books, restoreId, 'olivia');
    expect(await beginWork(books, { restoreId, work: 'remove-created', epoch: 0 })).toBe(null);
  });

  it('gives a step whose job comes twice a new epoch, and shuts the first run out', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, work: 'create-empty-disks', epoch: 1 } as const;
    expect(await beginWork(books, run)).toBeTruthy();
    expect(await beginWork(books, run)).toBe(null);
    expect((await stepOf(books, restoreId, run.work)).epoch).toBe(2);
    const late = { kind: 'done', output: { disks: [] } } as const;
    expect(await recordOutcome(books, run, late)).toBe(false);
    expect((await stepOf(books, restoreId, run.work)).state).toBe('pending');
    const effect = { changes: 'ours' } as const;
    const intent = { key: 'k', operation: 'o', azureId: '/d', bodyHash: 'h', effect };
    await expect(books.journal(restoreId, run.work, 1).begin(intent)).rejects.toMatchObject({
      code: 'STEP_SUPERSEDED',
    });
  });

  it('counts an attempt for a run whose job is gone, and none for a job that never began', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const step = 'create-empty-disks';
    expect(await redispatch(books, { restoreId, work: step, epoch: 1 })).toBe(true);
    expect(await redispatch(books, { restoreId, work: step, epoch: 1 })).toBe(false);
    expect([(await stepOf(books, restoreId, step)).attempts]).toStrictEqual([0]);
    await beginWork(books, { restoreId, work: step, epoch: 2 });
    expect(await redispatch(books, { restoreId, work: step, epoch: 2 })).toBe(true);
    const again = await stepOf(books, restoreId, step);
    expect([again.attempts, again.epoch, again.error?.code]).toStrictEqual([1, 3, 'STEP_INTERRUPTED']);
  });

  it('leaves a step alone that has parked since its job was missed', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books, aRestorePlan({ steps: ['plan', 'restore-data'] }));
    const run = { restoreId, work: 'restore-data', epoch: 1 } as const;
    await beginWork(books, run);
    await recordOutcome(books, run, { kind: 'parked' });
    expect(await redispatch(books, run)).toBe(false);
    const { state, parked, epoch, attempts } = await stepOf(books, restoreId, run.work);
    expect({ state, parked, epoch, attempts }).toStrictEqual({ state: 'running', parked: true, epoch: 1, attempts: 0 });
  });

  it('refuses an output that the next steps could not read', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, work: 'create-empty-disks', epoch: 1 } as const;
    await beginWork(books, run);
    await recordOutcome(books, run, { kind: 'done', output: { disks: 'many' } });
    expect((await books.restore(restoreId))?.error?.code).toBe('STEP_OUTPUT_INVALID');
  });

  it('waits without counting an attempt, for as long as it is told to', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, work: 'create-empty-disks', epoch: 1 } as const;
    await beginWork(books, run);
    const reason = new WaitingError({ code: 'NIC_RESERVED', message: 'm', fix: 'f' }, { retryAfterMs: 180_000 });
    await recordOutcome(books, run, { kind: 'failed', error: reason });
    expect((await stepOf(books, restoreId, run.work)).attempts).toBe(0);
    expect(books.outbox.at(-1)?.delayMs).toBe(180_000);
  });

  it('tells what it waits for once, and again when that has changed', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    for (const message of ['0 of 2 are back', '0 of 2 are back', '1 of 2 are back', '1 of 2 are back']) {
      const { epoch } = await stepOf(books, restoreId, 'create-empty-disks');
      const run = { restoreId, work: 'create-empty-disks', epoch } as const;
      expect(await beginWork(books, run)).toBeTruthy();
      const error = new WaitingError({ code: 'RETRIEVAL_PENDING', message, fix: 'f' }, { retryAfterMs: 60_000 });
      await recordOutcome(books, run, { kind: 'failed', error });
    }
    const waits = (await books.events(restoreId)).filter(({ type }) => type === 'step.waiting');
    expect(waits.map(({ message }) => message.slice(-15))).toStrictEqual(['0 of 2 are back', '1 of 2 are back']);
  });

  it('leaves a step to a person after eight attempts, and begins anew when resumed', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      expect((await books.restore(restoreId))?.state).toBe('running');
      const { epoch } = await stepOf(books, restoreId, 'create-empty-disks');
      const run = { restoreId, work: 'create-empty-disks', epoch } as const;
      expect(await beginWork(books, run)).toBeTruthy();
      await recordOutcome(books, run, { kind: 'failed', error: flaky() });
    }
    expect((await books.restore(restoreId))?.state).toBe('needs-attention');
    expect((await stepOf(books, restoreId, 'create-empty-disks')).state).toBe('failed');

    await requestResume(books, restoreId, 'olivia');
    const again = await stepOf(books, restoreId, 'create-empty-disks');
    expect([again.state, again.attempts, again.epoch]).toStrictEqual(['pending', 0, STEP_ATTEMPTS + 1]);
    expect((await books.restore(restoreId))?.error).toBe(null);
  });

  it('leaves a step to a person at once when whoever ended it says that everything was tried', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, work: 'create-empty-disks', epoch: 1 } as const;
    await beginWork(books, run);
    await recordOutcome(books, run, { kind: 'exhausted', error: flaky() });
    const { state, attempts } = await stepOf(books, restoreId, run.work);
    expect([(await books.restore(restoreId))?.state, state, attempts]).toStrictEqual(['needs-attention', 'failed', 1]);
  });

  it('begins once more with the step that the failed one is to be resumed from', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    await bringTo(books, restoreId, 'restore-data');
    await leaveToPerson(books, restoreId, 'restore-data', 'launch-worker');
    await requestResume(books, restoreId, 'olivia');
    const launch = await stepOf(books, restoreId, 'launch-worker');
    expect([launch.state, launch.epoch, launch.attempts]).toStrictEqual(['pending', 2, 0]);
    const lost = await stepOf(books, restoreId, 'restore-data');
    expect([lost.state, lost.resumeFrom]).toStrictEqual(['failed', 'launch-worker']);
    expect(await beginWork(books, { restoreId, work: 'restore-data', epoch: lost.epoch })).toBe(null);

    const run = { restoreId, work: 'launch-worker', epoch: 2 } as const;
    expect(await beginWork(books, run)).toBeTruthy();
    await recordOutcome(books, run, { kind: 'done', output: OUTPUTS['launch-worker'] });
    const again = await stepOf(books, restoreId, 'restore-data');
    expect([again.state, again.attempts, again.error, again.resumeFrom]).toStrictEqual(['pending', 0, null, null]);
    expect(books.outbox.at(-1)?.jobId).toBe(`${restoreId}-restore-data-${again.epoch}`);
    await bringTo(books, restoreId, null);
    expect((await books.restore(restoreId))?.state).toBe('completed');
  });

  it('begins with the failed step itself where nothing else is said', async () => {
    for (const step of ['restore-data', 'create-vm'] as const) {
      const books = new MemoryBooks();
      const restoreId = await planned(books);
      await bringTo(books, restoreId, step);
      await leaveToPerson(books, restoreId, step);
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
    const run = { restoreId, work: 'plan', epoch: 1 } as const;
    await beginWork(books, run);
    const error = new PermanentError({ code: 'BLOB_CORRUPT', message: 'm', fix: 'f' });
    await recordOutcome(books, run, { kind: 'failed', error });
    const restore = await books.restore(restoreId);
    expect(restore?.state).toBe('failed');
    expect(restore!.error?.code).toBe('BLOB_CORRUPT');
  });

  it('waits for the running step when cancelled, and refuses that step further cloud calls', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const run = { restoreId, work: 'create-empty-disks', epoch: 1 } as const;
    await beginWork(books, run);
    await requestCancel(books, restoreId, 'olivia');
    expect((await books.runnable()).map((work) => work.work)).toStrictEqual(['create-empty-disks']);
    const effect = { changes: 'ours' } as const;
    const intent = { key: 'k', operation: 'o', azureId: '/d', bodyHash: 'h', effect };
    await expect(books.journal(restoreId, run.work, 1).begin(intent)).rejects.toMatchObject({
      code: 'STEP_SUPERSEDED',
    });
    expect(await books.areCurrent([{ restoreId, work: run.work, epoch: 1 }])).toStrictEqual([false]);

    await recordOutcome(books, run, { kind: 'done', output: { disks: [{ name: 'sda', azureId: '/d' }] } });
    expect((await books.runnable()).map((work) => [work.work, work.epoch])).toStrictEqual([['remove-created', 1]]);
    expect(await beginWork(books, { restoreId, work: 'remove-created', epoch: 1 })).toBeTruthy();
    expect(
      await recordOutcome(books, { restoreId, work: 'remove-created', epoch: 1 }, { kind: 'done', output: {} }),
    ).toBe(true);
    expect((await books.restore(restoreId))?.state).toBe('cancelled');
  });

  it('drops a clean-up of an older epoch, taken up or ended', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    await requestCancel(books, restoreId, 'olivia');
    expect(await beginWork(books, { restoreId, work: 'remove-created', epoch: 1 })).toBeTruthy();
    expect(await redispatch(books, { restoreId, work: 'remove-created', epoch: 1 })).toBe(true);
    expect(await beginWork(books, { restoreId, work: 'remove-created', epoch: 2 })).toBeTruthy();
    expect(await beginWork(books, { restoreId, work: 'remove-created', epoch: 1 })).toBe(null);
    expect(
      await recordOutcome(books, { restoreId, work: 'remove-created', epoch: 1 }, { kind: 'done', output: {} }),
    ).toBe(false);
    expect((await books.restore(restoreId))?.state).toBe('cancelling');
    expect(
      await recordOutcome(books, { restoreId, work: 'remove-created', epoch: 2 }, { kind: 'done', output: {} }),
    ).toBe(true);
  });

  it('ends a parked step at once when cancelled', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books, aRestorePlan({ steps: ['plan', 'restore-data'] }));
    const run = { restoreId, work: 'restore-data', epoch: 1 } as const;
    await beginWork(books, run);
    await recordOutcome(books, run, { kind: 'parked' });
    await requestCancel(books, restoreId, 'olivia');
    expect((await books.runnable()).map((work) => work.work)).toStrictEqual(['remove-created']);
    expect(await books.parked()).toStrictEqual([]);
  });

  it('refuses what does not fit the state, and takes a request twice', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books, aRestorePlan({ steps: ['plan'] }));
    await expect(requestCancel(books, restoreId, 'olivia')).rejects.toMatchObject({ code: 'NOT_CANCELLABLE' });
    await assert.rejects(requestResume(books, restoreId, 'olivia'), (error: { code: string; fix: string }) => {
      expect(`${error.code} ${error.fix}`).toMatch(/NOT_RESUMABLE It has ended.*anew/);
      return true;
    });
    await requestRollback(books, restoreId, 'olivia');
    await requestRollback(books, restoreId, 'olivia');
    const running = await planned(books);
    await expect(requestRollback(books, running, 'olivia')).rejects.toMatchObject({ code: 'NOT_ROLLBACKABLE' });
    await expect(requestCancel(books, 'r-unknown', 'olivia')).rejects.toMatchObject({ code: 'RESTORE_NOT_FOUND' });
    expect(books.audit.map((entry) => entry.action)).toStrictEqual([
      'restore.request',
      'restore.rollback',
      'restore.request',
    ]);
  });
});

describe('back-off', () => {
  it('doubles from one second to one minute, less up to a half by chance', () => {
    const longest = [1, 2, 3, 6, 7, 50].map((attempts) => backOffMs(attempts, 0, () => 0));
    expect(longest).toStrictEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
    expect(backOffMs(1, 0, () => 1)).toBe(500);
    expect(backOffMs(1, 30_000, () => 0)).toBe(30_000);
  });
});

function flaky(): RetryableError {
  return new RetryableError({ code: 'AZURE_UNREACHABLE', message: 'm', fix: 'f' });
}
