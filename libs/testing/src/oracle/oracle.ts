import { stepsOf } from '@landfall/domain';
import { badDisksAreNotHandedOver, bytesAreRight, fencesHold } from './disks.js';
import type { Evidence } from './evidence.js';
import { inventoryFitsLedger, nothingForeignTouched } from './inventory.js';
import { everythingEnds, historyIsLegal } from './history.js';
import { budgetsKept, secretsKept } from './limits.js';
import type { Violation } from './violation.js';

/** One oracle after every run that moves a restore: which of the invariants were broken, and what shows it. */
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
    stepsOf(restore)
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
