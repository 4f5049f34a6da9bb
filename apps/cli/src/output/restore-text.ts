import type { EventView, RestoreView } from '@landfall/contract';
import { hasSettled } from '../stack/views.js';
import { damageText, type ToldDamage } from './damage-text.js';
import { problemsText } from './plan-text.js';
import { formatTable, tableOr } from './table.js';
import { formatBytes, formatDuration, formatTime } from './units.js';

/** @param damage of one that has failed with it */
export function restoreText(restore: RestoreView, damage: ToldDamage | null = null): string {
  const sections = [
    formatTable(
      ['Restore', restore.id],
      [
        ['state', stateOf(restore)],
        ['point', [restore.restorePoint.id, restore.restorePoint.machine].filter(Boolean).join(', ')],
        ['to', destinationOf(restore)],
        ['requested', `${formatTime(restore.createdAt)} by ${restore.requestedBy}`],
        ...(restore.endedAt === null ? [] : [['ended', formatTime(restore.endedAt)]]),
        ...(restore.vm === null ? [] : [['VM', restore.vm.azureId]]),
      ],
    ),
  ];
  if (restore.steps.length > 0) {
    sections.push(
      `Steps\n${formatTable(
        ['  #', 'step', 'state', 'time', 'retries'],
        restore.steps.map((step) => [`  ${step.number}`, step.id, step.state, stepTime(step), retriesOf(step)]),
      )}`,
    );
  }
  if (restore.disks.length > 0) {
    sections.push(
      `Disks\n${formatTable(
        ['  name', 'role', 'LUN', 'done', 'of', 'empty', 'Azure disk'],
        restore.disks.map((disk) => [
          `  ${disk.name}`,
          disk.role,
          disk.lun === null ? '-' : `${disk.lun}`,
          formatBytes(disk.bytesDone),
          formatBytes(disk.bytesTotal),
          formatBytes(Math.max(0, disk.sizeBytes - disk.bytesTotal)),
          azureDiskOf(restore, disk),
        ]),
      )}`,
    );
  }
  if (restore.fidelity.length > 0) sections.push(`Other than it was\n${fidelityText(restore.fidelity)}`);
  if (restore.problems.length > 0) sections.push(`Problems\n${problemsText(restore.problems)}`);
  if (restore.error !== null) {
    const { code, message, fix } = restore.error;
    const below = damage === null ? '' : `\n${damageText(damage)}`;
    sections.push(`Error\n  ${code}: ${message}\n    ${fix}${indented(waysOut(restore))}${below}`);
  }
  return sections.join('\n\n');
}

export function restoresText(restores: readonly RestoreView[]): string {
  return tableOr(
    'There are no restores yet.',
    ['ID', 'STATE', 'POINT', 'TO', 'STEP', 'REQUESTED'],
    restores.map((restore) => [
      restore.id,
      stateOf(restore),
      restore.restorePoint.id,
      destinationOf(restore),
      hasSettled(restore) && restore.error === null ? '-' : (currentStep(restore)?.id ?? '-'),
      formatTime(restore.createdAt),
    ]),
  );
}

export function eventsText(events: readonly EventView[]): string {
  return events.map((event) => `${formatTime(event.at)}  ${event.type.padEnd(20)}  ${event.message}`).join('\n');
}

/** What a person may ask for of a restore that waits for one; null where none is waited for. */
export function waysOut({ id, state, destination }: RestoreView): string | null {
  if (state === 'awaiting-approval')
    return `"./landfall approve ${id}" lets it go on, "./landfall cancel ${id}" ends it.`;
  if (state !== 'needs-attention') return null;
  const back = destination.kind === 'original' ? ', and brings back the machine that it replaces' : '';
  return `Then "./landfall resume ${id}" goes on with it; "./landfall rollback ${id}" takes away what it has created${back}.`;
}

/** What is the same for the same reason stands together. */
function fidelityText(differences: RestoreView['fidelity']): string {
  const reasons = [...new Set(differences.map(({ why }) => why))];
  return reasons
    .map((reason) => {
      const lines = differences
        .filter(({ why }) => why === reason)
        .map(({ path, before, after }) => `    ${path}: ${before ?? 'nothing shown'} → ${after ?? 'nothing shown'}`);
      return [`  ${reason}`, ...lines].join('\n');
    })
    .join('\n');
}

function indented(line: string | null): string {
  return line === null ? '' : `\n    ${line}`;
}

/** The step that is under way or that it stopped at; between two steps, the one to come. */
export function currentStep({ steps }: RestoreView): RestoreView['steps'][number] | undefined {
  return (
    steps.find((step) => step.state === 'running' || step.state === 'failed') ??
    steps.find((step) => step.state === 'pending')
  );
}

/** One that was completed says so with what was found out about a disk of it since. */
function stateOf({ state, error }: RestoreView): string {
  return state === 'completed' && error !== null ? `${state}, ${error.code}` : state;
}

/** The ID that a disk had is of no use once it was taken away. */
function azureDiskOf({ state }: RestoreView, { azureId }: RestoreView['disks'][number]): string {
  if (azureId === null) return '-';
  return ['failed', 'cancelled', 'rolled-back'].includes(state) ? 'removed' : azureId;
}

/** Each attempt that failed was followed by another one, but the last of a step that has failed. */
function retriesOf({ state, attempts }: RestoreView['steps'][number]): number {
  return state === 'failed' ? Math.max(0, attempts - 1) : attempts;
}

function destinationOf({ destination }: RestoreView): string {
  const name = destination.vmName ?? destination.name;
  return [name ?? 'disks', destination.resourceGroup].filter(Boolean).join(' in ');
}

function stepTime({ startedAt, endedAt }: RestoreView['steps'][number]): string {
  if (startedAt === null || endedAt === null) return '-';
  return formatDuration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000);
}
