import { afterAll, describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aRestorePlan, aRestoreRequest, MemoryBooks, MemoryCloud } from '@landfall/testing';
import { recordOutcome } from './machine/advance.js';
import { crashHookFromEnvironment } from './crash-environment.js';
import { withCrashPoints, type CrashHook } from './crash-points.js';
import type { StepHandlers } from './handler.js';
import { requestRestore } from './request-restore.js';
import { runWork } from './step-run.js';

const signal = new AbortController().signal;

async function planned(books: MemoryBooks): Promise<string> {
  const { restoreId } = await requestRestore(books, { request: aRestoreRequest(), requestedBy: 'olivia' });
  await books.transaction((tx) => tx.storePlan(restoreId, aRestorePlan()));
  await runWork(
    books,
    { plan: async () => ({ kind: 'done', output: { planHash: 'h' } }) },
    at(restoreId, 'plan'),
    signal,
  );
  return restoreId;
}

function at<S extends 'plan' | 'create-empty-disks'>(restoreId: string, step: S) {
  return { restoreId, work: step, epoch: 1 };
}

/** Makes one disk, as step 3 does. */
function handlers(cloud: MemoryCloud): StepHandlers {
  return {
    'create-empty-disks': async ({ journal }) => {
      const place = { resourceGroup: 'apps', region: 'westeurope', zone: null };
      const of = { tags: {}, role: 'disk', purpose: 'result' } as const;
      const spec = { ...place, ...of, name: 'web-sda', sizeBytes: 2 ** 30, sku: 'Standard_LRS', os: null };
      const disk = await cloud.disks.ensureEmpty(spec, journal);
      return { kind: 'done', output: { disks: [{ name: 'sda', azureId: disk.azureId }] } };
    },
  };
}

describe('crash points', () => {
  it('are told in the order in which a step and its cloud call pass them', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const reached: string[] = [];
    const watched = withCrashPoints(books, (point) => void reached.push(point));
    await runWork(watched, handlers(new MemoryCloud()), at(restoreId, 'create-empty-disks'), signal);
    expect(reached).toStrictEqual([
      'create-empty-disks.running.beforeCommit',
      'create-empty-disks.running.afterCommit',
      'create-empty-disks.disk.create.beforeIntent',
      'create-empty-disks.disk.create.afterIntent',
      'create-empty-disks.disk.create.afterCall',
      'create-empty-disks.disk.create.beforeCommit',
      'create-empty-disks.disk.create.afterCommit',
      'create-empty-disks.done.beforeCommit',
      'create-empty-disks.done.afterCommit',
    ]);
  });

  it('take back what was not committed, and keep what was', async () => {
    for (const point of ['beforeCommit', 'afterCommit']) {
      const books = new MemoryBooks();
      const restoreId = await planned(books);
      const dying = withCrashPoints(books, dieAt(`create-empty-disks.running.${point}`));
      const run = runWork(dying, handlers(new MemoryCloud()), at(restoreId, 'create-empty-disks'), signal);
      await expect(run).rejects.toThrow(/dies/);
      const step = (await books.restore(restoreId))!.works.find((each) => each.id === 'create-empty-disks');
      expect(step?.state).toBe(point === 'beforeCommit' ? 'pending' : 'running');
    }
  });

  it('name the relay, a parked step and a request', async () => {
    const books = new MemoryBooks();
    const reached: string[] = [];
    const watched = withCrashPoints(books, (point) => void reached.push(point));
    await requestRestore(watched, { request: aRestoreRequest(), requestedBy: 'olivia' });
    const messages = await watched.claimOutbox(10);
    await watched.outboxSent(messages.map((message) => message.id));
    expect(reached).toStrictEqual([
      'request.beforeCommit',
      'request.afterCommit',
      'relay.run-work.afterClaim',
      'relay.beforeSent',
      'relay.afterSent',
    ]);
  });

  it('change nothing for whoever reads', async () => {
    const books = new MemoryBooks();
    const restoreId = await planned(books);
    const watched = withCrashPoints(books, () => assert.fail('a read is no crash point'));
    expect((await watched.restore(restoreId))?.state).toBe('running');
    expect(await recordOutcome(watched, at(restoreId, 'plan'), { kind: 'interrupted' })).toBe(false);
  });
});

describe('crash points from the environment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-crash-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function deaths(environment: Record<string, string>, points: readonly string[]): string[] {
    const dead: string[] = [];
    let now = '';
    const hook = crashHookFromEnvironment(environment, () => void dead.push(now));
    for (now of points) void hook?.(now);
    return dead;
  }

  it('are off unless a variable is set', () => {
    expect(crashHookFromEnvironment({})).toBe(null);
  });

  it('kill at the n-th time a point is reached, and nowhere else', () => {
    const points = [
      'launch-worker.vm.attach.afterCall',
      'launch-worker.done.beforeCommit',
      'launch-worker.vm.attach.afterCall',
    ];
    const killed: number[] = [];
    const hook = crashHookFromEnvironment({ LANDFALL_CRASH_AT: 'launch-worker.vm.attach.afterCall#2' }, () =>
      killed.push(index),
    );
    let index = 0;
    for (; index < points.length; index++) void hook?.(points[index]!);
    expect(killed).toStrictEqual([2]);
  });

  it('know a cloud call without the kind of its resource', () => {
    const points = [
      'launch-worker.vm.attach.beforeIntent',
      'launch-worker.vm.attach.afterCall',
      'launch-worker.vm.start.afterCall',
    ];
    expect(deaths({ LANDFALL_CRASH_AT: 'launch-worker.attach.afterCall' }, points)).toStrictEqual([
      'launch-worker.vm.attach.afterCall',
    ]);
  });

  it('fire once over all processes, one after the other, where marks are kept', () => {
    const environment = { LANDFALL_CRASH_AT: 'a.b#1,c.d#1', LANDFALL_CRASH_MARKS: folder };
    expect(deaths(environment, ['c.d', 'a.b'])).toStrictEqual(['a.b']);
    expect(deaths(environment, ['a.b', 'c.d'])).toStrictEqual(['c.d']);
    expect(deaths(environment, ['a.b', 'c.d'])).toStrictEqual([]);
    expect(existsSync(join(folder, '2-c.d#1'))).toBe(true);
  });

  it('write down every point that is reached', () => {
    const file = join(folder, 'trace');
    deaths({ LANDFALL_CRASH_TRACE: file }, ['a.b', 'c.d', 'a.b']);
    expect(readFileSync(file, 'utf8')).toBe('a.b#1\nc.d#1\na.b#2\n');
  });
});

function dieAt(wanted: string): CrashHook {
  return (point) => {
    if (point === wanted) throw new Error(`The process dies at ${point}.`);
  };
}
