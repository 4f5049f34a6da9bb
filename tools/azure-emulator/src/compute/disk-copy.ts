import { badRequest, conflict, missingParameter } from '../arm/errors.js';
import { parseResourceId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { DISK, SNAPSHOT } from '../state/records.js';
import { requireDiskById } from './disk-rules.js';

/** What a copy needs of its source; the source itself may be gone by the time the copy is made only if it is refused. */
export interface CopySource {
  readonly id: string;
  readonly uniqueId: string;
  readonly sizeBytes: number;
  readonly osType: 'Linux' | 'Windows' | null;
  readonly hyperVGeneration: 'V1' | 'V2' | null;
}

/**
 * The disk or snapshot that `creationData.sourceResourceId` names.
 * @throws AzureError 400, 404 or 409 when it can't be copied into this region
 */
export function requireCopySource(sourceId: string | undefined, location: string, azure: Azure): CopySource {
  if (sourceId === undefined) throw missingParameter('creationData.sourceResourceId');
  const isSnapshot = parseResourceId(sourceId)?.type.toLowerCase() === SNAPSHOT.toLowerCase();
  const source = requireDiskById(isSnapshot ? SNAPSHOT : DISK, sourceId, 'creationData.sourceResourceId', azure);
  if (source.location !== location) {
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
  if (source.diskState === 'ReadyToUpload' || source.diskState === 'ActiveUpload') {
    throw conflict(
      'OperationNotAllowed',
      `The source resource '${source.id}' is in state ${source.diskState} and has no content yet.`,
    );
  }
  return {
    id: source.id,
    uniqueId: source.uniqueId,
    sizeBytes: source.sizeBytes,
    osType: source.osType,
    hyperVGeneration: source.hyperVGeneration,
  };
}
