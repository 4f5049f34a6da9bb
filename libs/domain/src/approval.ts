import type { Problem } from './problems.js';
import { problemsBy, rule, type Rule } from './rules.js';

/*
 * What makes an approval good. A restore that removes its source needs one; it may be given as soon as there is a plan, is
 * waited for before the source is stopped, and is judged for the last time when it is.
 */

/** That a person has allowed a plan to be carried out, the removal of the source with it. Times are the books' own. */
export interface Approval {
  /** Of the plan that was read; another plan needs another approval. */
  readonly planHash: string;
  /** Who had asked for the restore. */
  readonly requestedBy: string;
  readonly approvedBy: string;
  readonly approvedAt: Date;
  readonly expiresAt: Date;
  /** Whether people might approve what they had asked for themselves, when it was given. */
  readonly selfApproval: boolean;
}

/** What an approval is for. */
export interface ApprovalNeed {
  readonly restoreId: string;
  /** Of the plan that is carried out. Null: there is none. */
  readonly planHash: string | null;
  /** Who has asked for the restore. */
  readonly requestedBy: string;
  /** How long the machine will be gone, as estimated, from when the approval is judged. */
  readonly outageSeconds: number | null;
}

/** It has to outlast the estimated outage by that much: estimates are exceeded. */
export const APPROVAL_MARGIN_SECONDS = 3_600;

/** For how many days a restore waits for one, unless its plan says otherwise. */
export const DEFAULT_WAIT_DAYS = 7;

/** What is configured for approvals. */
export interface ApprovalSettings {
  /** How long one is good. */
  readonly validSeconds: number;
  /** Whether people may approve what they have asked for themselves. */
  readonly selfApproval: boolean;
}

export const APPROVAL_SETTINGS: ApprovalSettings = { validSeconds: 7 * 24 * 3_600, selfApproval: false };

interface Given {
  readonly approval: Approval;
  readonly need: ApprovalNeed;
}

const RULES: readonly Rule<Given>[] = [
  rule({
    judges: ({ approval, need }) => [approval.planHash, need.planHash],
    isKept: ([approved, wanted]) => approved === wanted,
    problem: ({ need }) => ({
      code: 'CUT_OVER',
      message: `What was approved of restore ${need.restoreId} is another plan than the one that it has.`,
      fix: `Read the plan that it has, and approve that one: landfall approve ${need.restoreId}.`,
    }),
  }),
  rule({
    judges: ({ approval: { requestedBy, approvedBy, selfApproval }, need }) => ({
      ...{ requestedBy, approvedBy, selfApproval, asker: need.requestedBy },
    }),
    isKept: ({ requestedBy, approvedBy, selfApproval, asker }) =>
      requestedBy === asker && approvedBy !== '' && (approvedBy !== asker || selfApproval),
    problem: ({ need }) => ({
      code: 'CUT_OVER',
      message: `Restore ${need.restoreId} was asked for by ${need.requestedBy}, and has to be approved by somebody else.`,
      fix: `Have another person approve it: landfall approve ${need.restoreId}.`,
    }),
  }),
  rule({
    judges: ({ approval: { approvedAt, expiresAt }, need }) => ({
      ...{ approvedAt, expiresAt, outageSeconds: need.outageSeconds },
    }),
    isKept: ({ approvedAt, expiresAt, outageSeconds }, at) =>
      approvedAt.getTime() <= at.getTime() &&
      at.getTime() + (Math.max(0, outageSeconds) + APPROVAL_MARGIN_SECONDS) * 1_000 <= expiresAt.getTime(),
    problem: ({ need }) => ({
      code: 'CUT_OVER',
      message: `The approval of restore ${need.restoreId} does not last for as long as its machine will be gone.`,
      fix: `Approve it anew: landfall approve ${need.restoreId}.`,
    }),
  }),
];

/**
 * @param approval the latest; null: none was given
 * @param at the moment for which it is asked, by the books' own clock; null: not known
 * @returns why it is not good then; empty: it is
 */
export function approvalProblems(approval: Approval | null, need: ApprovalNeed, at: Date | null): readonly Problem[] {
  if (approval === null) return [notApproved(need)];
  return problemsBy(RULES, { approval, need }, at ?? UNKNOWN);
}

/** Neither before nor after anything. */
const UNKNOWN = new Date(Number.NaN);

function notApproved({ restoreId }: ApprovalNeed): Problem {
  return {
    severity: 'error',
    code: 'CUT_OVER',
    message: `Nobody has approved restore ${restoreId}, which removes the machine that it replaces.`,
    fix: `Have a person read its plan and approve it: landfall approve ${restoreId}.`,
  };
}
