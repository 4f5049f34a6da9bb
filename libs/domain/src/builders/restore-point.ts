import { restorePointId, type PointDisk, type RestorePoint } from '../index.js';

export const GIB = 1024 ** 3;

/** A disk of 10 GiB of which a manifest says nothing. */
export function aPointDisk(changes: Partial<PointDisk> = {}): PointDisk {
  const name = changes.name ?? 'sda';
  return { name, location: `snapshot-1/${name}.raw`, sizeBytes: 10 * GIB, ...changes };
}

/** An image-level point of the machine `web` with one disk, as a plain backup without a manifest gives it. */
export function aRestorePoint(changes: Partial<RestorePoint> = {}): RestorePoint {
  const repositoryName = changes.repositoryName ?? 'backups';
  const reference = changes.reference ?? 'snapshot-1';
  return {
    id: restorePointId(repositoryName, reference),
    repositoryName,
    reference,
    machineId: 'm-1',
    machineKey: 'web',
    machineName: 'web',
    aliases: [],
    takenAt: new Date('2026-01-02T03:04:05Z'),
    kind: 'image',
    level: 'computer',
    disks: [aPointDisk()],
    hasManifest: false,
    problems: [],
    ...changes,
  };
}
