import type { PlanView } from '@landfall/contract';
import type { Problem } from '@landfall/domain';
import { originsText } from './origins-text.js';
import { cutOverText, replacedText } from './replaced-text.js';
import { formatTable } from './table.js';
import { formatBytes, formatDuration, formatTime } from './units.js';

export function planText(plan: PlanView): string {
  const { restorePoint: point, destination, estimates } = plan;
  const sections = [
    formatTable(
      ['Restore', point.machine],
      [
        ['point', `${point.id}, taken ${formatTime(point.takenAt)}, repository ${point.repository}`],
        ['to', destinationText(destination)],
        ...(destination.stagingResourceGroup === undefined
          ? []
          : [['by way of', `resource group ${destination.stagingResourceGroup}-ID, with the restore's ID`]]),
        ...(destination.size === null ? [] : [['size', destination.size]]),
        ...(plan.generation === null ? [] : [['generation', `${plan.generation}`]]),
        ...(plan.options.isolated
          ? [['network', 'one of its own that leads nowhere, which stays with the machine']]
          : []),
        ...(destination.subnetId === null || plan.options.isolated ? [] : [['subnet', destination.subnetId]]),
        ['boot check', bootCheckText(plan)],
      ],
    ),
    ...replacedText(plan),
    `Disks\n${formatTable(
      ['  name', 'role', 'LUN', 'size', 'used', 'SKU', 'from'],
      plan.disks.map((disk) => [
        `  ${disk.name}`,
        disk.role,
        disk.lun === null ? '-' : `${disk.lun}`,
        formatBytes(disk.sizeBytes),
        formatBytes(disk.usedBytes),
        disk.sku,
        disk.removableAfterwards ? `${disk.from} (can be removed afterwards)` : disk.from,
      ]),
    )}`,
    ...originsText(plan.disks),
    `Steps\n${formatTable(
      ['  #', 'step', 'why'],
      plan.steps.map((step) => [`  ${step.number}`, step.applies ? step.id : `- ${step.id}`, step.why]),
    )}`,
  ];
  if (plan.workers.length > 0) {
    sections.push(
      `Workers\n${plan.workers.map((worker) => `  ${worker.size}: ${worker.disks.join(', ')}`).join('\n')}`,
    );
  }
  sections.push(
    `Estimates\n  reads ${formatBytes(estimates.readBytes)}, writes ${formatBytes(estimates.writeBytes)} in about ${formatDuration(estimates.transferSeconds)}`,
  );
  sections.push(...retrievalText(plan), ...cutOverText(plan));
  if (plan.problems.length > 0) sections.push(`Problems\n${problemsText(plan.problems)}`);
  const refused = plan.problems.some((problem) => problem.severity === 'error');
  sections.push(
    refused ? 'This restore is refused until its errors are solved.' : `This restore can be made. ${plan.planHash}`,
  );
  return sections.join('\n\n');
}

export function problemsText(problems: readonly Problem[]): string {
  return [...problems]
    .sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'))
    .map(({ severity, code, message, fix }) => `  ${severity} ${code}: ${message}\n    ${fix}`)
    .join('\n');
}

function retrievalText({ retrieval, estimates: { retrievalFee } }: PlanView): readonly string[] {
  if (retrieval === undefined) return [];
  const { objects, bytes, priority, hours, keepHours } = retrieval;
  const fee =
    retrievalFee === undefined || retrievalFee === null
      ? 'not known (no prices are configured)'
      : `${retrievalFee.amount.toFixed(2)} ${retrievalFee.currency}, by prices of ${retrievalFee.asOf}`;
  return [
    `Archive\n  copies ${objects} file(s), ${formatBytes(bytes)}, out of the archive tier; ${priority} priority: within ${hours} h; kept for ${keepHours} h after the end\n  fee: ${fee}`,
  ];
}

/** Part of what is approved, so that it is told where there is none, too. */
export function bootCheckText({ source, options: { bootCheck, bootPattern, disksOnly } }: PlanView): string {
  if (bootCheck === 'none' || disksOnly) return 'none';
  const whose = source === undefined ? 'the machine' : 'copies of the new disks, before the machine is stopped';
  if (bootCheck === 'running') return `${whose}: running, as Azure reports it`;
  return `${whose}: the serial console shows ${bootPattern === undefined ? 'a prompt' : `"${bootPattern}"`}`;
}

function destinationText(destination: PlanView['destination']): string {
  const place = `resource group ${destination.resourceGroup}, ${destination.region}`;
  const zone = destination.zone === null ? '' : `, zone ${destination.zone}`;
  const what = destination.vmName === null ? 'disks only' : `VM ${destination.vmName}`;
  return `${what} (${destination.kind} location), ${place}${zone}`;
}
