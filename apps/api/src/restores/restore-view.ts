import {
  stepsOf,
  type ErrorDetails,
  type Problem,
  type Restore,
  type RestoredDisk,
  type RestoreState,
  type StepId,
  type WorkState,
} from '@landfall/domain';

/** A restore as the API shows it. */
export interface RestoreView {
  readonly id: string;
  readonly state: RestoreState;
  /** As planned; before there is a plan just its id. */
  readonly restorePoint: object;
  /** As planned; before there is a plan as it was asked for. */
  readonly destination: object;
  readonly planHash: string | null;
  readonly steps: readonly {
    number: number;
    id: StepId;
    state: WorkState;
    startedAt: Date | null;
    endedAt: Date | null;
    attempts: number;
  }[];
  readonly disks: readonly RestoredDisk[];
  readonly vm: { azureId: string } | null;
  readonly problems: readonly Problem[];
  readonly error: ErrorDetails | null;
  readonly requestedBy: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

export function viewOfRestore(restore: Restore): RestoreView {
  return {
    id: restore.id,
    state: restore.state,
    restorePoint: restore.plan?.restorePoint ?? { id: restore.request.restorePointId },
    destination: restore.plan?.destination ?? restore.request.destination,
    planHash: restore.plan?.planHash ?? null,
    steps: stepsOf(restore).map(({ number, id, state, startedAt, endedAt, attempts }) => ({
      number,
      id,
      state,
      startedAt,
      endedAt,
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
    problems: restore.problems,
    error: restore.error,
    requestedBy: restore.requestedBy,
    createdAt: restore.createdAt,
    endedAt: restore.endedAt,
  };
}
