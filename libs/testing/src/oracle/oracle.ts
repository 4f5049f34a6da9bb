import { badDisksAreNotHandedOver, bytesAreRight, fencesHold } from './disks.js';
import type { Evidence } from './evidence.js';
import { inventoryFitsLedger, nothingForeignTouched } from './inventory.js';
import { everythingEnds, historyIsLegal } from './history.js';
import { budgetsKept, secretsKept } from './limits.js';
import { sourceCanBeBroughtBack, sourceIsKept } from './source.js';
import type { Violation } from './violation.js';

/** One oracle after every run that moves a restore: which of the invariants were broken, and what shows it. */
export function judge(evidence: Evidence): readonly Violation[] {
  return [
    ...bytesAreRight(evidence),
    ...badDisksAreNotHandedOver(evidence),
    ...sourceIsKept(evidence),
    ...sourceCanBeBroughtBack(evidence),
    ...inventoryFitsLedger(evidence),
    ...historyIsLegal(evidence),
    ...everythingEnds(evidence),
    ...fencesHold(evidence),
    ...nothingForeignTouched(evidence),
    ...secretsKept(evidence),
    ...budgetsKept(evidence),
  ];
}
