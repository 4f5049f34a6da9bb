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

function decide(step: StepId, { transfer, disksOnly, destination, isolated }: RestoreRequest): readonly [boolean, string] {
  const replaces = destination.kind === 'original';
  switch (step) {
    case 'plan':
      return [true, 'every restore is planned first'];
    case 'retrieve-archived-data':
      return [false, 'nothing of the restore point is in the archive tier'];
    case 'create-staging-resource-group':
      return replaces ? [true, 'the new disks wait there until they are verified'] : [false, 'new location'];
    case 'remove-source':
      return replaces
        ? [true, 'the machine and the disks that are replaced make room, once they have safety snapshots']
        : [false, 'new location'];
    case 'move-disks':
      return replaces ? [true, 'the new disks come to where the machine is'] : [false, 'new location'];
    case 'remove-staging-resource-group':
      return replaces ? [true, 'it is empty by then'] : [false, 'new location'];
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
      if (replaces) return [true, 'the machine is made anew as it was, around its disks and network interfaces'];
      if (disksOnly) return [false, 'only disks are wanted'];
      return isolated
        ? [true, 'a VM is made from the OS disk, in a network of its own that leads nowhere and stays with it']
        : [true, 'a VM is made from the OS disk'];
    case 'attach-disks':
      if (replaces) return [true, 'every LUN is read back, and the VM gets its power state'];
      return disksOnly ? [false, 'only disks are wanted'] : [true, 'the VM gets its data disks and its power state'];
  }
}
