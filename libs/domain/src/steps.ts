/** The steps of a restore, in the documented order; nobody may skip or swap. The first part of step 8 changes nothing of the source. */
export const STEPS = [
  { number: 0, id: 'plan' },
  { number: 1, id: 'retrieve-archived-data' },
  { number: 2, id: 'create-staging-resource-group' },
  { number: 3, id: 'create-empty-disks' },
  { number: 4, id: 'launch-worker' },
  { number: 5, id: 'restore-data' },
  { number: 6, id: 'detach-disks' },
  { number: 7, id: 'deallocate-worker' },
  // Before the stop, and so before it is waited for somebody who approves it.
  { number: 8, id: 'check-boot' },
  { number: 8, id: 'remove-source' },
  { number: 9, id: 'move-disks' },
  { number: 10, id: 'create-vm' },
  { number: 11, id: 'attach-disks' },
  { number: 12, id: 'remove-staging-resource-group' },
] as const;

export type StepId = (typeof STEPS)[number]['id'];
export type StepNumber = (typeof STEPS)[number]['number'];

export function stepNumber(id: StepId): StepNumber {
  return STEPS.find((step) => step.id === id)!.number;
}
