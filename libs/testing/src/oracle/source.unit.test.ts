import { describe, expect, it } from '@jest/globals';
import assert from 'node:assert/strict';
import {
  CLAIM_TAG,
  ownerTags,
  stepKey,
  STEPS,
  type ReplacedVm,
  type Restore,
  type RestorePlan,
  type Work,
} from '@landfall/domain';
import { aRestorePlan, aRestoreRequest } from '@landfall/domain/builders';
import type { Evidence, MachineState, SourceDiskEvidence, SourceEvidence } from './evidence.js';
import { sourceCanBeBroughtBack, sourceIsKept } from './source.js';

/*
 * The machine web with an OS disk, which is replaced, and a data disk, which is kept; its restore is named r1.
 */
const VM = '/vms/web';
const [OS, KEPT, RESTORED] = ['/disks/web-os', '/disks/web-kept', '/disks/web-os-r1'];
const GATE = new Date('2026-01-05T10:00:00Z');
const TAGS = { team: 'shop' };
const CACHING = 'None' as const;

const REPLACED: ReplacedVm = {
  ...{ azureId: VM, instanceId: 'theirs', powerState: 'running', nicIds: ['/nics/web'], addressIds: [] },
  disks: [
    { azureId: OS, uniqueId: 'u-os', lun: null, caching: CACHING, replacedBy: 'sda' },
    { azureId: KEPT, uniqueId: 'u-kept', lun: 5, caching: CACHING, replacedBy: null },
  ],
};

function machine(changes: Partial<MachineState> = {}): MachineState {
  const disks = [
    { azureId: OS, uniqueId: 'u-os', lun: null, madeAs: null },
    { azureId: KEPT, uniqueId: 'u-kept', lun: 5, madeAs: null },
  ];
  const settings = { parts: 'Delete, Dynamic', nics: '/nics/web' };
  return { instanceId: 'theirs', power: 'running', tags: TAGS, disks, settings, ...changes };
}

const OURS = { ...TAGS, ...ownerTags('a1', 'r1', 'vm') };
const NEW = machine({
  ...{ instanceId: 'ours', tags: OURS, settings: { parts: 'Detach, Dynamic', nics: '/nics/web' } },
  disks: [{ azureId: RESTORED, uniqueId: 'u-new', lun: null, madeAs: 'empty' }, machine().disks[1]!],
});
const BACK = machine({
  ...{ instanceId: 'back', tags: OURS },
  disks: [{ azureId: OS, uniqueId: 'u-again', lun: null, madeAs: 'last' }, machine().disks[1]!],
});

function disk(changes: Partial<SourceDiskEvidence> = {}): SourceDiskEvidence {
  const copies = ['earlier', 'last'];
  return {
    ...{ azureId: OS, uniqueId: 'u-os', lun: null, isLate: false, stands: false, last: 'last', copies },
    ...changes,
  };
}

const KEPT_DISK = disk({ azureId: KEPT, uniqueId: 'u-kept', lun: 5, stands: true });

function source(changes: Partial<SourceEvidence> = {}): SourceEvidence {
  return {
    ...{ restoreId: 'r1', found: machine(), now: NEW, wasStarted: false, isOthers: false, disks: [disk(), KEPT_DISK] },
    ...{ azureIds: [VM, OS, KEPT, '/nics/web'], openChanges: [], hasModel: true },
    removals: [
      { azureId: VM, number: 'theirs', at: GATE },
      { azureId: OS, number: 'u-os', at: GATE },
    ],
    ...changes,
  };
}

function restore(changes: Partial<Restore> = {}): Restore {
  const plan: RestorePlan = { ...aRestorePlan(), source: REPLACED };
  const work = { epoch: 1, attempts: 0, parked: false, dispatchedAt: null, startedAt: null, endedAt: null };
  return {
    ...{ id: 'r1', state: 'completed', epoch: 3, request: aRestoreRequest(), plan, planHash: plan.planHash },
    cutOverAt: GATE,
    works: STEPS.map(({ id }) => ({
      ...stepKey(id),
      ...work,
      state: 'done',
      output: null,
      error: null,
      resumeFrom: null,
    })),
    ...{ turn: null, vmAzureId: VM, problems: [], error: null, requestedBy: 'olivia' },
    disks: [
      {
        ...{ name: 'sda', from: 'disk:sda', role: 'os', lun: null, azureId: RESTORED },
        ...{ bytesTotal: 1, bytesDone: 1 },
      },
    ],
    ...{ createdAt: new Date(0), endedAt: new Date(0) },
    ...changes,
  };
}

function found(given: SourceEvidence, of: Restore = restore(), settled = true): string[] {
  const restores = [{ restore: of, events: [], ledger: [], segments: [] }];
  const evidence: Evidence = { applianceId: 'a1', settled, restores, sources: [given] };
  return [...sourceIsKept(evidence), ...sourceCanBeBroughtBack(evidence)].map(
    ({ invariant, what }) => `${invariant} ${what.slice(what.indexOf(': ') + 2)}`,
  );
}

const ROLLED_BACK = restore({ state: 'rolled-back' });
const CANCELLED = restore({ state: 'cancelled', cutOverAt: null, works: [] });
const UNTOUCHED = source({ now: machine(), removals: [], disks: [disk({ stands: true }), KEPT_DISK] });

describe('the oracle, of a machine that is replaced', () => {
  it('finds nothing where all is well', () => {
    assert.deepEqual(found(source()), []);
    assert.deepEqual(found(source({ now: BACK }), ROLLED_BACK), []);
    assert.deepEqual(found(UNTOUCHED, CANCELLED), []);
    assert.deepEqual(
      found(UNTOUCHED, restore({ state: 'rolled-back' })),
      [],
      'the gate was passed, and nothing removed',
    );
    assert.deepEqual(found(source({ now: null }), restore({ state: 'running' })), [], 'it is being replaced');
  });

  it('finds what was removed before the gate, or was not named by the plan (I2)', () => {
    const [vm] = source().removals;
    const early = { ...vm!, at: new Date(GATE.getTime() - 1) };
    expect(found(source({ removals: [early] }))).toStrictEqual([
      'I2 a part of the source was removed before the gate was passed.',
    ]);
    expect(found(source({ removals: [{ azureId: KEPT, number: 'u-kept', at: GATE }] }))).toStrictEqual([
      'I2 something was removed that the plan does not name as replaced.',
    ]);
    const ungated = restore({ cutOverAt: null, state: 'running' });
    expect(found(UNTOUCHED, ungated, false)).toStrictEqual([expect.stringMatching(/^I2 .*has not cut over/)]);
  });

  it('finds a disk that is gone without a copy of its last state, unless somebody has purged that (I3)', () => {
    const lost = source({ disks: [disk({ copies: ['earlier'] }), KEPT_DISK] });
    const sentence = 'I3 a disk of the source is gone, and no complete snapshot holds its last state.';
    expect(found(lost)).toStrictEqual([sentence]);
    expect(found(lost, restore({ state: 'running' }), false)).toStrictEqual([sentence]);
    const [any] = restore().works;
    const purge: Work = { ...any!, id: 'purge', direction: 'after', round: 0 };
    expect(found(lost, restore({ works: [...restore().works, purge] }))).toStrictEqual([]);
    const turn = { round: 1, purpose: 'roll-back' as const, cause: null };
    const rolledBack = restore({ ...ROLLED_BACK, turn, works: [...restore().works, purge] });
    expect(found({ ...lost, now: BACK }, rolledBack)).toStrictEqual([sentence]);
    expect(found(source({ hasModel: false }))).toStrictEqual(['I3 the source is gone, and its model is not saved.']);
  });

  it('finds a change that is left, and a source that is not as it was found (I3)', () => {
    const open = { ...UNTOUCHED, openChanges: ['claim of web'] };
    expect(found(open, CANCELLED)).toStrictEqual(['I3 what was changed of the source is not put back.']);
    expect(found(open, restore({ ...CANCELLED, state: 'cancelling' }), true)).toStrictEqual([]);
    const others: Partial<MachineState>[] = [
      { power: 'deallocated' },
      { tags: { ...TAGS, [CLAIM_TAG]: 'r1' } },
      { settings: { parts: 'Detach, Dynamic', nics: '/nics/web' } },
      { disks: machine().disks.slice(0, 1) },
    ];
    for (const other of others) {
      const sentences = found({ ...UNTOUCHED, now: machine(other) }, CANCELLED);
      assert.deepEqual(sentences, ['I3 the source is not as it was found.'], JSON.stringify(other));
    }
    const started = { ...UNTOUCHED, now: machine({ power: 'deallocated' }), wasStarted: true };
    assert.deepEqual(found(started, CANCELLED), [], 'somebody has made it run while it was being stopped');
  });

  it('finds that nothing, or another machine, stands in the place of the source (I3)', () => {
    const nothing = ['I3 nothing stands in the place of the source.'];
    for (const each of [restore(), ROLLED_BACK]) expect(found(source({ now: null }), each)).toStrictEqual(nothing);
    expect(found({ ...UNTOUCHED, now: NEW }, CANCELLED)).toStrictEqual([
      'I3 another machine stands in the place of the source.',
    ]);
    assert.deepEqual(found({ ...UNTOUCHED, now: NEW, isOthers: true }, CANCELLED), [], 'somebody else has made it');
  });

  it('finds a restored machine that is not the one of the plan (I3)', () => {
    const sentences = (changes: Partial<MachineState>) => found(source({ now: { ...NEW, ...changes } }));
    const disks = 'I3 the restored machine does not have its disks.';
    expect(sentences({ disks: NEW.disks.slice(0, 1) })).toStrictEqual([disks]);
    expect(sentences({ disks: machine().disks })).toStrictEqual([disks]);
    const tags = 'I3 the restored machine does not carry its tags.';
    expect(sentences({ tags: TAGS })).toStrictEqual([tags]);
    expect(sentences({ tags: ownerTags('a1', 'r1', 'vm') })).toStrictEqual([tags]);
    expect(sentences({ tags: { ...OURS, [CLAIM_TAG]: 'r1' } })).toStrictEqual([tags]);
    expect(sentences({ power: 'deallocated' })).toHaveLength(1);
    expect(sentences({ settings: { parts: '', nics: '/nics/other' } })).toHaveLength(1);
  });

  it('finds one without the disk that somebody has attached since the plan, where its place is free (I3)', () => {
    const late = disk({ azureId: '/disks/late', uniqueId: 'u-late', lun: 9, isLate: true, stands: true });
    const onIt = { azureId: '/disks/late', uniqueId: 'u-late', lun: 9, madeAs: null };
    const sentences = (disks: MachineState['disks'], one = late) =>
      found(source({ now: { ...NEW, disks }, disks: [disk(), KEPT_DISK, one] }));
    expect(sentences([...NEW.disks, onIt])).toStrictEqual([]);
    expect(sentences(NEW.disks)).toHaveLength(1);
    expect(sentences([...NEW.disks, { ...onIt, lun: 8 }])).toHaveLength(1);
    expect(sentences(NEW.disks, { ...late, lun: 5 })).toStrictEqual([]);
  });

  it('finds a disk that is lost although it was to be kept (I3)', () => {
    expect(found(source({ disks: [disk(), { ...KEPT_DISK, stands: false }] }))).toStrictEqual([
      'I3 a disk is lost that was to be kept.',
    ]);
    const late = disk({ azureId: '/disks/late', uniqueId: 'u-late', lun: 9, isLate: true });
    const back = source({ now: BACK, disks: [disk(), KEPT_DISK, late] });
    expect(found(back, ROLLED_BACK)).toStrictEqual(['I3 a disk is lost that somebody has attached.']);
  });

  it('finds a machine that is brought back other than the source was (I3)', () => {
    const sentences = (changes: Partial<MachineState>) => found(source({ now: { ...BACK, ...changes } }), ROLLED_BACK);
    const missing = 'I3 a disk of the source is not on the machine that was brought back.';
    expect(sentences({ disks: BACK.disks.slice(0, 1) })).toStrictEqual([missing]);
    const earlier = { ...BACK.disks[0]!, madeAs: 'earlier' };
    expect(sentences({ disks: [earlier, BACK.disks[1]!] })).toStrictEqual([missing]);
    const other = { azureId: '/disks/x', uniqueId: 'u-x', lun: 7, madeAs: null };
    expect(sentences({ disks: [...BACK.disks, other] })).toHaveLength(1);
    expect(sentences({ power: 'deallocated' })).toHaveLength(1);
    expect(sentences({ tags: ownerTags('a1', 'r1', 'vm') })).toHaveLength(1);
    expect(sentences({ settings: { parts: '', nics: '/nics/other' } })).toHaveLength(1);
    const standing = source({ now: BACK, disks: [disk({ stands: true }), KEPT_DISK] });
    assert.deepEqual(found(standing, ROLLED_BACK), [missing], 'one that stands is used itself');
  });
});
