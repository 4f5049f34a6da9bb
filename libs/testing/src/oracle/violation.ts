/*
 * What must hold of every restore, whatever goes wrong on its way:
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

export function describeViolation({ invariant, what, evidence }: Violation): string {
  return `${invariant}: ${what} ${JSON.stringify(evidence)}`;
}
