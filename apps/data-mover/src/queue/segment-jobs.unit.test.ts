import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PermanentError, RetryableError } from '@landfall/domain';
import type { SegmentGrant, SegmentResult } from '@landfall/transfer';
import type { SegmentOutcome } from '../transfer/segment.js';
import { type SegmentJob, SegmentJobs } from './segment-jobs.js';

const GRANT = { segmentId: 's', restoreId: 'r', epoch: 1, purpose: 'move' } as SegmentGrant;
const DONE: SegmentOutcome = { bytesRead: 1, bytesWritten: 1, bytesZero: 0, warnings: [] };
const bad = new PermanentError({ code: 'TARGET_FLUSH_FAILED', message: 'It failed.', fix: 'Another disk.' });
const passing = new RetryableError({ code: 'TARGET_UNREACHABLE', message: 'It is away.', fix: 'Wait.' });
const nothing = (): void => undefined;

const job: SegmentJob = {
  id: 's-1',
  data: { restoreId: 'r', segmentId: 's', epoch: 1 },
  putOff: () => assert.fail('the job is put off'),
};

/** Each run that has begun is ended by the test. */
function scene() {
  const runs: PromiseWithResolvers<SegmentOutcome>[] = [];
  const sent: SegmentResult[] = [];
  let onBegin = nothing;
  const jobs = new SegmentJobs({
    mover: 'w-0/a',
    api: { claim: async () => GRANT },
    reports: {
      send: async (_granted, result) => (sent.push(result), true),
      deliverOf: async () => undefined,
      deliverVerdicts: async () => undefined,
    },
    writer: { assertHeld: nothing, lost: new AbortController().signal },
    seeGone: async () => undefined,
    run: () => {
      const run = Promise.withResolvers<SegmentOutcome>();
      runs.push(run);
      onBegin();
      return run.promise;
    },
    log: { info: nothing, warn: nothing, error: nothing },
    onNotWelcome: () => assert.fail('it is not welcome'),
  });
  const begin = async (lost: AbortSignal): Promise<{ ended: Promise<void> }> => {
    const begun = new Promise<void>((resolve) => (onBegin = resolve));
    const ended = jobs.handle(job, lost);
    await begun;
    return { ended };
  };
  return { jobs, runs, sent, begin };
}

const WHILE = [
  ['the data-mover ends', 'MOVER_STOPPED'],
  ['the lock on the job is lost', 'LOCK_LOST'],
] as const;

describe('what comes of a segment', () => {
  for (const [what, code] of WHILE) {
    for (const error of [bad, passing]) {
      it(`is ${error === bad ? 'told as it is when the disk has failed for good' : 'given back when it may pass'}, while ${what}`, async () => {
        const { jobs, runs, sent, begin } = scene();
        const lost = new AbortController();
        const { ended } = await begin(lost.signal);
        if (code === 'LOCK_LOST') lost.abort(new Error('lost'));
        else jobs.close();
        runs[0]!.reject(error);
        await ended;
        const [result] = sent;
        assert.equal(sent.length, 1);
        const told = result?.kind === 'done' ? null : [result?.kind, result?.code];
        assert.deepEqual(told, error === bad ? ['failed', bad.code] : ['given-back', code]);
      });
    }
  }

  it('is known before the same job, come a second time, is begun', async () => {
    const { jobs, runs, sent, begin } = scene();
    const { signal } = new AbortController();
    const { ended } = await begin(signal);
    const second = jobs.handle(job, signal);
    await new Promise(setImmediate);
    assert.equal(runs.length, 1);
    runs[0]!.resolve(DONE);
    await ended;
    while (runs.length < 2) await new Promise(setImmediate);
    assert.equal(sent.length, 1);
    runs[1]!.resolve(DONE);
    await second;
  });
});
