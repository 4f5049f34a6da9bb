import { badDisksAreNotHandedOver, bytesAreRight, fencesHold } from './disks.js';
import type { Evidence } from './evidence.js';
import { inventoryFitsLedger, nothingForeignTouched } from './inventory.js';
import { everythingEnds, historyIsLegal } from './history.js';
import { budgetsKept, secretsKept } from './limits.js';

/*
 * One oracle after every run that moves a restore: which of the invariants were broken, and what shows it.
 *
 *   I1   a restored disk's bytes equal the source's, holes included; one that has failed for good is not handed over
 *   I2   nothing of the source is removed before the cut-over gate is complete
 *   I3   the original machine can be brought back until its retention ends
 *   I4   after a terminal state the inventory equals what the ledger expects
 *   I5   every change of state is legal; the audit chain verifies
 *   I6   every restore reaches a terminal state once faults have stopped
 *   I7   at most one effective writer; no write after the verification
 *   I8   nothing untagged or foreign is touched
 *   I9   no secret in a log, in Redis, in an error or in plain text in the database
 *   I10  calls of Azure stay within the budget
 */
export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10';

export interface Violation {
  readonly invariant: Invariant;
  /** One sentence. */
  readonly what: string;
  readonly evidence: unknown;
}

export function judge(evidence: Evidence): readonly Violation[] {
  return [
    ...bytesAreRight(evidence),
    ...badDisksAreNotHandedOver(evidence),
    ...sourceIsKept(evidence),
    ...inventoryFitsLedger(evidence),
    ...historyIsLegal(evidence),
    ...everythingEnds(evidence),
    ...fencesHold(evidence),
    ...nothingForeignTouched(evidence),
    ...secretsKept(evidence),
    ...budgetsKept(evidence),
  ];
}

/**
 * I2 and I3 are about steps that no version has yet: there is no gate that could be checked and no source that is removed.
 * Until there is, a restore that has begun such a step is a violation by itself, so that the step can't come without its check.
 */
function sourceIsKept({ restores }: Evidence): Violation[] {
  return restores.flatMap(({ restore }) =>
    restore.steps
      .filter(
        ({ id, state }) => ['remove-source', 'move-disks'].includes(id) && !['pending', 'skipped'].includes(state),
      )
      .map((step) => ({
        invariant: 'I2' as const,
        what: `Restore ${restore.id} has come to step ${step.id}, and the oracle knows no gate for it.`,
        evidence: step,
      })),
  );
}

export function describeViolation({ invariant, what, evidence }: Violation): string {
  return `${invariant}: ${what} ${JSON.stringify(evidence)}`;
}
