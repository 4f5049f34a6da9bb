import type { PointView } from '@landfall/contract';
import type { DiskRole, RestorePoint } from '@landfall/domain';

/** A restore point as the API shows it: nothing of where its images lie in the repository. */
export function viewOfPoint(point: RestorePoint, repositoryIsHosted: boolean): PointView {
  const roles = rolesOf(point);
  return {
    id: point.id,
    machine: point.machineName,
    machineId: point.machineId,
    repository: point.repositoryName,
    reference: point.reference,
    takenAt: point.takenAt.toISOString(),
    kind: point.kind,
    level: point.level,
    os: point.os ?? null,
    firmware: point.firmware ?? null,
    hasManifest: point.hasManifest,
    disks: point.disks.map((disk, index) => ({
      name: disk.name,
      role: roles[index] ?? 'data',
      lun: disk.lun ?? null,
      sizeBytes: disk.sizeBytes,
      origin: disk.origin === undefined ? null : { ...disk.origin, tags: [...disk.origin.tags] },
    })),
    restorable:
      point.level !== 'file' &&
      point.disks.length > 0 &&
      !repositoryIsHosted &&
      !point.problems.some((problem) => problem.severity === 'error'),
    problems: [...point.problems],
  };
}

/** The manifest's roles; where it names no OS disk the first one without a role is it. */
function rolesOf(point: RestorePoint): DiskRole[] {
  const named = point.disks.some((disk) => disk.role === 'os');
  const first = named ? -1 : point.disks.findIndex((disk) => disk.role === undefined);
  return point.disks.map((disk, index) => disk.role ?? (index === first ? 'os' : 'data'));
}
