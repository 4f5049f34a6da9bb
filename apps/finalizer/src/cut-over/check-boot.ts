import {
  bootCopyName,
  diskCopyName,
  ownerTags,
  PermanentError,
  vmShortage,
  workingGroupOf,
  type CloudVm,
  type DiskAttachment,
  type PlannedDisk,
  type ResourceRole,
} from '@landfall/domain';
import { boundedMap, removeOwned, type StepContext, type StepHandler } from '@landfall/pipeline';
import { requireBooted, type BootWish } from '../steps/boot-check.js';
import { diskIdOf } from '../steps/restored-disks.js';
import { requireActions, requireSource } from './checks.js';
import { isLastTry, spentOn } from './last-try.js';
import { replacedBy, type CutOverPorts } from './ports.js';

/*
 * Whether the restored disks boot, before anything of the machine is touched that they are to replace, and before anybody has to
 * approve that:
 *
 *   room      quota and rights, for one more machine of that size
 *   copies    of the restored disks, made by Azure, in a network that leads nowhere; the disks themselves stay as they were verified
 *   boot      in the words of the machine that is replaced, without what would act on the world
 *   removal   of all that, whatever came of it
 *
 * All that is made lies in the staging group, is a help in the ledger, and so goes with every other way out, too. A refusal leaves the
 * written disks and asks for a person; a resumption boots new copies, and writes nothing.
 */
const COPIES_AT_ONCE = 4;

/** What is asked of Azure in the staging group, beside what every restore to there asks. */
const ACTIONS = [
  'Microsoft.Compute/disks/write',
  'Microsoft.Compute/disks/delete',
  'Microsoft.Compute/virtualMachines/write',
  'Microsoft.Compute/virtualMachines/delete',
  'Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action',
  'Microsoft.Network/networkInterfaces/write',
  'Microsoft.Network/networkInterfaces/delete',
  'Microsoft.Network/networkSecurityGroups/write',
  'Microsoft.Network/networkSecurityGroups/delete',
  'Microsoft.Network/virtualNetworks/write',
  'Microsoft.Network/virtualNetworks/delete',
];

const ROLES: readonly string[] = ['copy', 'copy-disk', 'copy-nic', 'isolated-network'] satisfies ResourceRole[];

export function checkBoot(ports: CutOverPorts): StepHandler<'check-boot'> {
  return async (context) => {
    const { bootCheck, bootPattern } = context.plan.options;
    if (bootCheck === 'none') return { kind: 'done', output: {} };
    const wish = { bootCheck, ...(bootPattern === undefined ? {} : { bootPattern }) };
    const refusal =
      spentOn(context, 'check-boot') ?? (await refusalOf(context, () => bootCopies(ports, context, wish)));
    // What can't be removed for good is as much for a person; anything else is tried for as long as it takes.
    const left = await removeCopies(ports, context).then(
      () => null,
      (error: unknown) => permanentOf(context, error),
    );
    const error = refusal ?? left;
    if (error !== null) return { kind: 'exhausted', error };
    const proof = bootCheck === 'serial' ? 'say on their serial console that they have booted' : 'run';
    await context.event('boot.checked', `Copies of the restored disks ${proof}; they are removed again.`, {
      bootCheck,
    });
    return { kind: 'done', output: {} };
  };
}

/** Why it can't be done, for a person. Null: it is done. @throws what is tried again */
async function refusalOf(context: StepContext, work: () => Promise<void>): Promise<unknown> {
  try {
    await work();
    return null;
  } catch (error) {
    if (context.signal.aborted || !isLastTry(context, 'check-boot', error)) throw error;
    return error;
  }
}

function permanentOf({ signal }: StepContext, error: unknown): unknown {
  if (signal.aborted || !(error instanceof PermanentError)) throw error;
  return error;
}

async function bootCopies(ports: CutOverPorts, context: StepContext, wish: BootWish): Promise<void> {
  await requireSource(ports, context);
  const vmId = ports.cloud.reader.vmId(
    workingGroupOf(context.plan, context.restore.id),
    bootCopyName(context.restore.id),
  );
  // One that stands has room, and counts itself in the quota.
  if ((await ports.cloud.reader.vm(vmId)) === null) await requireRoom(ports, context);
  await makeCopy(ports, context);
  await requireBooted(ports, context, vmId, wish);
}

async function requireRoom({ cloud }: CutOverPorts, { restore, plan }: StepContext): Promise<void> {
  const { region, size: name } = plan.destination;
  await requireActions(cloud, workingGroupOf(plan, restore.id), ACTIONS);
  const size = (await cloud.reader.sizes(region)).find((each) => each.name === name);
  if (size === undefined) return;
  const shortage = vmShortage(await cloud.reader.usages(region), size, plan.disks);
  if (shortage === '') return;
  throw new PermanentError({
    code: 'QUOTA',
    message: `The quota of ${region} does not allow copies of the restored disks to be booted: ${shortage}.`,
    fix: 'Ask for more quota, and resume the restore; or cancel it, and plan it with --boot-check none.',
  });
}

async function makeCopy({ cloud, applianceId }: CutOverPorts, context: StepContext): Promise<CloudVm> {
  const { restore, plan, journal, signal } = context;
  const { azureId } = replacedBy(context);
  const name = bootCopyName(restore.id);
  const { region, zone } = plan.destination;
  const help = (own: string, role: ResourceRole) => ({
    ...{ name: own, role, purpose: 'help' as const, region, resourceGroup: workingGroupOf(plan, restore.id) },
    tags: ownerTags(applianceId, restore.id, role),
  });
  const saved = await cloud.reader.savedVm(azureId);
  if (saved === null) throw gone(azureId);
  const { azureId: subnetId } = await cloud.network.ensureIsolated(
    help(`${name}-net`, 'isolated-network'),
    journal,
    signal,
  );
  const nic = await cloud.network.ensureNic(
    { ...help(`${name}-nic`, 'copy-nic'), zone, subnetId, privateIp: null },
    journal,
    signal,
  );
  const copies = await boundedMap(
    plan.disks.map((disk, place) => ({ disk, place })),
    COPIES_AT_ONCE,
    async ({ disk, place }) => {
      const copyName = diskCopyName(restore.id, place);
      const wanted = { zone, sku: disk.sku, sourceDiskId: diskIdOf(restore, disk.name) };
      const copy = await cloud.disks.ensureCopy({ ...help(copyName, 'copy-disk'), ...wanted }, journal, signal);
      return { disk, diskId: copy.azureId };
    },
  );
  return cloud.machines.ensureCopy(
    { ...help(name, 'copy'), saved, nicId: nic.azureId, ...attachedTo(copies, restore.id) },
    journal,
    signal,
  );
}

interface Copy {
  readonly disk: PlannedDisk;
  readonly diskId: string;
}

function attachedTo(
  copies: readonly Copy[],
  restoreId: string,
): { readonly osDiskId: string; readonly dataDisks: readonly DiskAttachment[] } {
  const osDisk = copies.find(({ disk }) => disk.role === 'os');
  if (osDisk === undefined) throw new Error(`Restore ${restoreId} has no OS disk.`);
  const dataDisks = copies.flatMap(({ diskId, disk: { role, lun, caching } }) =>
    role === 'data' && lun !== null ? [{ diskId, lun, caching }] : [],
  );
  return { osDiskId: osDisk.diskId, dataDisks };
}

async function removeCopies(ports: CutOverPorts, { restore, journal, signal }: StepContext): Promise<void> {
  const ledger = await ports.books.ledger(restore.id);
  const copies = ledger.filter(({ role, purpose, state }) => {
    return purpose === 'help' && state !== 'removed' && ROLES.includes(role);
  });
  await removeOwned(ports, copies, journal, signal);
}

function gone(azureId: string): PermanentError {
  return new PermanentError({
    code: 'SOURCE_CHANGED',
    message: `The machine ${azureId} that is to be replaced is gone.`,
    fix: 'Find out who removed it in the activity log; cancel the restore, and plan it again.',
  });
}
