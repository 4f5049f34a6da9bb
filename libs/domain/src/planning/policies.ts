import { CLOUD_KINDS, sameId } from '../cloud/kinds.js';
import { networkInterfaceName, SAFETY_GROUP, safetySnapshotName, STAGING_GROUP } from '../names.js';
import {
  diskOf,
  futureDiskIds,
  futureId,
  nicOf,
  safetyGroupOf,
  safetySnapshotOf,
  stagingGroupOf,
  vmAnewOf,
  vmOf,
  type Maker,
} from '../planned-resources.js';
import type { RestorePlan } from '../plan.js';
import type { PolicyDenial, ToBeMade } from '../ports/cloud/policies.js';
import type { SavedVm } from '../ports/cloud/reader.js';
import type { Problem, ProblemCode } from '../problems.js';
import type { JudgedMaking, PlannedMaking } from './facts.js';

/*
 * What Azure's policies say to what a restore makes. One that denies is found out in the plan, and at the original place once more
 * before the machine is stopped: later it costs what was made and written until then, or keeps a machine stopped for nothing.
 */

/**
 * What a plan makes, as far as it says it: what it leaves open has a problem of its own.
 * @param saved of the machine that is replaced; null: none is
 */
export function makingsOf(plan: RestorePlan, saved: SavedVm | null, maker: Maker): readonly PlannedMaking[] {
  const { kind, resourceGroup, region } = plan.destination;
  if (resourceGroup === '' || region === '') return [];
  if (kind === 'new') return [...disksOf(plan, maker), ...machineOf(plan, maker)];
  const staging = { name: STAGING_GROUP, made: { kind: 'resource-group', spec: stagingGroupOf(plan, maker) } } as const;
  return [staging, ...disksOf(plan, maker), ...(saved === null ? [] : makingsFromStopOn(plan, saved, maker))];
}

/**
 * What of it is made from the stop of the machine that is replaced on. A disk that moves counts: it is judged where it comes to, as
 * if it was made there.
 */
export function makingsFromStopOn(plan: RestorePlan, saved: SavedVm, maker: Maker): readonly PlannedMaking[] {
  const { resourceGroup, vmName } = plan.destination;
  const safety = { name: SAFETY_GROUP, made: { kind: 'resource-group', spec: safetyGroupOf(plan, maker) } } as const;
  const makings = [safety, ...copiesOf(plan, saved, maker), ...disksOf(plan, maker, resourceGroup)];
  if (vmName === null || !hasOsDisk(plan)) return makings;
  const spec = vmAnewOf(plan, saved, [], futureDiskIds(plan, maker), null, maker);
  return [...makings, { name: vmName, made: { kind: 'vm-anew', spec } }];
}

function copiesOf(plan: RestorePlan, { disks }: SavedVm, maker: Maker): readonly PlannedMaking[] {
  return (plan.source?.disks ?? []).map(({ azureId }, place) => {
    const saved = disks.find((each) => sameId(each.azureId, azureId));
    const name = safetySnapshotName(maker.restoreId, 1, place);
    const spec = safetySnapshotOf(plan, name, azureId, saved, maker);
    return { name: `of ${azureId.slice(azureId.lastIndexOf('/') + 1)}`, made: { kind: 'snapshot', spec } };
  });
}

/** The network interface of a machine that is to be isolated lies in a network that is made for it, which nobody can name yet. */
function machineOf(plan: RestorePlan, maker: Maker): readonly PlannedMaking[] {
  const { vmName, size, subnetId } = plan.destination;
  if (vmName === null || size === null || !hasOsDisk(plan)) return [];
  if (subnetId === null && !plan.options.isolated) return [];
  const nicId = futureId(plan, 'nic', networkInterfaceName(vmName, maker.restoreId));
  const vm = vmOf(plan, nicId, futureDiskIds(plan, maker), maker);
  const made = { name: vmName, made: { kind: 'vm', spec: vm } } as const;
  if (plan.options.isolated) return [made];
  return [{ name: `${vmName}-nic`, made: { kind: 'nic', spec: nicOf(plan, null, maker) } }, made];
}

/** @param resourceGroup left out: the one in which they are made */
function disksOf(plan: RestorePlan, maker: Maker, resourceGroup?: string): readonly PlannedMaking[] {
  const { generation, options } = plan;
  if (generation === null && !options.disksOnly) return [];
  return plan.disks.map((planned) => {
    const spec = { ...diskOf(plan, planned, maker), ...(resourceGroup === undefined ? {} : { resourceGroup }) };
    return { name: planned.azureName, made: { kind: 'disk', spec, waitsForUpload: options.transfer === 'direct' } };
  });
}

function hasOsDisk({ disks }: RestorePlan): boolean {
  return disks.some(({ role }) => role === 'os');
}

/** Why it can't be made, or that nobody could tell; each policy is told of once for all that it denies of a kind. */
export function policyProblems(judged: readonly JudgedMaking[]): readonly Problem[] {
  return [...deniedProblems(judged), ...untoldProblems(judged)];
}

function deniedProblems(judged: readonly JudgedMaking[]): readonly Problem[] {
  const found = new Map<string, { readonly denial: PolicyDenial; readonly kind: ToBeMade['kind']; names: string[] }>();
  for (const { name, made, answer } of judged) {
    for (const denial of answer.denials) {
      const key = [denial.assignmentId, denial.definitionId, made.kind].join(' ').toLowerCase();
      const known = found.get(key) ?? { denial, kind: made.kind, names: [] };
      found.set(key, { ...known, names: [...new Set([...known.names, name])] });
    }
  }
  return [...found.values()].map(({ denial: { assignmentId, definitionId, reason }, kind, names }) => ({
    severity: 'error',
    code: 'POLICY_DENIED',
    message:
      `An Azure policy denies the ${labelOf(kind)} ${names.map((name) => `"${name}"`).join(', ')}: the assignment ${assignmentId} of ${definitionId}` +
      `${reason === null ? '' : ` (${reason.replace(/[.\s]+$/, '')})`}.`,
    fix: `Ask for what the policy allows, or have an exemption made from it: az policy exemption create --policy-assignment ${assignmentId}.`,
  }));
}

function labelOf(kind: ToBeMade['kind']): string {
  return CLOUD_KINDS[kind === 'vm-anew' ? 'vm' : kind].label;
}

/** By the code of the reason; the others can't be told apart by what mends them. */
const UNTOLD: readonly ProblemCode[] = ['PERMISSION', 'PROVIDER_NOT_REGISTERED'];

/** It refuses nothing: without a right to ask, most restores would be refused for nothing. Each reason is told once. */
function untoldProblems(judged: readonly JudgedMaking[]): readonly Problem[] {
  const reasons = judged.flatMap(({ answer }) => answer.untold ?? []);
  return [...new Map(reasons.map((reason) => [reason.code, reason])).values()].map(({ code, message, fix }) => ({
    severity: 'warning',
    code: UNTOLD.find((each) => each === code) ?? 'POLICY_DENIED',
    message: `Whether an Azure policy denies what this restore makes is not known, and shows when it is made. ${message}`,
    fix,
  }));
}
