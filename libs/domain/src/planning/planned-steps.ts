import type { PlannedRetrieval, PlannedStep } from '../plan.js';
import type { RestoreRequest } from '../request.js';
import { bootCheckOf } from './boot-check.js';
import { STEPS, type StepId } from '../steps.js';

/**
 * All steps in their order, which of them this restore takes, and why. The boot check of copies is one only where a machine is replaced.
 * @param kept names of the disks of a replaced machine that are not replaced
 */
export function decideSteps(
  request: RestoreRequest,
  retrieval: PlannedRetrieval | null,
  kept: readonly string[] = [],
): readonly PlannedStep[] {
  return STEPS.flatMap(({ number, id }) => {
    if (id === 'check-boot' && request.destination.kind === 'new') return [];
    const [applies, why] = id === 'check-boot' ? decideBootCheck(request, kept) : decide(id, request, retrieval);
    return [{ number, id, applies, why }];
  });
}

function decideBootCheck(request: RestoreRequest, kept: readonly string[]): readonly [boolean, string] {
  const check = bootCheckOf(request);
  if (check === 'none') return [false, 'nobody wants to know whether the new disks boot (--boot-check none)'];
  const without = kept.length === 0 ? '' : `, without what is kept (${kept.map((name) => `"${name}"`).join(', ')}),`;
  const until = check === 'running' ? 'have to run' : 'have to say on their serial console that they have booted';
  return [true, `copies of the new disks${without} ${until}, in a network that leads nowhere; then they are removed`];
}

function decide(
  step: Exclude<StepId, 'check-boot'>,
  { transfer, disksOnly, destination, isolated }: RestoreRequest,
  retrieval: PlannedRetrieval | null,
): readonly [boolean, string] {
  const replaces = destination.kind === 'original';
  switch (step) {
    case 'plan':
      return [true, 'every restore is planned first'];
    case 'retrieve-archived-data':
      return retrieval === null
        ? [false, 'nothing of the restore point is in the archive tier']
        : [true, `${retrieval.objects} file(s) of the repository are copied out of the archive tier`];
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
