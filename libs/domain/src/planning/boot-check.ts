import { bootPatternProblem, type BootCheck } from '../boot-check.js';
import type { PlannedDisk } from '../plan.js';
import type { VmSize } from '../ports/cloud/reader.js';
import type { RestoreRequest } from '../request.js';
import type { PlanningFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';
import type { LivingVm } from './original/living-vm.js';
import { vmShortage } from './quota.js';

/*
 * What is to prove that the machine boots, and where it may reach out to meanwhile. At the original place copies of its disks are
 * booted before anything of the machine there is touched; at a new one it is the machine itself.
 */
export function bootCheckOf({ bootCheck, destination }: Pick<RestoreRequest, 'bootCheck' | 'destination'>): BootCheck {
  return bootCheck ?? (destination.kind === 'original' ? 'running' : 'none');
}

export function checkBootOptions({ request }: PlanningFacts, problems: FoundProblems): void {
  const { bootPattern, powerOn, disksOnly, destination, isolated } = request;
  const check = bootCheckOf(request);
  const replaces = destination.kind === 'original';
  // Copies run whatever becomes of the machine.
  if (check !== 'none' && !powerOn && !disksOnly && !replaces) {
    problems.error(
      'CONTRADICTION',
      'A boot check was asked for a VM that is not to be powered on.',
      'Leave out --boot-check or --no-power-on.',
    );
  }
  if (bootPattern !== undefined) checkPattern(bootPattern, check, problems);
  if (!isolated) return;
  if (replaces) {
    problems.error(
      'CONTRADICTION',
      'At its original place a machine keeps its network, and copies are always booted isolated, so --isolated means nothing.',
      'Leave --isolated out, or restore with --to new.',
    );
  } else if (destination.privateIp !== undefined) {
    problems.error(
      'CONTRADICTION',
      'An isolated machine gets a network of its own, so --private-ip means nothing.',
      'Leave out --isolated or --private-ip.',
    );
  }
}

function checkPattern(pattern: string, check: BootCheck, problems: FoundProblems): void {
  const fix = 'Give a text that the serial console shows once the machine has booted, or leave --boot-pattern out.';
  if (check !== 'serial') {
    problems.error(
      'CONTRADICTION',
      `A text is looked for on the serial console alone, so --boot-pattern means nothing with --boot-check ${check}.`,
      'Give --boot-check serial, or leave --boot-pattern out.',
    );
  }
  const problem = bootPatternProblem(pattern);
  if (problem !== null)
    problems.error('CONTRADICTION', `The text of --boot-pattern can't be looked for: ${problem}.`, fix);
}

/** At the original place: whether there is room for the copies beside the machine, and what whoever approves it has to know. */
export function checkBootCopies(
  { request, target }: PlanningFacts,
  source: LivingVm,
  size: VmSize | null,
  disks: readonly Pick<PlannedDisk, 'sku'>[],
  problems: FoundProblems,
): void {
  if (bootCheckOf(request) === 'none') {
    problems.warning(
      'CUT_OVER',
      `No boot check was asked for: nobody knows whether the restored disks boot before "${source.name}" is stopped and removed.`,
      'Leave --boot-check none out, so that copies of them are booted before that.',
    );
    return;
  }
  const shortage = size === null ? '' : vmShortage(target.usages, size, disks);
  if (shortage === '') return;
  problems.error(
    'QUOTA',
    `The quota of ${source.region} does not allow copies of the restored disks to be booted beside "${source.name}": ${shortage}.`,
    'Ask for more quota in the Azure portal, or give --boot-check none.',
  );
}
