import {
  azureDiskName,
  lockedProblems,
  makingsFromStopOn,
  PermanentError,
  policyProblems,
  workingGroupOf,
  type ErrorDetails,
  type GateChecks,
  type SavedVm,
  sameId,
} from '@landfall/domain';
import { boundedMap, type StepContext } from '@landfall/pipeline';
import { modelOf, recordOf, replacedBy, type CutOverPorts } from './ports.js';

/*
 * What can be found out while the source runs, and changes nothing: so that it is not stopped for a restore that can't be ended.
 */
const LOOKS_AT_ONCE = 8;

/** @throws PermanentError with the code of what stands in the way; RetryableError where it can't be found out at present */
export async function checkBeforeStop(ports: CutOverPorts, context: StepContext): Promise<GateChecks> {
  await requireSource(ports, context);
  await requireUnlocked(ports, context);
  await requireRights(ports, context);
  await requireNames(ports, context);
  await requireSize(ports, context);
  await requireMove(ports, context);
  await requirePolicies(ports, context);
  return { move: true, quota: true, size: true, names: true };
}

export async function requireSource({ cloud }: CutOverPorts, context: StepContext): Promise<void> {
  const source = replacedBy(context);
  const found = await cloud.reader.vm(source.azureId);
  if (found !== null && sameId(found.instanceId, source.instanceId)) return;
  throw new PermanentError({
    code: 'SOURCE_CHANGED',
    message:
      found === null
        ? `The machine ${source.azureId} that is to be replaced is gone.`
        : `${source.azureId} is another machine by now than the one that was to be replaced.`,
    fix: 'Find out who changed it in the activity log; cancel the restore, and plan it again.',
  });
}

async function requireUnlocked({ cloud }: CutOverPorts, context: StepContext): Promise<void> {
  const { azureId, disks, nicIds, addressIds } = replacedBy(context);
  const locks = await cloud.reader.locks([azureId, ...disks.map((disk) => disk.azureId), ...nicIds]);
  const [problem] = lockedProblems(locks, { name: context.plan.destination.vmName ?? azureId, nicIds, addressIds });
  if (problem !== undefined) throw refusal(problem);
}

/** What is asked of Azure in the resource group of the source, from the stop on. */
const ACTIONS = [
  'Microsoft.Compute/virtualMachines/deallocate/action',
  'Microsoft.Compute/virtualMachines/start/action',
  'Microsoft.Compute/virtualMachines/write',
  'Microsoft.Compute/virtualMachines/delete',
  'Microsoft.Compute/disks/write',
  'Microsoft.Compute/disks/delete',
  'Microsoft.Network/networkInterfaces/write',
  'Microsoft.Network/networkInterfaces/join/action',
  // A move writes to the group that things come to.
  'Microsoft.Resources/subscriptions/resourceGroups/write',
];

/** And in that of the new disks. */
const ACTIONS_IN_STAGING = ['Microsoft.Resources/subscriptions/resourceGroups/moveResources/action'];

/** What is missing once the source is gone keeps a machine away. */
async function requireRights({ cloud }: CutOverPorts, { restore, plan }: StepContext): Promise<void> {
  const staging = workingGroupOf(plan, restore.id);
  const needed = [[plan.destination.resourceGroup, ACTIONS] as const, [staging, ACTIONS_IN_STAGING] as const];
  for (const [resourceGroup, actions] of needed) await requireActions(cloud, resourceGroup, actions);
}

/** @throws PermanentError `PERMISSION` */
export async function requireActions(
  { reader }: Pick<CutOverPorts['cloud'], 'reader'>,
  resourceGroup: string,
  actions: readonly string[],
): Promise<void> {
  const missing = await reader.actionsMissing(reader.resourceGroupId(resourceGroup), actions);
  if (missing.length === 0) return;
  throw new PermanentError({
    code: 'PERMISSION',
    message: `The finalizer may not do in the resource group "${resourceGroup}": ${missing.join(', ')}.`,
    fix: 'Assign it the role of deploy/azure/role-finalizer.json in the subscription, and resume the restore.',
  });
}

/** The originals still stand: the new disks are to lie beside them. */
async function requireNames({ cloud }: CutOverPorts, { restore, plan }: StepContext): Promise<void> {
  const { resourceGroup } = plan.destination;
  await boundedMap(plan.disks, LOOKS_AT_ONCE, async ({ azureName }) => {
    const name = azureDiskName(azureName, restore.id);
    if ((await cloud.reader.disk(cloud.reader.diskId(resourceGroup, name))) === null) return;
    throw new PermanentError({
      code: 'NAME_TAKEN',
      message: `A disk named "${name}" is in the resource group "${resourceGroup}" already.`,
      fix: 'Rename or remove it, and resume the restore.',
    });
  });
}

/** The source counts in the quota until it is gone, stopped or not, and the new machine is as large: nothing more is needed. */
async function requireSize({ cloud }: CutOverPorts, { plan }: StepContext): Promise<void> {
  const { region, zone, size: name } = plan.destination;
  const size = (await cloud.reader.sizes(region)).find((each) => each.name === name);
  const isRestricted = size === undefined || size.restrictedInRegion;
  if (!isRestricted && (zone === null || !size.restrictedZones.includes(zone)))
    return requireQuota(cloud, region, size.family);
  throw new PermanentError({
    code: 'SIZE_UNAVAILABLE',
    message: `The size ${name ?? '(none)'} of the machine is not to be had in ${region}${zone === null ? '' : `, zone ${zone}`} at present.`,
    fix: 'Resume the restore once the size is available there.',
  });
}

async function requireQuota(cloud: CutOverPorts['cloud'], region: string, family: string): Promise<void> {
  const usages = await cloud.reader.usages(region);
  const over = usages.find(({ name, current, limit }) => (name === family || name === 'cores') && current > limit);
  if (over === undefined) return;
  throw new PermanentError({
    code: 'QUOTA',
    message: `The quota "${over.name}" in ${region} is exceeded already (${over.current} of ${over.limit}): a machine that is removed could not be made anew.`,
    fix: 'Ask for more quota, and resume the restore.',
  });
}

async function requireMove({ cloud }: CutOverPorts, { restore, plan, signal, outputOf }: StepContext): Promise<void> {
  const diskIds = outputOf('create-empty-disks').disks.map(({ azureId }) => azureId);
  const wish = { from: workingGroupOf(plan, restore.id), to: plan.destination.resourceGroup, diskIds };
  const obstacles = await cloud.groups.validateMove(wish, signal);
  // What goes by itself is waited for by the move.
  const lasting = obstacles.find(({ passes }) => !passes);
  if (lasting === undefined) return;
  throw refusal(lasting);
}

/** With the words in which it will be asked for: after the stop a refusal keeps the machine away until somebody acts. */
async function requirePolicies(ports: CutOverPorts, context: StepContext): Promise<void> {
  const { cloud, applianceId } = ports;
  const { restore, plan } = context;
  const saved = await modelNow(ports, context);
  // It was there a moment ago, and is looked for again before anything is done to it.
  if (saved === null) return;
  const makings = makingsFromStopOn(plan, saved, { applianceId, restoreId: restore.id });
  const judged = await boundedMap(makings, LOOKS_AT_ONCE, async (making) => ({
    ...making,
    answer: await cloud.policies.denying(making.made),
  }));
  // What nobody could tell is in the plan already.
  const denied = policyProblems(judged).find(({ severity }) => severity === 'error');
  if (denied !== undefined) throw refusal(denied);
}

/** What is made anew is what was saved while none of our changes was open: with those it would be another machine. */
async function modelNow(ports: CutOverPorts, context: StepContext): Promise<SavedVm | null> {
  const { books, cloud } = ports;
  const { id } = context.restore;
  if ((await books.openChanges(id)).length > 0) return modelOf(ports, id, await recordOf(ports, id));
  return cloud.reader.savedVm(replacedBy(context).azureId);
}

function refusal({ code, message, fix }: ErrorDetails): PermanentError {
  return new PermanentError({ code, message, fix });
}
