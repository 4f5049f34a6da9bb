import type { RestoreView } from '@landfall/contract';
import { stepOf, stepsShown, type Restore } from '@landfall/domain';
import { SETTLED } from '@landfall/pipeline';

/** A restore as the API shows it. */
export function viewOfRestore(restore: Restore): RestoreView {
  return {
    id: restore.id,
    state: restore.state,
    restorePoint: restore.plan?.restorePoint ?? { id: restore.request.restorePointId },
    destination: restore.plan?.destination ?? restore.request.destination,
    planHash: restore.plan?.planHash ?? null,
    steps: stepsShown(restore).map(({ number, id, state, startedAt, endedAt, attempts }) => ({
      number,
      id,
      state,
      startedAt: startedAt?.toISOString() ?? null,
      endedAt: endedAt?.toISOString() ?? null,
      attempts,
    })),
    disks: restore.disks.map(({ name, from, role, lun, azureId, bytesTotal, bytesDone }) => ({
      name,
      from,
      role,
      lun,
      azureId,
      sizeBytes: restore.plan?.disks.find((planned) => planned.name === name)?.sizeBytes ?? 0,
      bytesTotal,
      bytesDone,
    })),
    vm: restore.vmAzureId === null ? null : { azureId: restore.vmAzureId },
    fidelity: restore.state === 'completed' ? fidelityOf(restore) : [],
    problems: [...restore.problems],
    error: restore.error,
    requestedBy: restore.requestedBy,
    createdAt: restore.createdAt.toISOString(),
    endedAt: restore.endedAt?.toISOString() ?? null,
  };
}

/** Of one that was rolled back nothing stands any more that could differ. */
function fidelityOf(restore: Restore): RestoreView['fidelity'] {
  return SETTLED.safeParse(stepOf(restore, 'remove-staging-resource-group')?.output).data?.fidelity ?? [];
}
