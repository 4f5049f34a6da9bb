import type { DestinationRequest, RestoreRequest } from '../../request.js';
import type { PlanningFacts } from '../facts.js';
import type { FoundProblems } from '../found-problems.js';

/** What the machine that is replaced decides, and no option: by the request's field. */
const DECIDED_BY_SOURCE: Readonly<Record<Exclude<keyof DestinationRequest, 'kind'>, string>> = {
  name: '--name',
  resourceGroup: '--resource-group',
  region: '--region',
  zone: '--zone',
  size: '--size',
  subnetId: '--subnet',
  privateIp: '--private-ip',
  diskSku: '--disk-sku',
};

const DEFAULT_MAX_STOP_SECONDS = 4 * 3_600;
const DEFAULT_WAIT_DAYS = 7;

/** What is asked for of the original place alone, and has a default there. */
export function patienceOf({
  maxStopSeconds = DEFAULT_MAX_STOP_SECONDS,
  waitDays = DEFAULT_WAIT_DAYS,
}: RestoreRequest): Required<Pick<RestoreRequest, 'maxStopSeconds' | 'waitDays'>> {
  return { maxStopSeconds, waitDays };
}

/** Whether something was asked for that only the original place knows. */
export function checkNewRequest({ request }: PlanningFacts, problems: FoundProblems): void {
  const given = [
    request.maxStopSeconds === undefined ? [] : '--max-stop',
    request.waitDays === undefined ? [] : '--wait-days',
  ].flat();
  for (const option of given) {
    problems.error(
      'CONTRADICTION',
      `No machine is stopped for a restore to a new place, and nobody has to approve it, so ${option} means nothing.`,
      `Leave ${option} out, or restore with --to original.`,
    );
  }
}

/** Whether what was asked for can be had at the original place. */
export function checkOriginalRequest({ point, request }: PlanningFacts, problems: FoundProblems): void {
  if (point.kind !== 'image') {
    problems.error(
      'POINT_UNSUPPORTED',
      `The restore point ${point.id} is no image-level backup of an Azure VM, so it has no original place in Azure.`,
      'Restore with --to new.',
    );
  }
  for (const option of meaningless(request.destination)) {
    problems.error(
      'CONTRADICTION',
      `At its original place "${point.machineName}" keeps what the machine there has, so ${option} means nothing.`,
      `Leave ${option} out, or restore with --to new.`,
    );
  }
  if (request.disksOnly) {
    problems.error(
      'CONTRADICTION',
      'A restore to the original place replaces the machine, so --disks-only means nothing.',
      'Leave --disks-only out, or restore with --to new.',
    );
  }
  if (request.verify === 'none') {
    problems.error(
      'CONTRADICTION',
      'Nothing is removed for disks that were not read back, so --verify none never gets to the original place.',
      'Give --verify sampled or full.',
    );
  }
}

/** Without what means nothing there. */
export function asSourceDecides(facts: PlanningFacts): PlanningFacts {
  return { ...facts, request: { ...facts.request, destination: { kind: 'original' } } };
}

function meaningless(destination: RestoreRequest['destination']): readonly string[] {
  return Object.entries(DECIDED_BY_SOURCE).flatMap(([field, option]) =>
    destination[field as keyof DestinationRequest] === undefined ? [] : [option],
  );
}
