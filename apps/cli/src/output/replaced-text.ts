import type { PlanView } from '@landfall/contract';
import { formatTable } from './table.js';
import { formatDuration } from './units.js';

/** What a restore to the original place does to the machine there; nothing where none is replaced. */
export function replacedText({ source }: Pick<PlanView, 'source'>): readonly string[] {
  if (source === undefined) return [];
  const { azureId, instanceId, powerState, disks, nicIds, addressIds } = source;
  const staying = [
    ...(nicIds.length === 0 ? [] : [['  network interfaces', nicIds.map(nameOf).join(', ')]]),
    ...(addressIds.length === 0 ? [] : [['  public addresses', addressIds.map(nameOf).join(', ')]]),
  ];
  return [
    `Replaces\n  ${azureId}\n  vmId ${instanceId}, ${powerState ?? 'in an unknown state'}`,
    `Its disks\n${formatTable(
      ['  name', 'LUN', 'what becomes of it'],
      disks.map(({ azureId: id, lun, replacedBy }) => [
        `  ${nameOf(id)}`,
        lun === null ? '-' : `${lun}`,
        replacedBy === null ? 'kept, and attached again' : `removed; ${replacedBy} takes its place`,
      ]),
    )}`,
    ...(staying.length === 0 ? [] : [`Stays and is attached again\n${formatTable(staying[0]!, staying.slice(1))}`]),
  ];
}

/** For how long it is gone, and who has to agree before that. */
export function cutOverText({ source, estimates, options }: PlanView): readonly string[] {
  if (source === undefined) return [];
  const { maxStopSeconds, waitDays } = options;
  return [
    [
      'Cut-over',
      ...(estimates.outageSeconds === undefined
        ? []
        : [`  the machine is gone for about ${formatDuration(estimates.outageSeconds)}`]),
      ...(maxStopSeconds === undefined
        ? []
        : [
            `  it may stand still for ${formatDuration(maxStopSeconds)} before anything of it is removed, or else it is kept`,
          ]),
      `  it is not stopped before somebody has approved this plan (./landfall approve ID)${
        waitDays === undefined ? '' : `, which is waited for ${waitDays === 1 ? 'a day' : `${waitDays} days`}`
      }`,
    ].join('\n'),
  ];
}

function nameOf(azureId: string): string {
  return azureId.split('/').at(-1) ?? azureId;
}
