import type { Problem, ProblemCode } from '../problems.js';
import { bootCheckOf, checkBootOptions } from './boot-check.js';
import type { PlanningFacts } from './facts.js';
import type { FoundProblems } from './found-problems.js';
import { checkNewRequest, checkOriginalRequest } from './original/options.js';
import { disksAlone } from './remedies.js';

/** Whether this point may be restored at all, and whether the request fits it and this version. */
export function checkSource(facts: PlanningFacts, problems: FoundProblems): void {
  const { point, machine, hostedByProvider } = facts;
  if (hostedByProvider) {
    problems.error(
      'REPOSITORY_HOSTED',
      `The repository "${point.repositoryName}" is hosted by a service provider, and Landfall does not restore from those.`,
      'Ask the provider for the restore, or copy the backup into a repository of your own.',
    );
  }
  if (point.level === 'file') {
    problems.error(
      'POINT_UNSUPPORTED',
      `The restore point ${point.id} holds files of "${point.machineName}" and no whole disks.`,
      'Choose a point of level computer or volume; single files are brought back with the backup program itself.',
    );
  } else if (point.disks.length === 0) {
    problems.error(
      'POINT_UNSUPPORTED',
      `The restore point ${point.id} of "${point.machineName}" holds no disk.`,
      'Choose another restore point; "./landfall point list" lists them.',
    );
  }
  if (point.kind === 'snapshot') {
    problems.error(
      'NOT_AVAILABLE',
      `The restore point ${point.id} is an Azure snapshot, which this version can't restore.`,
      'Choose an image-level restore point of the machine.',
    );
  }
  problems.take(point.problems);
  problems.take(machine.problems.map((problem) => asFarAsItMatters(problem, facts)));
  checkVolumeGroups(facts, problems);
  checkWhatStaysBehind(facts, problems);
}

/** Disks that are to become no VM need not start one: whoever asks for them knows where they go. */
const KEEPS_FROM_STARTING: readonly ProblemCode[] = ['ARCHITECTURE', 'SECTOR_SIZE'];

function asFarAsItMatters(problem: Problem, { request }: PlanningFacts): Problem {
  const matters = !request.disksOnly || !KEEPS_FROM_STARTING.includes(problem.code);
  return matters ? problem : { ...problem, severity: 'warning' };
}

/** Combinations of options that can't be met. */
export function checkRequest(facts: PlanningFacts, problems: FoundProblems): void {
  const { request } = facts;
  if (request.destination.kind === 'original') checkOriginalRequest(facts, problems);
  else checkNewRequest(facts, problems);
  checkBootOptions(facts, problems);
  if (request.disksOnly) warnOfIgnoredOptions(request, problems);
}

function warnOfIgnoredOptions(request: PlanningFacts['request'], problems: FoundProblems): void {
  const ignored = [
    request.destination.size === undefined ? null : '--size',
    request.destination.privateIp === undefined ? null : '--private-ip',
    bootCheckOf(request) === 'none' ? null : '--boot-check',
    request.isolated ? '--isolated' : null,
  ].filter((option) => option !== null);
  if (ignored.length === 0) return;
  problems.warning(
    'CONTRADICTION',
    `Only disks are wanted, so ${ignored.join(' and ')} ${ignored.length === 1 ? 'means' : 'mean'} nothing here.`,
    'Leave --disks-only out if a VM is wanted.',
  );
}

function checkVolumeGroups({ point, machine, request }: PlanningFacts, problems: FoundProblems): void {
  if (point.kind !== 'computer' || machine.volumeGroups.length === 0) return;
  const groups = machine.volumeGroups.map((group) => `"${group.name}"`).join(', ');
  const subject = `"${point.machineName}" uses LVM (${groups})`;
  if (request.disksOnly) {
    problems.warning(
      'LVM_UNSUPPORTED',
      `${subject}; its disks are restored as they were, with the volume groups inside.`,
      'Activate the volume groups on the machine that the disks get attached to.',
    );
    return;
  }
  problems.error(
    'LVM_UNSUPPORTED',
    `${subject}, and this version can't restore each volume group as a disk of its own.`,
    `Restore its disks as they are with ${disksAlone(request)}.`,
  );
}

/** What the manifest tells of the source VM that a new VM will not have. */
function checkWhatStaysBehind({ point, request }: PlanningFacts, problems: FoundProblems): void {
  if (request.disksOnly || request.destination.kind === 'original' || point.azure === undefined) return;
  const { nics, tags } = point.azure;
  if (Array.isArray(nics) && nics.length > 1) {
    problems.warning(
      'NOT_RESTORED',
      `"${point.machineName}" had ${nics.length} network interfaces; the new VM gets one.`,
      'Add the others to the VM after the restore.',
    );
  }
  if (typeof tags === 'object' && tags !== null && Object.keys(tags).length > 0) {
    problems.warning(
      'NOT_RESTORED',
      `The tags of "${point.machineName}" are not put on the new VM.`,
      'Set those that are needed after the restore.',
    );
  }
}
