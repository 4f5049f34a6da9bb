import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConflictError, PermanentError, RetryableError, type LandfallError } from '@landfall/domain';
import type { SegmentGrant, SegmentResult } from '@landfall/transfer';
import { NotWelcomeError } from '../session/api-client.js';
import { SegmentJobs, type SegmentJobsOptions } from './segment-jobs.js';

const GRANT = { segmentId: 'seg-1', restoreId: 'r1', epoch: 3, purpose: 'move' } as SegmentGrant;
const OUTCOME = { bytesRead: 1, bytesWritten: 2, bytesZero: 3, warnings: [] };
const flushFailed = new PermanentError(
  { code: 'TARGET_FLUSH_FAILED', message: 'It did not take it.', fix: 'Anew.' },
  { facts: { system: 'EIO' } },
);
const busy = new RetryableError({ code: 'STORE_UNREACHABLE', message: 'Busy.', fix: 'Wait.' });
const leaseLost = new RetryableError({ code: 'LEASE_LOST', message: 'Lost.', fix: 'None.' });

class PutOff extends Error {}

describe('a job of a data-mover', () => {
  let reports: { segmentId: string; result: SegmentResult; holder: string | undefined }[];
  let told: string[];
  let lost: AbortController;
  let lease: AbortController;
  let claim: SegmentJobsOptions['api']['claim'];
  let run: SegmentJobsOptions['run'];
  let seeGone: SegmentJobsOptions['seeGone'];
  let counted: boolean;
  /** Ends the telling of any report. */
  let unheard: Error | null;

  beforeEach(() => {
    [reports, told, lost, lease, counted] = [[], [], new AbortController(), new AbortController(), true];
    unheard = null;
    claim = async () => GRANT;
    run = async () => OUTCOME;
    seeGone = async () => undefined;
  });

  const jobs = () =>
    new SegmentJobs({
      mover: 'w-0/a',
      api: { claim: (...parameters) => claim(...parameters) },
      reports: {
        async send({ segmentId }, result, _signal, holder) {
          reports.push({ segmentId, result, holder });
          if (unheard !== null) throw unheard;
          return counted;
        },
        deliverOf: async (mover) => void told.push(`of ${mover}`),
        deliverVerdicts: async () => void told.push('verdicts'),
      },
      writer: { assertHeld: () => undefined, lost: lease.signal },
      seeGone: (mover) => seeGone(mover),
      run: (...parameters) => run(...parameters),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      onNotWelcome: () => void told.push('not welcome'),
    });
  const job = (id = 'seg-1-3') => ({
    id,
    data: { restoreId: 'r1', segmentId: 'seg-1', epoch: 3 },
    putOff: async (): Promise<never> => {
      told.push('put off');
      throw new PutOff();
    },
  });
  const results = () => reports.map(({ result }) => result);
  const verdict = { kind: 'failed', code: 'TARGET_FLUSH_FAILED', facts: { system: 'EIO' } };

  it('ends after its report was answered', async () => {
    await jobs().handle(job(), lost.signal);
    const [result] = results();
    expect(result?.kind === 'done' && { ...result, milliseconds: 0 }).toStrictEqual({
      ...{ kind: 'done', bytesRead: 1, bytesWritten: 2, bytesZero: 3, milliseconds: 0 },
    });
  });

  const ends: readonly [string, (of: SegmentJobs) => void][] = [
    ['nothing else goes wrong', () => undefined],
    ['the process is closing', (of) => of.close()],
    ['the process gives back what it has in hand', (of) => (of.close(), of.giveBack())],
    ['its lock on the job is lost', () => lost.abort(new Error('its lock was lost'))],
    ['its lease is lost', () => lease.abort(leaseLost)],
  ];
  for (const [what, happen] of ends) {
    it(`reports what it has found out about a disk for good as that, when ${what}`, async () => {
      const of = jobs();
      run = async () => {
        happen(of);
        throw flushFailed;
      };
      await of.handle(job(), lost.signal);
      expect(results()).toStrictEqual([verdict]);
    });
  }

  it('is given back when the process closes, or its lock is lost, and nothing is wrong with it', async () => {
    for (const [happen, code] of [
      [(of: SegmentJobs) => of.close(), 'MOVER_STOPPED'],
      [() => lost.abort(new Error('its lock was lost')), 'LOCK_LOST'],
    ] as const) {
      const of = jobs();
      run = async () => {
        happen(of);
        throw busy;
      };
      await of.handle(job(), lost.signal);
      expect(results().at(-1)).toStrictEqual({ kind: 'given-back', code });
    }
  });

  it('is left to others, without a word, when the lease is lost and nothing was found out', async () => {
    run = async () => {
      lease.abort(leaseLost);
      throw leaseLost;
    };
    await expect(jobs().handle(job(), lost.signal)).rejects.toThrow();
    expect(reports).toStrictEqual([]);
  });

  it('is put off, and nothing reported, while it can’t be claimed', async () => {
    const notNow: readonly LandfallError[] = [busy, new ConflictError({ code: 'LEASE_LOST', message: 'm', fix: 'f' })];
    for (const error of notNow) {
      claim = () => Promise.reject(error);
      const stop = new AbortController();
      const handled = jobs().handle(job(), stop.signal);
      stop.abort(new Error('its lock was lost'));
      await expect(handled).rejects.toThrow(PutOff);
    }
    expect(reports).toStrictEqual([]);
  });

  it('says nothing else of a segment that is done, whatever ends the telling', async () => {
    for (unheard of [
      new Error('The data-mover leaves.'),
      new NotWelcomeError({ code: 'UNAUTHENTICATED', message: 'Unknown.', fix: 'None.' }),
    ]) {
      await expect(jobs().handle(job(), lost.signal)).rejects.toBe(unheard);
    }
    expect(results().map(({ kind }) => kind)).toStrictEqual(['done', 'done']);
    expect(told.filter((each) => each !== 'verdicts')).toStrictEqual(['not welcome']);
  });

  it('is dropped when it is done or stale', async () => {
    for (const code of ['SEGMENT_DONE', 'SEGMENT_STALE']) {
      claim = () => Promise.reject(new ConflictError({ code, message: 'm', fix: 'f' }));
      await jobs().handle(job(), lost.signal);
    }
    expect([reports, told.includes('put off')]).toStrictEqual([[], false]);
  });

  it('ends the process when the API does not know it any more', async () => {
    claim = () => Promise.reject(new NotWelcomeError({ code: 'UNAUTHENTICATED', message: 'm', fix: 'f' }));
    await expect(jobs().handle(job(), lost.signal)).rejects.toThrow(NotWelcomeError);
    expect(told).toContain('not welcome');
  });

  it('looks for verdicts that others have left before it is claimed, and once more before anything is written', async () => {
    run = async () => {
      told.push('work');
      return OUTCOME;
    };
    claim = async () => {
      told.push('claim');
      return GRANT;
    };
    await jobs().handle(job(), lost.signal);
    expect(told).toStrictEqual(['verdicts', 'claim', 'verdicts', 'work']);
  });

  it('tells whose writer could not be ended in that one’s name, and is put off when that does not count', async () => {
    const held = { restoreId: 'r1', heldBy: 'w-1/x', expired: true, epoch: 2 };
    claim = async () => held;
    const notGone = new RetryableError({ code: 'WRITER_NOT_GONE', message: 'm', fix: 'f' });
    seeGone = () => Promise.reject(notGone);
    await jobs().handle(job(), lost.signal);
    const result = { kind: 'failed', code: 'WRITER_NOT_GONE', facts: {} };
    expect(reports).toStrictEqual([{ segmentId: 'seg-1', result, holder: 'w-1/x' }]);
    counted = false;
    await expect(jobs().handle(job(), lost.signal)).rejects.toThrow(PutOff);
  });

  it('comes after its first run has ended when it is given out a second time', async () => {
    const order: string[] = [];
    run = async () => {
      order.push('begins');
      // Time enough for the second one, if it did not wait.
      for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
      order.push('ends');
      return OUTCOME;
    };
    const of = jobs();
    await Promise.all([of.handle(job(), lost.signal), of.handle(job(), lost.signal)]);
    expect(order).toStrictEqual(['begins', 'ends', 'begins', 'ends']);
    expect(of.isIdle).toBe(true);
  });
});
