import { nameBase, STAGING_GROUP } from '../names.js';
import type { PlannedDestination, PlannedPoint, RestorePlan } from '../plan.js';
import { bootCheckOf, checkBootCopies } from './boot-check.js';
import { canonicalHash } from './canonical-json.js';
import { priceDisks, wantedSkus } from './disk-sku.js';
import { chooseDisks, decideDisks } from './disks.js';
import { estimateTransfer } from './estimates.js';
import type { PlanningFacts } from './facts.js';
import { FoundProblems } from './found-problems.js';
import { decideGeneration, knownFirmware } from './generation.js';
import { checkWorkerSubnet, decideSubnet, subnetOf } from './network.js';
import { keptLuns, matchDisks, NOTHING_REPLACED, replacedVm, standIn } from './original/exchange.js';
import { asSourceDecides, patienceOf } from './original/options.js';
import { estimateOutage } from './original/outage.js';
import { decideSource } from './original/source.js';
import { warnOfReplacement } from './original/warnings.js';
import { decidePlacement, placeOf, type Placement } from './placement.js';
import { checkSecurityType } from './security-type.js';
import { decideSteps } from './planned-steps.js';
import { policyProblems } from './policies.js';
import { checkRetrieval, decideRetrieval, feeOf } from './retrieval.js';
import { checkRequest, checkSource } from './source-checks.js';
import { decideSize, keepSize, sizeNeeds } from './vm-size.js';
import { decideWorkers } from './workers.js';

/**
 * Decides what a restore will do. Pure: the same facts give the same plan and the same hash.
 *
 * It goes from the source to the target: may the point be restored, where does it go, which generation, which disks,
 * which VM size can hold those, which SKUs does that size allow, which network, who moves the data. What can't be met
 * becomes a problem with a remedy and the rest is decided all the same, so that one plan shows everything.
 *
 * At the original place the machine that is replaced (`original/`) decides what a request decides at a new one.
 */
export function planRestore(given: PlanningFacts): RestorePlan {
  const problems = new FoundProblems();

  checkSource(given, problems);
  const retrieval = decideRetrieval(given, problems);
  checkRequest(given, problems);
  const replaces = given.request.destination.kind === 'original';
  const facts = replaces ? asSourceDecides(given) : given;
  const { request } = facts;
  const source = replaces ? decideSource(facts, problems) : null;
  const placement = replaces ? placeOf(source, facts) : decidePlacement(facts, problems);
  const generation = decideGeneration(facts, problems);
  const chosen = chooseDisks(facts, problems);
  const exchange = source === null ? NOTHING_REPLACED : matchDisks(facts, source, chosen, problems);
  const named = decideDisks(facts, chosen, generation, diskBaseName(facts, placement), keptLuns(exchange), problems);
  const unpriced = source === null ? named : standIn(named, exchange, problems);
  const skus = wantedSkus(unpriced, request, placement.zone, problems);
  const needs = sizeNeeds(facts, unpriced, keptLuns(exchange), skus, generation, placement.zone);
  const size = replaces
    ? source && keepSize(source, facts, placement, needs, problems)
    : decideSize(facts, placement, needs, problems);
  checkSecurityType(facts, size, problems);
  const disks = priceDisks(unpriced, skus, size, request, problems);
  const subnet = replaces ? subnetOf(source, facts, problems) : decideSubnet(facts, placement, problems);
  checkWorkerSubnet(facts, placement, problems);
  const workers = decideWorkers(facts, placement, disks, problems);
  if (source !== null) {
    warnOfReplacement(source, exchange, facts, problems);
    checkBootCopies(facts, source, size, disks, problems);
  }
  problems.take(policyProblems(facts.policies));
  const transfer = estimateTransfer(disks, workers);
  checkRetrieval(retrieval, transfer.transferSeconds, problems);

  const decided = {
    restorePoint: plannedPoint(facts),
    destination: {
      kind: request.destination.kind,
      subscriptionId: facts.settings.subscriptionId,
      ...placement,
      ...(replaces ? { stagingResourceGroup: STAGING_GROUP } : {}),
      size: request.disksOnly ? null : (size?.name ?? request.destination.size ?? null),
      ...(size?.diskControllers.join() === 'NVMe' && !request.disksOnly ? { diskController: 'NVMe' as const } : {}),
      ...(needs.architecture === 'Arm64' ? { architecture: needs.architecture } : {}),
      subnetId: subnet?.azureId ?? null,
      privateIp: request.disksOnly || request.isolated ? null : (request.destination.privateIp ?? null),
    } satisfies PlannedDestination,
    ...(source === null ? {} : { source: replacedVm(source, exchange) }),
    generation,
    steps: decideSteps(
      request,
      retrieval,
      exchange.kept.map(({ name }) => name),
    ),
    disks,
    ...(retrieval === null ? {} : { retrieval }),
    workers,
    problems: problems.all(),
    options: {
      disksOnly: request.disksOnly,
      excludeDisks: request.excludeDisks,
      transfer: request.transfer,
      verify: request.verify,
      powerOn: request.powerOn,
      bootCheck: bootCheckOf(request),
      ...(request.bootPattern === undefined ? {} : { bootPattern: request.bootPattern }),
      isolated: request.isolated,
      ...(replaces ? patienceOf(request) : {}),
    },
  };
  const estimates = {
    ...transfer,
    ...(retrieval === null
      ? {}
      : {
          retrievalSeconds: retrieval.hours * 3_600,
          retrievalFee: feeOf(retrieval, facts.settings.archivePrices),
        }),
    ...(source === null ? {} : estimateOutage(source, exchange)),
  };
  return { ...decided, estimates, planHash: canonicalHash(decided) };
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
