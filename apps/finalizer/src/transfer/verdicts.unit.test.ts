import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { RetryableError, stepKey } from '@landfall/domain';
import { beginWork, recordOutcome, redispatch, requestCancel, requestResume } from '@landfall/pipeline';
import { enterReport, SEGMENT_BYTES } from '@landfall/transfer';
import { type HeldJob, RESTORE_ID, Scene, type SceneDisk } from './transfer-scene.fixture.test.js';

const full = (name: string, segments: number): SceneDisk => ({
  name,
  sizeBytes: segments * SEGMENT_BYTES,
  extents: [{ offset: 0, length: segments * SEGMENT_BYTES }],
});

/** A restore of one disk, with its first segment in a data-mover's hands. */
async function withOneInHand(segments = 3): Promise<{ scene: Scene; job: HeldJob }> {
  const scene = await Scene.begin({ disks: [full('sda', segments)], verify: 'sampled' });
  await scene.runStep();
  await scene.take(0, 'w0-0/a');
  return { scene, job: scene.held[0]! };
}

async function mustHaveFailed(scene: Scene, code: string): Promise<void> {
  const restore = await scene.restore();
  expect([restore.state, restore.error?.code]).toStrictEqual(['rolling-back', code]);
  await cleanUp(scene);
  const after = await scene.restore();
  expect([after.state, after.error?.code]).toStrictEqual(['failed', code]);
}

async function cleanUp(scene: Scene): Promise<void> {
  const back = (await scene.restore()).works.find(({ id }) => id === 'remove-created');
  const run = { restoreId: RESTORE_ID, work: 'remove-created', epoch: back?.epoch ?? -1 };
  assert.ok(await beginWork(scene.books, run), 'what was created is being removed');
  await recordOutcome(scene.books, run, { kind: 'done', output: {} });
}

describe('what a data-mover has found out about a disk for good', () => {
  for (const code of ['TARGET_FLUSH_FAILED', 'TARGET_FAILED', 'TARGET_FULL', 'VERIFY_MISMATCH'] as const) {
    it(`ends the restore as failed with exactly its code: ${code}`, async () => {
      const { scene, job } = await withOneInHand();
      expect(await scene.failed(job, code)).toBe(true);
      expect((await scene.take(0, 'w0-1/b'))?.kind).toBe('stale');
      await mustHaveFailed(scene, code);
      const [verdict] = await scene.books.verdicts(RESTORE_ID);
      expect([verdict?.diskName, verdict?.code, verdict?.mover]).toStrictEqual(['sda', code, 'w0-0/a']);
    });
  }

  it('is one change with what follows: whoever comes by at any moment finds both or neither', async () => {
    const { scene, job } = await withOneInHand();
    const { books } = scene;
    let commits = 0;
    const counting = new Proxy(books, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'transaction') commits += 1;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const report = { restoreId: RESTORE_ID, epoch: job.segment.epoch, mover: job.mover };
    const result = { kind: 'failed', code: 'TARGET_FULL' } as const;
    await enterReport(counting, { workerId: 'w0' }, job.segment.id, { ...report, result });
    expect(commits).toBe(1);
    await scene.reconcile();
    await mustHaveFailed(scene, 'TARGET_FULL');
  });

  it('is entered once, however often it is told', async () => {
    const { scene, job } = await withOneInHand();
    expect(await scene.failed(job, 'TARGET_FULL')).toBe(true);
    const events = (await scene.books.events(RESTORE_ID)).length;
    expect(await scene.failed(job, 'TARGET_FULL')).toBe(true);
    expect((await scene.books.events(RESTORE_ID)).length).toBe(events);
    expect((await scene.books.verdicts(RESTORE_ID)).length).toBe(1);
  });

  it('counts after its job was lost and the segment was handed out anew', async () => {
    const { scene, job } = await withOneInHand();
    scene.held = [];
    await scene.reconcile();
    expect(scene.waiting.some((message) => message.payload['epoch'] === 2)).toBe(true);
    await scene.failed(job, 'TARGET_FLUSH_FAILED');
    await mustHaveFailed(scene, 'TARGET_FLUSH_FAILED');
  });

  it('counts after the same job came a second time and the segment is held under the next epoch', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)] });
    await scene.runStep();
    await scene.take(0, 'w0-0/a', true);
    await scene.take(0, 'w0-0/a');
    const [first, second] = scene.held;
    expect([first?.segment.epoch, second?.segment.epoch]).toStrictEqual([1, 2]);
    await scene.failed(first!, 'TARGET_FLUSH_FAILED');
    expect(await scene.report(second!, done())).toBe(false);
    await mustHaveFailed(scene, 'TARGET_FLUSH_FAILED');
  });

  it('counts after another one has done the segment', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 2)] });
    await scene.runStep();
    await scene.take(0, 'w0-0/a', true);
    const late = scene.held[0]!;
    await scene.take(0, 'w0-1/b');
    await scene.done(scene.held[1]!);
    await scene.failed(late, 'TARGET_FLUSH_FAILED');
    await mustHaveFailed(scene, 'TARGET_FLUSH_FAILED');
  });

  it('counts between two attempts of the step', async () => {
    const { scene, job } = await withOneInHand();
    const { epoch } = await scene.step();
    const error = new RetryableError({ code: 'AZURE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
    await recordOutcome(scene.books, { restoreId: RESTORE_ID, work: 'restore-data', epoch }, { kind: 'failed', error });
    expect((await scene.step()).state).toBe('pending');
    await scene.failed(job, 'TARGET_FULL');
    await scene.runStep();
    await mustHaveFailed(scene, 'TARGET_FULL');
  });

  it('counts while an attempt of the step has just begun, whose end lets the clean-up begin', async () => {
    const { scene, job } = await withOneInHand();
    const { epoch } = await scene.step();
    const run = { restoreId: RESTORE_ID, work: 'restore-data', epoch } as const;
    await scene.books.transaction((tx) =>
      tx.moveWork(RESTORE_ID, stepKey('restore-data'), { from: 'running', epoch }, 'running', { parked: false }),
    );
    await scene.failed(job, 'TARGET_FULL');
    expect((await scene.restore()).state).toBe('rolling-back');
    expect((await scene.step()).state).toBe('running');
    await recordOutcome(scene.books, run, { kind: 'parked' });
    await mustHaveFailed(scene, 'TARGET_FULL');
  });

  it('counts while the restore needs attention, and can’t be resumed away', async () => {
    const { scene, job } = await withOneInHand();
    await scene.take(0, 'w0-0/a');
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await scene.failed(scene.held.at(-1)!, 'STORE_UNREACHABLE');
      if (attempt < 7) while (scene.held.length < 2) await scene.take(scene.waiting.length - 1, 'w0-0/a');
    }
    expect((await scene.restore()).state).toBe('needs-attention');
    await scene.failed(job, 'TARGET_FLUSH_FAILED');
    await expect(requestResume(scene.books, RESTORE_ID, 'olivia')).rejects.toMatchObject({ code: 'NOT_RESUMABLE' });
    await mustHaveFailed(scene, 'TARGET_FLUSH_FAILED');
  });

  it('names itself to whoever would resume a restore over it', async () => {
    const { scene, job } = await withOneInHand();
    const verdict = { code: 'VERIFY_MISMATCH', message: 'It differs.', fix: 'Anew.' };
    const { id: segmentId, epoch } = job.segment;
    await scene.books.transaction(async (tx) => {
      await tx.addVerdict({ restoreId: RESTORE_ID, diskName: 'sda', segmentId, epoch, mover: 'w0-0/a', ...verdict });
    });
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await scene.failed(scene.held[0]!, 'STORE_UNREACHABLE');
      if (attempt < 7) await scene.take(scene.waiting.length - 1, 'w0-0/a');
    }
    expect((await scene.restore()).state).toBe('needs-attention');
    await assert.rejects(requestResume(scene.books, RESTORE_ID, 'olivia'), (error: Error) => {
      expect(error.message).toMatch(/VERIFY_MISMATCH/);
      return true;
    });
  });

  it('is kept as a fact, and changes nothing, on a restore that goes back or has ended', async () => {
    const { scene, job } = await withOneInHand();
    await requestCancel(scene.books, RESTORE_ID, 'olivia');
    expect(await scene.failed(job, 'TARGET_FULL')).toBe(true);
    expect((await scene.restore()).state).toBe('cancelling');
    await cleanUp(scene);
    expect((await scene.restore()).state).toBe('cancelled');
    expect((await scene.books.verdicts(RESTORE_ID)).length).toBe(1);
    expect((await scene.books.events(RESTORE_ID)).some(({ type }) => type === 'disk.failed')).toBe(true);
  });

  it('is told by a successor in the name of who found it', async () => {
    const { scene, job } = await withOneInHand();
    scene.kill('w0-0/a');
    await scene.started('w0-0/b');
    await scene.failed(job, 'TARGET_FLUSH_FAILED');
    await mustHaveFailed(scene, 'TARGET_FLUSH_FAILED');
  });
});

describe('a report', () => {
  const bad = { kind: 'failed', code: 'TARGET_FULL' } as const;

  it('is refused to whoever was not given the segment, and changes nothing', async () => {
    const { scene, job } = await withOneInHand();
    const before = JSON.stringify([await scene.restore(), await scene.books.segments(RESTORE_ID)]);
    const { id, epoch } = job.segment;
    const own = { restoreId: RESTORE_ID, epoch, mover: job.mover };
    for (const [workerId, changes] of [
      ['w1', {}],
      [null, {}],
      ['w0', { mover: 'w0-1/b' }],
      ['w0', { epoch: epoch + 1 }],
      ['w0', { restoreId: 'rother' }],
    ] as const) {
      for (const result of [bad, done(), { kind: 'given-back', code: 'LOCK_LOST' } as const]) {
        const forged = enterReport(scene.books, { workerId }, id, { ...own, ...changes, result });
        await expect(forged).rejects.toMatchObject({ code: 'GRANT_UNKNOWN' });
      }
    }
    const unknown = enterReport(scene.books, { workerId: 'w0' }, 'seg-unknown', { ...own, result: bad });
    await expect(unknown).rejects.toMatchObject({ code: 'GRANT_UNKNOWN' });
    const waiting = (await scene.books.segments(RESTORE_ID)).find(({ state }) => state === 'pending')!;
    const early = enterReport(scene.books, { workerId: 'w0' }, waiting.id, { ...own, result: done() });
    await expect(early).rejects.toMatchObject({ code: 'GRANT_UNKNOWN' });
    expect(JSON.stringify([await scene.restore(), await scene.books.segments(RESTORE_ID)])).toBe(before);
  });

  it('of a passing failure by an earlier holder only says that it has let go', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)] });
    await scene.runStep();
    await scene.take(0, 'w0-0/a');
    const late = scene.held[0]!;
    scene.held = [];
    await scene.reconcile();
    const [handedOut] = await scene.books.segments(RESTORE_ID);
    expect([handedOut?.state, handedOut?.epoch, handedOut?.mover]).toStrictEqual(['pending', 2, 'w0-0/a']);
    expect(await scene.failed(late, 'STORE_UNREACHABLE')).toBe(false);
    const [free] = await scene.books.segments(RESTORE_ID);
    expect([free?.state, free?.epoch, free?.mover, free?.attempts]).toStrictEqual(['pending', 2, null, 1]);
  });

  it('that the holder could not be ended leaves it named, and counts as an attempt', async () => {
    const scene = await Scene.begin({ disks: [full('sda', 1)] });
    await scene.runStep();
    await scene.take(0, 'w0-0/a');
    const [held] = scene.held;
    expect(await scene.failed(held!, 'WRITER_NOT_GONE')).toBe(true);
    const [segment] = await scene.books.segments(RESTORE_ID);
    expect([segment?.state, segment?.mover, segment?.attempts]).toStrictEqual(['pending', 'w0-0/a', 1]);
    expect(await scene.failed(held!, 'WRITER_NOT_GONE')).toBe(true);
    const [again] = await scene.books.segments(RESTORE_ID);
    expect([again?.state, again?.mover, again?.attempts]).toStrictEqual(['pending', 'w0-0/a', 2]);
  });

  it('of a segment that is done is answered alike when it comes again, and goes no further', async () => {
    const { scene, job } = await withOneInHand();
    expect(await scene.report(job, done())).toBe(true);
    const events = (await scene.books.events(RESTORE_ID)).length;
    expect(await scene.report(job, done())).toBe(true);
    expect((await scene.books.events(RESTORE_ID)).length).toBe(events);
  });

  it('that comes while the step is between two attempts is entered', async () => {
    const { scene, job } = await withOneInHand();
    const { epoch } = await scene.step();
    const error = new RetryableError({ code: 'AZURE_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
    await recordOutcome(scene.books, { restoreId: RESTORE_ID, work: 'restore-data', epoch }, { kind: 'failed', error });
    expect(await scene.report(job, done())).toBe(true);
    await scene.runStep();
    await scene.workOff('w0-0/a');
    expect((await scene.step()).state).toBe('done');
  });

  it('ends the step with its own code, left to a person, once a segment was tried eight times', async () => {
    const { scene } = await withOneInHand(1);
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await scene.failed(scene.held[0]!, 'STORE_UNREACHABLE');
      if (attempt < 7) await scene.take(0, 'w0-0/a');
    }
    const restore = await scene.restore();
    expect([restore.state, restore.error?.code]).toStrictEqual(['needs-attention', 'STORE_UNREACHABLE']);
    expect(restore.error?.message ?? '').toMatch(/"sda"/);
    // An attempt that has just begun, and whoever comes by before it has handed the segment out: nothing is lost.
    await requestResume(scene.books, RESTORE_ID, 'olivia');
    const { epoch } = await scene.step();
    await scene.reconcile();
    await redispatch(scene.books, { restoreId: RESTORE_ID, work: 'restore-data', epoch });
    await scene.runStep();
    await scene.workOff('w0-0/a');
    expect((await scene.step()).state).toBe('done');
  });

  it('with warnings has them in the history, in words of our own', async () => {
    const { scene, job } = await withOneInHand();
    await scene.report(job, { ...done(), warnings: ['READ_BACK_CACHED'] });
    const event = (await scene.books.events(RESTORE_ID)).find(({ type }) => type === 'segment.done');
    expect(JSON.stringify(event?.data['warnings'])).toMatch(/page cache/);
  });

  it('that needed another copy of a part of the backup warns of the repository, once in a restore', async () => {
    const { scene, job } = await withOneInHand();
    const others = scene.held.filter((held) => held !== job);
    for (const each of [job, ...others.slice(0, 1)]) {
      await scene.report(each, { ...done(), warnings: ['COPY_PASSED_OVER'] });
    }
    const { problems } = (await scene.books.restore(RESTORE_ID))!;
    expect(problems.filter(({ code }) => code === 'REPOSITORY_DAMAGED')).toMatchObject([{ severity: 'warning' }]);
  });
});

function done() {
  return { kind: 'done', bytesRead: 1, bytesWritten: 1, bytesZero: 0, milliseconds: 1 } as const;
}
