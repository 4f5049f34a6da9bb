import { sameId } from '../../cloud/kinds.js';
import type { RestorePoint } from '../../machine.js';
import { azureModel, type VmIdentity } from '../azure-model.js';
import type { PlanningFacts, PlanningSettings } from '../facts.js';
import { textAt } from '../foreign-json.js';
import type { FoundProblems } from '../found-problems.js';
import { lockedProblems } from './locks.js';
import { livingVm, type LivingVm } from './living-vm.js';

/*
 * Which machine is replaced. What names it is the point's manifest, which anybody may have written: so the VM has to lie in the
 * subscription of this installation, and to be the very one that was backed up, by Azure's own number for it.
 */

/** The VM that Azure has to be asked for; null where the point gives none that may be asked for. */
export function originalVm(point: RestorePoint, { subscriptionId }: PlanningSettings): VmIdentity | null {
  const { vm } = azureModel(point);
  return vm !== null && isSame(vm.subscriptionId, subscriptionId) ? vm : null;
}

const DISK_ID =
  /^\/subscriptions\/([\w-]{1,64})\/resourceGroups\/[^/?#]+\/providers\/Microsoft\.Compute\/disks\/[\w.-]{1,80}$/i;

/** Of the data disks that the machine had when it was backed up, those that Azure may be asked for. */
export function originalDiskIds(point: RestorePoint, { subscriptionId }: PlanningSettings): readonly string[] {
  const ids = azureModel(point).dataDisks.map(({ azureId }) => azureId);
  return [...new Set(ids)].filter((id) => isSame(DISK_ID.exec(id)?.[1] ?? null, subscriptionId));
}

/** Null where nobody can say which machine it is; an error then says why. */
export function decideSource(facts: PlanningFacts, problems: FoundProblems): LivingVm | null {
  const { point, settings, target } = facts;
  const { instanceId } = azureModel(point);
  if (!isNamed(facts, problems)) return null;
  const vm = target.original?.vm ?? null;
  const saved = target.original?.saved ?? null;
  if (vm === null || saved === null || isGoing(vm) || isGoing(target.resourceGroup)) {
    problems.error(
      'SOURCE_MISSING',
      `The VM that "${point.machineName}" was is gone: ${describe(originalVm(point, settings))}.`,
      'Restore with --to new, under its name and into its resource group if it is to be found there.',
    );
    return null;
  }
  const source = livingVm(vm, saved);
  if (!isSame(source.instanceId, instanceId) || !isSame(textAt(saved.vm.body, 'properties', 'vmId'), instanceId)) {
    problems.error(
      'SOURCE_CHANGED',
      `The VM "${vm.name}" is another one than the restore point ${point.id} was made of: its vmId is ${source.instanceId}, and was ${instanceId}.`,
      'Restore with --to new; somebody has made the VM anew under its name, and may need what is on it.',
    );
    return null;
  }
  checkSourceVm(source, facts, problems);
  for (const id of target.original?.otherRestores ?? []) {
    problems.error(
      'CONTRADICTION',
      `Restore ${id} replaces "${source.name}" already, and has not ended.`,
      `Let it end, or cancel it: landfall cancel ${id}.`,
    );
  }
  problems.take(lockedProblems(target.original?.locks ?? [], source));
  return source;
}

function isNamed({ point, settings }: PlanningFacts, problems: FoundProblems): boolean {
  const { vm, instanceId } = azureModel(point);
  if (vm === null || instanceId === null) {
    problems.error(
      'SOURCE_MISSING',
      point.azure === undefined
        ? `The restore point ${point.id} does not say which Azure VM it was made of, so nobody can tell what to replace.`
        : `What the restore point ${point.id} says of its Azure VM is not the full ID of a VM and its vmId, so nobody can tell what to replace.`,
      'Restore with --to new.',
    );
    return false;
  }
  if (isSame(vm.subscriptionId, settings.subscriptionId)) return true;
  problems.error(
    'CONTRADICTION',
    `The restore point ${point.id} was made of a VM in subscription ${vm.subscriptionId}, and this installation works in ${settings.subscriptionId}.`,
    'Restore with --to new, or by the installation that works in that subscription.',
  );
  return false;
}

/** What it is, and can't be replaced as. */
function checkSourceVm(source: LivingVm, { settings }: PlanningFacts, problems: FoundProblems): void {
  const { name } = source;
  const toNew = 'Restore with --to new.';
  if (isSame(source.instanceId, settings.applianceId)) {
    problems.error(
      'CONTRADICTION',
      `Landfall itself runs on "${name}", and can't replace the VM that it runs on.`,
      toNew,
    );
  }
  if (source.securityType !== null) {
    const what = source.securityType === 'TrustedLaunch' ? 'a Trusted Launch VM' : 'a confidential VM';
    problems.error(
      'SECURITY_TYPE',
      `"${name}" is ${what}, and this version can't make the disks that such a VM needs.`,
      toNew,
    );
  }
  if (source.scaleSetId !== null) {
    problems.error('CONTRADICTION', `"${name}" belongs to a scale set, which may replace it by itself.`, toNew);
  }
  if (source.hasEphemeralOsDisk) {
    problems.error('CONTRADICTION', `"${name}" has its OS disk on its host, where no restored one can be put.`, toNew);
  } else if (source.hasUnmanagedDisks) {
    problems.error('CONTRADICTION', `"${name}" has disks that are blobs and no managed disks.`, toNew);
  }
  for (const disk of source.disks) {
    if (disk.isShared) {
      problems.error(
        'CONTRADICTION',
        `The disk "${disk.name}" of "${name}" is a shared one, which other VMs may write meanwhile.`,
        `Restore with --to new, or detach it from "${name}" first.`,
      );
    }
    if (disk.uniqueId === '') {
      problems.error(
        'SOURCE_MISSING',
        `Azure does not show the uniqueId of the disk "${disk.name}" of "${name}", so nobody could tell it from another one.`,
        'Plan again; restore with --to new if it stays so.',
      );
    }
  }
}

function isGoing(resource: { readonly provisioningState: string } | null): boolean {
  return resource?.provisioningState.toLowerCase() === 'deleting';
}

function describe(vm: VmIdentity | null): string {
  return vm === null ? 'it is not known which' : `there is no "${vm.name}" in the resource group "${vm.resourceGroup}"`;
}

/** Azure does not mind the case of ids. */
function isSame(left: string | null, right: string | null): boolean {
  return left !== null && right !== null && sameId(left, right);
}
