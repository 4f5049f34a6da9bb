import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { APPROVAL_MARGIN_SECONDS, approvalProblems, type Approval, type ApprovalNeed } from './index.js';

const AT = new Date('2026-02-01T10:00:00Z');
const NEED: ApprovalNeed = { restoreId: 'r1', planHash: 'sha256:a', requestedBy: 'olivia', outageSeconds: 600 };
const GOOD: Approval = {
  planHash: 'sha256:a',
  requestedBy: 'olivia',
  approvedBy: 'arthur',
  approvedAt: AT,
  expiresAt: new Date(AT.getTime() + (600 + APPROVAL_MARGIN_SECONDS) * 1_000),
  selfApproval: false,
};
const MS = 1;

const later = (time: Date, ms: number): Date => new Date(time.getTime() + ms);

function said(approval: Approval | null, need = NEED, at: Date | null = AT): string {
  const problems = approvalProblems(approval, need, at);
  expect(problems.every(({ severity, code }) => severity === 'error' && code === 'CUT_OVER')).toBe(true);
  expect(problems.every(({ fix }) => fix.includes('landfall approve r1'))).toBe(true);
  return problems.map(({ message }) => message).join(' ');
}

describe('an approval', () => {
  it('is good for the plan that was approved, by somebody else, for as long as the outage and an hour more', () => {
    expect(said(GOOD)).toBe('');
  });

  for (const [what, changes, message] of [
    ['of another plan', { planHash: 'sha256:b' }, /another plan/],
    ['by whoever has asked for the restore', { approvedBy: 'olivia' }, /asked for by olivia.*somebody else/],
    ['by nobody', { approvedBy: '' }, /somebody else/],
    ['of what somebody else had asked for', { requestedBy: 'oscar' }, /somebody else/],
    ['that was given later', { approvedAt: later(AT, MS) }, /does not last/],
    ['that runs out within the outage and an hour', { expiresAt: later(GOOD.expiresAt, -MS) }, /does not last/],
  ] as const) {
    it(`is not good ${what}`, () => {
      expect(said({ ...GOOD, ...changes })).toMatch(message);
      expect(approvalProblems({ ...GOOD, ...changes }, NEED, AT)).toHaveLength(1);
    });
  }

  it('is not there where nobody has given one', () => expect(said(null)).toMatch(/Nobody has approved restore r1/));

  it('may be given by whoever has asked for the restore where that is configured', () => {
    expect(said({ ...GOOD, approvedBy: 'olivia', selfApproval: true })).toBe('');
  });

  it('is good for no plan that is not there, at no time that is not known, and for no outage that is not known', () => {
    expect(said(GOOD, { ...NEED, planHash: null })).toMatch(/another plan/);
    expect(said(GOOD, NEED, null)).toMatch(/does not last/);
    expect(said(GOOD, { ...NEED, outageSeconds: null })).toMatch(/does not last/);
  });

  it('is never good with anything of it missing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(GOOD) as (keyof Approval)[])),
        fc.constantFrom(null, undefined, Number.NaN),
        (name, nothing) => {
          expect(said({ ...GOOD, [name]: nothing } as unknown as Approval)).not.toBe('');
        },
      ),
    );
  });
});
