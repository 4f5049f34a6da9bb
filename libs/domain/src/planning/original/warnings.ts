import type { PlanningFacts } from '../facts.js';
import type { FoundProblems } from '../found-problems.js';
import type { Exchange } from './exchange.js';
import type { LivingVm } from './living-vm.js';
import { patienceOf } from './options.js';
import { stopSeconds } from './outage.js';

/*
 * What whoever approves a restore to the original place has to have read: what is lost, what stays as it is, and what Azure
 * gives no machine that is made anew.
 */

/** How long what a machine was is kept in snapshots once the restore that has replaced it has ended. */
export const SAFETY_DAYS = 7;

export function warnOfReplacement(
  source: LivingVm,
  exchange: Exchange,
  facts: PlanningFacts,
  problems: FoundProblems,
): void {
  const { point } = facts;
  problems.warning(
    'CUT_OVER',
    `What was written to the replaced disks of "${source.name}" since ${point.takenAt.toISOString()} will be only in the safety snapshots, and those are kept for ${SAFETY_DAYS} days after the restore.`,
    'Save what is needed of it elsewhere before the restore is approved.',
  );
  warnOfStop(source, facts, problems);
  warnOfHaste(source, facts, problems);
  warnOfKept(source, exchange, facts, problems);
  warnOfAdditional(source, exchange, facts, problems);
  warnOfUnguarded(source, exchange, problems);
  warnOfLosses(source, problems);
}

function warnOfStop({ name, powerState }: LivingVm, { request }: PlanningFacts, problems: FoundProblems): void {
  const isDown = powerState === 'deallocated';
  if (!isDown) {
    problems.warning(
      'CUT_OVER',
      `What is on the temporary disk of "${name}", if it has one, is lost once it is deallocated, also if the restore is cancelled after that.`,
      'Save what is needed of it elsewhere; a page file is no loss.',
    );
  }
  problems.warning(
    'CUT_OVER',
    `${foundAs(name, powerState)} The restored machine is ${request.powerOn ? 'started' : 'left deallocated'}.`,
    request.powerOn
      ? 'Give --no-power-on if the restored machine is to be left deallocated.'
      : 'Leave --no-power-on out if the restored machine is to run.',
  );
}

function warnOfHaste({ name, powerState, disks }: LivingVm, { request }: PlanningFacts, problems: FoundProblems): void {
  const { maxStopSeconds } = patienceOf(request);
  const needed = stopSeconds(powerState, disks.length);
  if (needed <= maxStopSeconds) return;
  problems.warning(
    'CUT_OVER',
    `By the estimate "${name}" stands still for ${Math.ceil(needed)} seconds before anything of it is removed, and may do so for ${maxStopSeconds}: it would be kept.`,
    'Give a longer --max-stop.',
  );
}

function foundAs(name: string, powerState: string | null): string {
  const unlessReplaced = 'where the restore ends without having replaced it';
  if (powerState === 'deallocated') return `"${name}" is deallocated, and is left so ${unlessReplaced}.`;
  if (powerState === 'stopped') {
    return `"${name}" is stopped and still has its host: it is deallocated, and is left so ${unlessReplaced}.`;
  }
  return `"${name}" is ${powerState ?? 'in an unknown state'}: it is deallocated before anything is removed, and started again ${unlessReplaced}.`;
}

function warnOfKept({ name }: LivingVm, { kept }: Exchange, { point }: PlanningFacts, problems: FoundProblems): void {
  for (const disk of kept) {
    if (disk.lun === null) continue;
    problems.warning(
      'NOT_RESTORED',
      `The disk "${disk.name}" at LUN ${disk.lun} of "${name}" is not restored: it stays as it is, and is attached again.`,
      `Check that it goes with the state of ${point.takenAt.toISOString()} that the others get.`,
    );
  }
}

function warnOfAdditional(
  { name }: LivingVm,
  { additional }: Exchange,
  { target }: PlanningFacts,
  problems: FoundProblems,
): void {
  for (const [disk, model] of additional) {
    const former = target.original?.formerDisks.find(
      ({ uniqueId }) => model?.uniqueId?.toLowerCase() === uniqueId.toLowerCase(),
    );
    const where =
      former === undefined
        ? ''
        : ` Its original "${former.name}" still exists, ${former.managedBy === null ? 'unattached' : `attached to "${former.managedBy.split('/').at(-1)}"`}, and is left alone.`;
    problems.warning(
      'CUT_OVER',
      `The disk "${disk.name}" of the restore point replaces none that "${name}" has, and comes as one more.${where}`,
      `Leave it out with --exclude-disk ${disk.name} if it is not wanted.`,
    );
  }
}

/** New disks are made with Azure's own key, and with the access that Azure gives a disk unless told otherwise. */
function warnOfUnguarded({ name }: LivingVm, { replaced }: Exchange, problems: FoundProblems): void {
  for (const disk of replaced.values()) {
    const lost = [
      ...(disk.hasOwnKey ? ['the key of its disk encryption set'] : []),
      ...(disk.isShielded ? ['what keeps networks from exporting it'] : []),
    ];
    if (lost.length === 0) continue;
    problems.warning(
      'NOT_RESTORED',
      `The disk "${disk.name}" of "${name}" has what its new one will not have: ${lost.join(' and ')}.`,
      'Set it again after the restore (az disk update), or restore with --to new where no disk may be without.',
    );
  }
}

/** As `libs/azure` makes a VM anew. */
function warnOfLosses({ name, hasOsProfile, extensions, ownPrincipalId }: LivingVm, problems: FoundProblems): void {
  if (hasOsProfile) {
    problems.warning(
      'NOT_RESTORED',
      `Azure takes no OS profile of a VM around a restored disk: "${name}" loses its patch settings, the certificates that it has from key vaults, and its custom data.`,
      'Note what is needed of them; accounts and settings inside the system come back with its disk.',
    );
  }
  if (extensions.length > 0) {
    problems.warning(
      'NOT_RESTORED',
      `Azure shows nobody the protected settings of extensions, so that those of "${name}" that have some can't be made anew: ${extensions.map((each) => `"${each}"`).join(', ')}.`,
      'Have their settings at hand, and install them again after the restore.',
    );
  }
  if (ownPrincipalId !== null) {
    problems.warning(
      'NOT_RESTORED',
      `The system-assigned identity of "${name}" goes with it: the new one has none of its role assignments.`,
      `Note them before the restore (az role assignment list --all --assignee ${ownPrincipalId === '' ? 'PRINCIPAL' : ownPrincipalId}), and give them to the new identity after it.`,
    );
  }
}
