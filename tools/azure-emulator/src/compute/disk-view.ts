import { DISK, type DiskRecord, type SnapshotRecord } from '../state/records.js';
import { copyMembers } from './background-copy.js';
import { defaultMembers } from './disk-properties.js';

export const GIB = 1024 ** 3;

/** Until its upload has ended a disk shows no size; what was asked for stands in `creationData.uploadSizeBytes`. */
export function awaitsUpload({ diskState }: DiskRecord | SnapshotRecord): boolean {
  return diskState === 'ReadyToUpload' || diskState === 'ActiveUpload';
}

/**
 * A disk or a snapshot as a GET shows it.
 * @param now null: as the operation that has made or changed it shows it, which tells nothing of a background copy
 */
export function diskView(disk: DiskRecord | SnapshotRecord, now: Date | null): Record<string, unknown> {
  return {
    name: disk.name,
    id: disk.id,
    type: disk.type,
    location: disk.location,
    ...(Object.keys(disk.tags).length === 0 ? {} : { tags: disk.tags }),
    ...(disk.type === DISK && disk.zones.length > 0 ? { zones: disk.zones } : {}),
    sku: { name: disk.sku, tier: disk.sku.slice(0, disk.sku.indexOf('_')) },
    ...(disk.type === DISK && disk.managedBy !== null ? { managedBy: disk.managedBy } : {}),
    properties: {
      ...defaultMembers(disk),
      ...disk.kept,
      ...(disk.osType === null ? {} : { osType: disk.osType }),
      ...(disk.hyperVGeneration === null ? {} : { hyperVGeneration: disk.hyperVGeneration }),
      creationData: disk.creationData,
      ...(awaitsUpload(disk) ? {} : { diskSizeGB: Math.ceil(disk.sizeBytes / GIB), diskSizeBytes: disk.sizeBytes }),
      timeCreated: disk.createdAt,
      provisioningState: disk.provisioningState,
      diskState: disk.diskState,
      uniqueId: disk.uniqueId,
      ...(disk.type === DISK
        ? disk.ownershipChangedAt === null
          ? {}
          : { LastOwnershipUpdateTime: disk.ownershipChangedAt }
        : { ...snapshotMembers(disk), ...(now === null ? {} : copyMembers(disk, now)) }),
    },
  };
}

function snapshotMembers(snapshot: SnapshotRecord): Record<string, unknown> {
  return {
    incremental: snapshot.incremental,
    ...(snapshot.incrementalSnapshotFamilyId === null
      ? {}
      : { incrementalSnapshotFamilyId: snapshot.incrementalSnapshotFamilyId }),
  };
}

/** What the acceptance of a write shows: the resource to be, with what was asked for and without what only Azure says. */
export function acceptedDiskView(disk: DiskRecord | SnapshotRecord): Record<string, unknown> {
  const { properties, sku, ...rest } = diskView(disk, null);
  const { uniqueId, diskState, timeCreated, diskSizeBytes, ...shown } = properties as Record<string, unknown>;
  void [uniqueId, diskState, timeCreated, diskSizeBytes];
  const asked = Object.entries(shown).filter(([name]) => name in disk.kept || !(name in defaultMembers(disk)));
  return {
    ...rest,
    sku: { name: (sku as { readonly name: string }).name },
    properties: { ...Object.fromEntries(asked), provisioningState: 'Updating' },
  };
}
