import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  ownerTags,
  stepKey,
  STEPS,
  type LedgerEntry,
  type Restore,
  type RestoreEvent,
  type Segment,
} from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/domain/builders';
import type { DiskWrite, Evidence, RestoreHistory } from './evidence.js';
import { judge } from './oracle.js';

const DISK = '/disks/web-sda';
const DONE = aRestorePlan();

function restore(changes: Partial<Restore> = {}): Restore {
  return {
    id: 'r1',
    state: 'completed',
    epoch: 3,
    request: aRestoreRequest(),
    plan: { ...DONE, options: { ...DONE.options, verify: 'none' } },
    planHash: DONE.planHash,
    cutOverAt: null,
    works: STEPS.map(({ id }) => ({
      ...stepKey(id),
      state: DONE.steps.find((step) => step.id === id)?.applies ? 'done' : 'skipped',
      epoch: 1,
      attempts: 0,
      parked: false,
      dispatchedAt: null,
      startedAt: null,
      endedAt: null,
      output: null,
      error: null,
      resumeFrom: null,
    })),
    turn: null,
    disks: [],
    vmAzureId: null,
    problems: [],
    error: null,
    requestedBy: 'olivia',
    createdAt: new Date(0),
    endedAt: new Date(0),
    ...changes,
  };
}

function history(types: readonly (string | [string, Record<string, unknown>])[]): RestoreEvent[] {
  return types.map((each, index) => {
    const [type, data] = typeof each === 'string' ? [each, {}] : each;
    return { sequence: index + 1, restoreId: 'r1', at: new Date(0), type, message: '', data };
  });
}

const COMPLETED = ['restore.planning', 'restore.running', 'restore.completed'] as const;

function entry(changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    ...{ azureId: DISK, kind: 'disk', role: 'disk', purpose: 'result', state: 'created', life: 1 },
    ...{ keepUntil: null, instanceId: null, movedFrom: null, createdAt: new Date(0), readAt: new Date(0) },
    ...changes,
  };
}

function item(azureId = DISK, tags: Record<string, string> = ownerTags('a1', 'r1', 'disk')) {
  return { azureId, kind: 'disk', tags };
}

function evidence(changes: Partial<RestoreHistory> = {}, more: Partial<Evidence> = {}): Evidence {
  const restores = [{ restore: restore(), events: history(COMPLETED), ledger: [], segments: [], ...changes }];
  return { applianceId: 'a1', settled: true, restores, ...more };
}

function found(given: Evidence): string[] {
  return judge(given).map(({ invariant }) => invariant);
}

describe('the oracle', () => {
  it('finds nothing in a run in which all is well', () => {
    const given = evidence(
      { ledger: [entry()] },
      {
        inventory: [item('/DISKS/web-sda'), item('/disks/other', {})],
        foreign: {
          before: [{ azureId: '/disks/other', print: 'x' }],
          after: [{ azureId: '/disks/other', print: 'x' }],
        },
        disks: [{ restoreId: 'r1', diskName: 'sda', expected: 'same', actual: 'same' }],
        audit: { entries: 3, brokenAt: null },
        texts: [{ where: 'the log', text: 'nothing to see' }],
        canaries: ['canary'],
      },
    );
    expect(judge(given)).toStrictEqual([]);
  });

  it('finds wrong bytes on a disk of a completed restore (I1)', () => {
    const disks = [{ restoreId: 'r1', diskName: 'sda', expected: 'this', actual: 'that' }];
    expect(found(evidence({}, { disks }))).toStrictEqual(['I1']);
  });

  it('finds a restore that is completed, or fails for another reason, with a disk that has failed for good (I1)', () => {
    const failedForGood = [
      { restoreId: 'r1', diskName: 'sda', code: 'TARGET_FLUSH_FAILED' },
      { restoreId: 'r1', diskName: 'sdb', code: 'TARGET_FULL' },
    ];
    expect(found(evidence({}, { failedForGood }))).toStrictEqual(['I1']);
    expect(found(evidence({}, { failedForGood: [{ ...failedForGood[0]!, restoreId: 'r2' }] }))).toStrictEqual([]);
    const events = history(['restore.planning', 'restore.running', 'restore.rolling-back', 'restore.failed']);
    const ended = (code: string) => {
      const error = { code, message: 'it failed', fix: 'start anew' };
      return found(evidence({ restore: restore({ state: 'failed', error }), events }, { failedForGood }));
    };
    expect(ended('STORE_REFUSED')).toStrictEqual(['I1']);
    for (const { code } of failedForGood) assert.deepEqual(ended(code), [], code);
    const running = { restore: restore({ state: 'running' }), events: history(COMPLETED.slice(0, 2)) };
    assert.deepEqual(found(evidence(running, { failedForGood, settled: false })), [], 'it has not come to its end yet');
  });

  it('finds a restore that has cut over and ends as if it had not (I3)', () => {
    const cutOver = ['restore.planning', 'restore.running', 'restore.cut-over'] as const;
    expect(found(evidence({ events: history([...cutOver, 'restore.completed']) }))).toStrictEqual([]);
    const cancelled = { restore: restore({ state: 'cancelled' }), ledger: [] };
    const events = history([...cutOver, 'restore.cancelling', 'restore.cancelled']);
    expect(found(evidence({ ...cancelled, events }))).toStrictEqual(['I3', 'I3']);
  });

  it('finds what is missing, left behind, or not in the ledger (I4)', () => {
    expect(found(evidence({ ledger: [entry()] }, { inventory: [] }))).toStrictEqual(['I4']);
    const worker = entry({ role: 'worker-nic', purpose: 'help', kind: 'nic', azureId: '/nics/w' });
    expect(found(evidence({ ledger: [worker] }, { inventory: [item('/nics/w')] }))).toStrictEqual(['I4']);
    expect(found(evidence({}, { inventory: [item()] }))).toStrictEqual(['I4']);
    const cancelled = restore({ state: 'cancelled' });
    const events = history(['restore.planning', 'restore.cancelling', 'restore.cancelled']);
    const ended = { restore: cancelled, events, ledger: [entry({ state: 'removed' })] };
    expect(found(evidence(ended, { inventory: [] }))).toStrictEqual([]);
    expect(found(evidence(ended, { inventory: [item()] }))).toStrictEqual(['I4']);
  });

  it('finds what nobody knows of, tagged or not (I4)', () => {
    const foreign = { before: [], after: [] };
    expect(found(evidence({}, { inventory: [item('/disks/untagged', {})], foreign }))).toStrictEqual(['I4']);
  });

  it('finds illegal changes of state, steps out of order and a broken audit chain (I5)', () => {
    expect(found(evidence({ events: history(['restore.planning', 'restore.completed']) }))).toStrictEqual(['I5']);
    expect(found(evidence({ events: history(['restore.planning', 'restore.running']) }))).toStrictEqual(['I5']);
    const twice = history([...COMPLETED, ['step.done', { number: 4 }], ['step.done', { number: 3 }]]);
    expect(found(evidence({ events: twice }))).toStrictEqual(['I5']);
    const again: [string, Record<string, unknown>][] = [
      ['step.done', { number: 4 }],
      ['step.reopened', { number: 4 }],
      ['step.started', { number: 4 }],
      ['step.done', { number: 4 }],
    ];
    expect(found(evidence({ events: history([...COMPLETED, ...again]) }))).toStrictEqual([]);
    const later: [string, Record<string, unknown>] = ['step.reopened', { number: 5 }];
    expect(found(evidence({ events: history([...COMPLETED, again[0]!, later, again[2]!]) }))).toStrictEqual(['I5']);
    expect(found(evidence({}, { audit: { entries: 4, brokenAt: 2 } }))).toStrictEqual(['I5']);
    const works = restore().works.map((step) =>
      step.id === 'create-vm' ? { ...step, state: 'skipped' as const } : step,
    );
    expect(found(evidence({ restore: restore({ works }) }))).toStrictEqual(['I5']);
  });

  it('finds a segment that is done twice, taken after it was done, or left (I5)', () => {
    const done: [string, Record<string, unknown>] = ['segment.done', { segmentId: 's1', purpose: 'move' }];
    const claimed: [string, Record<string, unknown>] = ['segment.claimed', { segmentId: 's1', purpose: 'move' }];
    expect(found(evidence({ events: history([...COMPLETED, done, done]) }))).toStrictEqual(['I5']);
    expect(found(evidence({ events: history([...COMPLETED, done, claimed]) }))).toStrictEqual(['I5']);
    expect(found(evidence({ segments: [segment({ state: 'running' })] }))).toStrictEqual(['I5']);
  });

  it('finds a completed restore whose plan wanted a verification that was not made (I5)', () => {
    const { plan } = restore();
    const wanted = restore({ plan: { ...plan!, options: { ...plan!.options, verify: 'full' } } });
    expect(found(evidence({ restore: wanted, segments: [segment()] }))).toStrictEqual(['I5']);
    const both = [segment(), segment({ id: 's2', purpose: 'verify' })];
    expect(found(evidence({ restore: wanted, segments: both }))).toStrictEqual([]);
  });

  it('finds a restore that does not end, once faults have stopped (I6)', () => {
    const running = { restore: restore({ state: 'running' }), events: history(COMPLETED.slice(0, 2)) };
    expect(found(evidence(running))).toStrictEqual(['I6']);
    expect(found(evidence(running, { settled: false }))).toStrictEqual([]);
  });

  it('finds writes after the verification, and of a holder whose place was taken (I7)', () => {
    const verified = access({ what: 'verify' });
    expect(found(evidence({}, { diskAccesses: [access(), verified] }))).toStrictEqual([]);
    expect(found(evidence({}, { diskAccesses: [verified, access()] }))).toStrictEqual(['I7']);
    const both = [access({ epoch: 2, mover: 'b' }), access({ epoch: 1, mover: 'a' })];
    expect(found(evidence({}, { diskAccesses: both }))).toStrictEqual(['I7']);
  });

  it('finds a foreign thing that was changed or removed (I8)', () => {
    const before = [{ azureId: '/disks/other', print: 'x' }];
    expect(found(evidence({}, { foreign: { before, after: [] } }))).toStrictEqual(['I8']);
    const after = [{ azureId: '/disks/other', print: 'y' }];
    expect(found(evidence({}, { foreign: { before, after } }))).toStrictEqual(['I8']);
  });

  it('finds a planted secret, and does not tell it (I9)', () => {
    const given = evidence({}, { texts: [{ where: 'Redis', text: '{"sas":"canary-1"}' }], canaries: ['canary-1'] });
    expect(found(given)).toStrictEqual(['I9']);
    expect(JSON.stringify(judge(given))).not.toMatch(/canary-1/);
  });

  it('finds more calls of Azure than the budget has (I10)', () => {
    const budgets = [{ methods: ['PUT'], burst: 2, perSecond: 1 }];
    const calls = [0, 100, 1_100].map((at) => ({ at, method: 'PUT' }));
    expect(found(evidence({}, { arm: { calls, budgets } }))).toStrictEqual([]);
    expect(found(evidence({}, { arm: { calls: [...calls, { at: 1_150, method: 'PUT' }], budgets } }))).toStrictEqual([
      'I10',
    ]);
  });
});

function segment(changes: Partial<Segment> = {}): Segment {
  return {
    id: 's1',
    restoreId: 'r1',
    diskName: 'sda',
    purpose: 'move',
    index: 0,
    offsetBytes: 0,
    lengthBytes: 4096,
    dataBytes: 4096,
    state: 'done',
    epoch: 1,
    attempts: 0,
    mover: null,
    ...changes,
  };
}

function access(changes: Partial<DiskWrite> = {}): DiskWrite {
  return { what: 'write', diskId: DISK, segmentId: 's1', epoch: 1, mover: 'a', offset: 0, ...changes };
}
