import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { someGateFacts } from './gate-facts.fixture.test.js';
import { gateProblems, type DiskVerdict, type GateFacts, type ProblemCode } from './index.js';

const STOPPED_AT = new Date('2026-02-01T10:00:00Z');
const NOW = new Date('2026-02-01T10:10:00Z');
const FACTS = someGateFacts(STOPPED_AT);

const VERDICT: DiskVerdict = {
  ...{ restoreId: 'r1', diskName: 'sda', segmentId: 'seg-1', epoch: 1, mover: 'w/1', at: STOPPED_AT },
  ...{ code: 'VERIFY_MISMATCH', message: 'The disk "sda" holds other bytes.', fix: 'f' },
};

type Path = readonly string[];

/** The facts with this one changed. */
function changed(facts: GateFacts, [first, ...rest]: Path, value: unknown): GateFacts {
  const copy: Record<string, unknown> | unknown[] = Array.isArray(facts) ? [...facts] : { ...facts };
  const held = copy as Record<string, unknown>;
  held[first!] = rest.length === 0 ? value : changed(held[first!] as GateFacts, rest, value);
  return copy as unknown as GateFacts;
}

/** Every fact, however deep it lies, and every list and group of them. */
function pathsIn(value: unknown, path: Path = []): readonly Path[] {
  const own = path.length === 0 ? [] : [path];
  if (typeof value !== 'object' || value === null || value instanceof Date) return own;
  return [...own, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...path, key]))];
}

function withoutLast(facts: GateFacts, path: Path): GateFacts {
  const list = path.reduce<unknown>((held, key) => (held as Record<string, unknown>)[key], facts) as unknown[];
  return changed(facts, path, list.slice(0, -1));
}

const set = (path: string, value: unknown): GateFacts => changed(FACTS, path.split('.'), value);

describe('the gate', () => {
  it('is open when every fact is good', () => expect(gateProblems(FACTS, NOW)).toStrictEqual([]));

  it('does not mind the case of Azure’s ids', () => {
    const ids = (FACTS.saved.diskIds ?? []).map((id) => id.toUpperCase());
    expect(gateProblems(set('saved.diskIds', ids), NOW)).toStrictEqual([]);
  });

  it('stays open for an approval that has run out since the source was stopped', () => {
    const expiresAt = new Date(STOPPED_AT.getTime() + (1_200 + 3_600) * 1_000);
    const facts = set('stop.longestSeconds', Infinity);
    const late = new Date(expiresAt.getTime() + 1);
    expect(gateProblems(changed(facts, ['approval', 'expiresAt'], expiresAt), late)).toStrictEqual([]);
  });

  const broken: readonly (readonly [what: string, facts: GateFacts, code: ProblemCode, message: RegExp])[] = [
    ['another VM bears its name', set('source.instanceId', 'other'), 'SOURCE_CHANGED', /the one that was planned for/],
    ['another restore has claimed the source', set('source.claimedBy', 'r2'), 'SOURCE_CHANGED', /but of r2/],
    ['nobody has claimed the source', set('source.claimedBy', null), 'SOURCE_CHANGED', /the claim of this restore\./],
    ['the source runs', set('source.powerState', 'running'), 'SOURCE_CHANGED', /is running, and not deallocated/],
    ['it is stopped and keeps its host', set('source.powerState', 'stopped'), 'SOURCE_CHANGED', /is stopped, and not/],
    [
      'it was started since its snapshots, by the second disk’s word',
      set('source.disks.1.ownership.now', '2026-02-01T10:05:00.0000000+00:00'),
      'SOURCE_CHANGED',
      /started since its safety snapshots/,
    ],
    ['a part would go along', set('source.parts.3.deleteOption', 'Delete'), 'SOURCE_CHANGED', /deleted along/],
    ['a part was not looked at', withoutFirst('source.parts'), 'SOURCE_CHANGED', /deleted along/],
    ['it has stood still for too long', set('stop.longestSeconds', 599), 'CUT_OVER', /stood still/],
    ['a snapshot has failed', set('snapshots.0.provisioningState', 'Failed'), 'CUT_OVER', /safety snapshot/],
    ['a snapshot is being copied', set('snapshots.1.completionPercent', 99.9), 'CUT_OVER', /safety snapshot/],
    ['a disk has no snapshot', withoutFirst('snapshots'), 'CUT_OVER', /safety snapshot/],
    ['a disk is not saved', withoutFirst('saved.diskIds'), 'CUT_OVER', /saved.*not the whole/],
    ['a disk is saved that is gone', set('saved.diskIds.2', '/disks/gone'), 'CUT_OVER', /saved.*not the whole/],
    ['a network interface is not saved', set('saved.nicIds', []), 'CUT_OVER', /saved.*not the whole/],
    ['a public address is not saved', set('saved.addressIds', []), 'CUT_OVER', /saved.*not the whole/],
    ['the tags are not saved', set('saved.hasTags', false), 'CUT_OVER', /saved.*not the whole/],
    ['the model is another machine’s', set('saved.instanceId', 'other'), 'CUT_OVER', /saved.*not the whole/],
    ['the move is refused', set('checks.move', false), 'MOVE_INVALID', /move of the new disks/],
    ['the quota is too small', set('checks.quota', false), 'QUOTA', /quota/],
    ['the size is not to be had', set('checks.size', false), 'SIZE_UNAVAILABLE', /size/],
    ['a name is taken', set('checks.names', false), 'NAME_TAKEN', /names/],
    ['a disk is not verified', set('disks.1.isVerified', false), 'CUT_OVER', /read back \("sdb"\)/],
    ['there is a verdict', set('verdicts', [VERDICT]), 'CUT_OVER', /failed for good.*holds other bytes/],
    ['a new disk is attached', set('restored.0.diskState', 'Attached'), 'CUT_OVER', /as its worker has left it/],
    ['a new disk is another one', set('restored.1.uniqueId.now', 'x'), 'CUT_OVER', /as its worker has left it/],
    ['a new disk was not looked at', withoutFirst('restored'), 'CUT_OVER', /as its worker has left it/],
    ['nobody has approved', set('approval', null), 'CUT_OVER', /Nobody has approved/],
    ['another plan is approved', set('approval.planHash', 'sha256:other'), 'CUT_OVER', /another plan/],
    ['the requester has approved', set('approval.approvedBy', 'olivia'), 'CUT_OVER', /by somebody else/],
    [
      'the approval had run out when the source was stopped',
      set('approval.expiresAt', STOPPED_AT),
      'CUT_OVER',
      /does not last/,
    ],
    [
      'the approval was given once the source was stopped',
      set('approval.approvedAt', new Date(STOPPED_AT.getTime() + 1)),
      'CUT_OVER',
      /does not last/,
    ],
  ];

  for (const [what, facts, code, message] of broken) {
    it(`is shut when ${what}, and says exactly that`, () => {
      const problems = gateProblems(facts, NOW);
      expect(problems.map((problem) => [problem.severity, problem.code])).toStrictEqual([['error', code]]);
      expect(problems[0]?.message).toMatch(message);
      expect(problems[0]?.fix).toMatch(/\.$/);
    });
  }

  it('is never open with a fact that is not known, nor with a list that is cut short', () => {
    const facts = pathsIn(FACTS).filter((path) => path.join() !== 'restoreId');
    const lists = facts.filter((path) => {
      const held = path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], FACTS);
      return Array.isArray(held) && held.length > 0;
    });
    expect(facts.length).toBeGreaterThan(60);
    fc.assert(
      fc.property(fc.constantFrom(...facts), fc.constantFrom(null, undefined), (path, nothing) => {
        expect(isOpen(changed(FACTS, path, nothing))).toBe(false);
      }),
      { numRuns: 1_000 },
    );
    for (const path of lists)
      expect([path.join('.'), isOpen(withoutLast(FACTS, path))]).toStrictEqual([path.join('.'), false]);
  });
});

/** Facts that are not even of the right shape let nobody pass either: what judges them throws. */
function isOpen(facts: GateFacts): boolean {
  try {
    return gateProblems(facts, NOW).length === 0;
  } catch {
    return false;
  }
}

function withoutFirst(path: string): GateFacts {
  const parts = path.split('.');
  const list = parts.reduce<unknown>((held, key) => (held as Record<string, unknown>)[key], FACTS) as unknown[];
  return changed(FACTS, parts, list.slice(1));
}
