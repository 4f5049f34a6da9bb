import { nameBase } from '../names.js';
import type { PlannedDestination, PlannedPoint, RestorePlan } from '../plan.js';
import { canonicalHash } from './canonical-json.js';
import { priceDisks, wantedSkus } from './disk-sku.js';
import { chooseDisks, decideDisks } from './disks.js';
import { estimate } from './estimates.js';
import type { PlanningFacts } from './facts.js';
import { FoundProblems } from './found-problems.js';
import { decideGeneration, knownFirmware } from './generation.js';
import { checkWorkerSubnet, decideSubnet } from './network.js';
import { decidePlacement, type Placement } from './placement.js';
import { checkSecurityType } from './security-type.js';
import { decideSteps } from './planned-steps.js';
import { checkRequest, checkSource } from './source-checks.js';
import { decideSize, sizeNeeds } from './vm-size.js';
import { decideWorkers } from './workers.js';

/**
 * Decides what a restore will do. Pure: the same facts give the same plan and the same hash.
 *
 * It goes from the source to the target: may the point be restored, where does it go, which generation, which disks,
 * which VM size can hold those, which SKUs does that size allow, which network, who moves the data. What can't be met
 * becomes a problem with a remedy and the rest is decided all the same, so that one plan shows everything.
 */
export function planRestore(facts: PlanningFacts): RestorePlan {
  const { request } = facts;
  const problems = new FoundProblems();

  checkSource(facts, problems);
  checkRequest(facts, problems);
  const placement = decidePlacement(facts, problems);
  const generation = decideGeneration(facts, problems);
  const chosen = chooseDisks(facts, problems);
  const unpriced = decideDisks(facts, chosen, generation, diskBaseName(facts, placement), problems);
  const skus = wantedSkus(unpriced, request, placement.zone, problems);
  const needs = sizeNeeds(facts, unpriced, skus, generation, placement.zone);
  const size = decideSize(facts, placement, needs, problems);
  checkSecurityType(facts, size, problems);
  const disks = priceDisks(unpriced, skus, size, request, problems);
  const subnet = decideSubnet(facts, placement, problems);
  checkWorkerSubnet(facts, placement, problems);
  const workers = decideWorkers(facts, placement, disks, problems);

  const decided = {
    restorePoint: plannedPoint(facts),
    destination: {
      kind: request.destination.kind,
      subscriptionId: facts.settings.subscriptionId,
      ...placement,
      size: request.disksOnly ? null : (size?.name ?? request.destination.size ?? null),
      ...(size?.diskControllers.join() === 'NVMe' && !request.disksOnly ? { diskController: 'NVMe' as const } : {}),
      ...(needs.architecture === 'Arm64' ? { architecture: needs.architecture } : {}),
      subnetId: subnet?.azureId ?? null,
      privateIp: request.disksOnly ? null : (request.destination.privateIp ?? null),
    } satisfies PlannedDestination,
    generation,
    steps: decideSteps(request),
    disks,
    workers,
    problems: problems.all(),
    options: {
      disksOnly: request.disksOnly,
      excludeDisks: request.excludeDisks,
      transfer: request.transfer,
      verify: request.verify,
      powerOn: request.powerOn,
      bootCheck: request.bootCheck,
      isolated: request.isolated,
    },
  };
  return { ...decided, estimates: estimate(disks, workers), planHash: canonicalHash(decided) };
}

function plannedPoint(facts: PlanningFacts): PlannedPoint {
  const { point, machine } = facts;
  const { firmwares } = knownFirmware(facts);
  return {
    id: point.id,
    machine: point.machineName,
    repository: point.repositoryName,
    reference: point.reference,
    kind: point.kind,
    takenAt: point.takenAt.toISOString(),
    os: point.os ?? machine.os,
    firmware: firmwares.length === 1 ? firmwares[0]! : null,
  };
}

const LONGEST_BASE_NAME = 48;

/** What the new disks' names begin with; short enough that the restore's suffix still fits (80 characters in all). */
function diskBaseName({ request, point }: PlanningFacts, placement: Placement): string {
  const name = placement.vmName ?? request.destination.name ?? point.machineName;
  return nameBase(name, 'machine').slice(0, LONGEST_BASE_NAME);
}
