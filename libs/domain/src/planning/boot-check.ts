import { bootPatternProblem, type BootCheck } from '../boot-check.js';
import type { RestoreRequest } from '../request.js';
import type { PlanningFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';

/*
 * What is to prove that the machine boots, and where it may reach out to meanwhile.
 */
export function bootCheckOf({ bootCheck }: Pick<RestoreRequest, 'bootCheck'>): BootCheck {
  return bootCheck ?? 'none';
}

export function checkBootOptions({ request }: PlanningFacts, problems: FoundProblems): void {
  const { bootPattern, powerOn, disksOnly, destination, isolated } = request;
  const check = bootCheckOf(request);
  const replaces = destination.kind === 'original';
  if (check !== 'none' && !powerOn && !disksOnly) {
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
      'At its original place a machine keeps its network, so --isolated means nothing.',
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
