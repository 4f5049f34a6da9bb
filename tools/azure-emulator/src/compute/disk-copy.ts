import { badRequest, conflict, missingParameter } from '../arm/errors.js';
import { parseResourceId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { DISK, SNAPSHOT, type DiskRecord, type Kept, type SnapshotRecord } from '../state/records.js';
import { requireCopied } from './background-copy.js';
import { requireDiskById, requireDiskSize, shrinkRefused } from './disk-rules.js';
import { awaitsUpload, GIB } from './disk-view.js';

/*
 * Copies of disks and snapshots. What a copy holds is what its source held when the copy was asked for: the bytes are
 * put aside before the request is accepted, so whatever happens to the source afterwards, its deletion included, does
 * not touch the copy.
 */
export interface CopySource {
  readonly record: DiskRecord | SnapshotRecord;
  /** What a copy takes over with the content, unless it is given its own. */
  readonly inherited: Pick<DiskRecord, 'osType' | 'hyperVGeneration'> & { readonly kept: Kept };
}

const INHERITED_MEMBERS = ['purchasePlan', 'supportedCapabilities', 'supportsHibernation', 'securityProfile'];

/**
 * The disk or snapshot that `creationData.sourceResourceId` names.
 * @param location where the copy is to be; null where it may be in another region than its source
 * @throws AzureError 400, 404 or 409 when it can't be copied
 */
export function requireCopySource(sourceId: string | undefined, location: string | null, azure: Azure): CopySource {
  if (sourceId === undefined) throw missingParameter('creationData.sourceResourceId');
  const isSnapshot = parseResourceId(sourceId)?.type.toLowerCase() === SNAPSHOT.toLowerCase();
  const source = requireDiskById(isSnapshot ? SNAPSHOT : DISK, sourceId, 'creationData.sourceResourceId', azure);
  if (location !== null && source.location !== location) {
    throw badRequest(
      'BadRequest',
      `The source resource '${source.id}' is in location '${source.location}' and cannot be copied to location '${location}'.`,
    );
  }
  if (source.provisioningState !== 'Succeeded' && source.provisioningState !== 'Updating') {
    throw conflict(
      'OperationNotAllowed',
      `The source resource '${source.id}' is not ready: ${source.provisioningState}.`,
    );
  }
  if (awaitsUpload(source)) {
    throw conflict(
      'OperationNotAllowed',
      `The source resource '${source.id}' is in state ${source.diskState} and has no content yet.`,
    );
  }
  requireCopied(source, azure);
  if (source.type === DISK && source.unusable !== null) throw badRequest('InvalidVhd', source.unusable, source.name);
  const kept = Object.entries(source.kept).filter(([name]) => INHERITED_MEMBERS.includes(name));
  return {
    record: source,
    inherited: {
      osType: source.osType,
      hyperVGeneration: source.hyperVGeneration,
      kept: Object.fromEntries(kept),
    },
  };
}

/** A copy can be larger than its source, never smaller. @throws AzureError 400 */
export function copiedSize({ record }: CopySource, diskSizeGB: number | undefined): number {
  if (diskSizeGB === undefined || diskSizeGB === Math.ceil(record.sizeBytes / GIB)) return record.sizeBytes;
  const sizeBytes = requireDiskSize(diskSizeGB);
  if (sizeBytes < record.sizeBytes) throw shrinkRefused();
  return sizeBytes;
}

/**
 * Puts the source's bytes aside for a copy and then hands over to `accept`; what was put aside goes away when `accept`
 * refuses. It has to look again at everything that it relies on, for time has passed.
 */
export async function freezing<T>(
  source: CopySource,
  copy: { readonly uniqueId: string; readonly sizeBytes: number },
  azure: Azure,
  accept: () => T,
): Promise<T> {
  await azure.files.freeze(azure.files.path(source.record.uniqueId), copy.uniqueId, copy.sizeBytes);
  try {
    return accept();
  } catch (error) {
    await azure.files.remove(copy.uniqueId);
    throw error;
  }
}
