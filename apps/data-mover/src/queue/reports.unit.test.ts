import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConflictError, PermanentError, RetryableError } from '@landfall/domain';
import type { Report } from '@landfall/transfer';
import { NotWelcomeError } from '../session/api-client.js';
import { KeptReports } from './kept-reports.js';
import { reportable, Reports } from './reports.js';

const DONE = { kind: 'done', bytesRead: 1, bytesWritten: 1, bytesZero: 0, milliseconds: 1 } as const;
const BAD = { kind: 'failed', code: 'TARGET_FLUSH_FAILED', facts: { system: 'EIO' } } as const;
const GRANT = { segmentId: 'seg-1', restoreId: 'r1', epoch: 3 };
const away = new RetryableError({ code: 'API_UNREACHABLE', message: 'Away.', fix: 'Wait.' });
const details = { code: 'GRANT_UNKNOWN', message: 'No.', fix: 'None.' };

describe('the reports of a data-mover', () => {
  let folder: string;
  let unreadable: string[];
  let heard: (Report & { segmentId: string })[];
  let answers: (boolean | Error)[];
  const never = new AbortController().signal;
  const api = {
    async report(segmentId: string, report: Report) {
      const answer = answers.shift() ?? true;
      if (answer instanceof Error) throw answer;
      heard.push({ segmentId, ...report });
      return answer;
    },
    started: async () => undefined,
  };
  const log = { warn: () => undefined, error: () => undefined };
  const store = () => KeptReports.in(folder, (file) => unreadable.push(file));
  const reportsOf = async (mover: string) => new Reports(api, await store(), mover, log);
  const files = () => readdir(folder);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'landfall-reports-'));
    [unreadable, heard, answers] = [[], [], []];
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are repeated until they are answered, and kept until then', async () => {
    answers = [away, away, false];
    const reports = await reportsOf('w-0/a');
    const sent = reports.send(GRANT, DONE, never);
    while ((await files()).length === 0) await new Promise(setImmediate);
    expect(await sent).toBe(false);
    expect(heard).toStrictEqual([{ segmentId: 'seg-1', restoreId: 'r1', epoch: 3, mover: 'w-0/a', result: DONE }]);
    expect(await files()).toStrictEqual([]);
  });

  it('stay where they are kept when the process has to end', async () => {
    answers = Array.from({ length: 1_000 }, () => away);
    const leave = new AbortController();
    const sent = (await reportsOf('w-0/a')).send(GRANT, BAD, leave.signal);
    while ((await files()).length === 0) await new Promise(setImmediate);
    leave.abort(new Error('It leaves.'));
    await expect(sent).rejects.toThrow();
    expect(await files()).toStrictEqual(['verdict.seg-1.3.json']);
  });

  it('of a predecessor are told first, and verdicts of whomever', async () => {
    const kept = await store();
    const report = (mover: string, result: typeof DONE | typeof BAD, epoch: number) =>
      kept.keep({ segmentId: 'seg-1', report: { restoreId: 'r1', epoch, mover, result } });
    await report('w-0/a', DONE, 1);
    await report('w-1/a', DONE, 2);
    await report('w-1/a', BAD, 3);
    const reports = await reportsOf('w-0/b');
    await reports.deliverOfPredecessors(never);
    expect(heard.map(({ mover, epoch }) => [mover, epoch])).toStrictEqual([
      ['w-0/a', 1],
      ['w-1/a', 3],
    ]);
    expect(await files()).toStrictEqual(['report.seg-1.2.json']);
    await reports.deliverOf('w-1/a', never);
    expect(await files()).toStrictEqual([]);
  });

  it('of this process are not told twice by looking for what others have left', async () => {
    const reports = await reportsOf('w-0/a');
    await (
      await store()
    ).keep({ segmentId: 'seg-1', report: { restoreId: 'r1', epoch: 1, mover: 'w-0/a', result: BAD } });
    await reports.deliverVerdicts(never);
    expect(heard).toStrictEqual([]);
  });

  it('are dropped when the API refuses them for good, and not when it does not know this data-mover any more', async () => {
    answers = [new ConflictError(details), new NotWelcomeError(details)];
    const reports = await reportsOf('w-0/a');
    expect(await reports.send(GRANT, BAD, never)).toBe(null);
    expect(await files()).toStrictEqual([]);
    await expect(reports.send(GRANT, BAD, never)).rejects.toThrow(NotWelcomeError);
    expect(await files()).toStrictEqual(['verdict.seg-1.3.json']);
  });

  it('are told although they can’t be kept', async () => {
    const reports = await reportsOf('w-0/a');
    await rm(folder, { recursive: true });
    await writeFile(folder, 'no folder');
    const told = await Promise.allSettled([reports.send(GRANT, BAD, never)]);
    expect(heard.map(({ result }) => result)).toStrictEqual([BAD]);
    expect(told[0]?.status).toBe('fulfilled');
  });

  it('that can’t be read are put aside, and hold up nobody', async () => {
    const reports = await reportsOf('w-0/a');
    await writeFile(join(folder, 'verdict.seg-1.3.json'), '{"segmentId":');
    await writeFile(join(folder, 'verdict.seg-2.3.json'), '{"segmentId":"seg-2","report":{"result":"all is well"}}');
    await reports.deliverVerdicts(never);
    expect(unreadable).toStrictEqual(['verdict.seg-1.3.json', 'verdict.seg-2.3.json']);
    expect((await files()).sort()).toStrictEqual([
      'verdict.seg-1.3.json.unreadable',
      'verdict.seg-2.3.json.unreadable',
    ]);
  });
});

describe('what of an error may be reported', () => {
  const error = (code: string, facts = {}) =>
    new PermanentError({ code, message: 'A secret: hunter2', fix: 'f' }, { facts });

  it('is a code of the list and facts that fit, and none of its text', () => {
    const facts = { system: 'EIO', offset: 4096, note: 'x', pack: 'no hash', status: 403 };
    expect(reportable(error('TARGET_FAILED', facts))).toStrictEqual({
      code: 'TARGET_FAILED',
      facts: { system: 'EIO', offset: 4096, status: 403 },
      kind: 'verdict',
    });
  });

  it('is no more than that, where the code is not on the list', () => {
    expect(reportable(error('SOMETHING_NEW'))).toStrictEqual({ code: 'MOVER_FAILED', facts: {}, kind: 'permanent' });
    expect(reportable(away)).toStrictEqual({ code: 'UNEXPECTED', facts: {}, kind: 'retryable' });
    expect(reportable(new TypeError('hunter2'))).toStrictEqual({ code: 'UNEXPECTED', facts: {}, kind: 'retryable' });
  });
});
