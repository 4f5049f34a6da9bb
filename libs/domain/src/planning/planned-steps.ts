import type { PlannedStep } from '../plan.js';
import type { RestoreRequest } from '../request.js';
import { STEPS, type StepId } from '../steps.js';

/** All steps in their order, which of them this restore takes, and why. */
export function decideSteps(request: RestoreRequest): readonly PlannedStep[] {
  return STEPS.map(({ number, id }) => {
    const [applies, why] = decide(id, request);
    return { number, id, applies, why };
  });
}

function decide(step: StepId, { transfer, disksOnly }: RestoreRequest): readonly [boolean, string] {
  switch (step) {
    case 'plan':
      return [true, 'every restore is planned first'];
    case 'retrieve-archived-data':
      return [false, 'nothing of the restore point is in the archive tier'];
    case 'create-staging-resource-group':
    case 'remove-source':
    case 'move-disks':
    case 'remove-staging-resource-group':
      return [false, 'new location'];
    case 'create-empty-disks':
      return [true, 'each disk is written into a new disk of its own'];
    case 'launch-worker':
      return transfer === 'direct' ? [false, 'the disks are written directly'] : [true, 'a worker writes the disks'];
    case 'restore-data':
      return [true, 'the disks are written and verified'];
    case 'detach-disks':
    case 'deallocate-worker':
      return transfer === 'direct'
        ? [false, 'the disks are written directly']
        : [true, 'the worker has done its work by then'];
    case 'create-vm':
      return disksOnly ? [false, 'only disks are wanted'] : [true, 'a VM is made from the OS disk'];
    case 'attach-disks':
      return disksOnly ? [false, 'only disks are wanted'] : [true, 'the VM gets its data disks and its power state'];
  }
}
