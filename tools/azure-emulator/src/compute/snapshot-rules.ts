import { derivedUuid } from '../arm/derived-uuid.js';
import { badRequest, conflict, invalidParameter, type AzureError } from '../arm/errors.js';
import { sameId } from '../arm/resource-id.js';
import type { Azure } from '../azure.js';
import { SNAPSHOT, type DiskRecord, type SnapshotRecord } from '../state/records.js';
import type { CopySource } from './disk-copy.js';

/*
 * Incremental snapshots (Azure documentation, "Create an incremental snapshot", restrictions): kept on standard storage
 * only; at most 500 of one disk, seven of them within five minutes; all of one disk are a family, of which at most five
 * may be under a shared access signature at a time; a snapshot is copied to another region with `CopyStart`.
 */
const MOST_OF_A_DISK = 500;
const MOST_AT_ONCE = 7;
const AT_ONCE_MS = 5 * 60_000;
const MOST_SIGNATURES_OF_A_FAMILY = 5;

/** @throws AzureError 400 for a kind of snapshot that can't be made of this source, 409 for one too many */
export function requireSnapshotKind(
  wanted: { readonly createOption: string; readonly incremental: boolean; readonly sku: string },
  source: CopySource,
  azure: Azure,
): void {
  const { record } = source;
  if (wanted.incremental && wanted.sku === 'Premium_LRS') {
    throw invalidParameter(
      'snapshot.sku',
      `The storage account type '${wanted.sku}' is not supported for incremental snapshots; they are stored on standard storage.`,
    );
  }
  const isIncrementalSource = record.type === SNAPSHOT && record.incremental;
  if (wanted.createOption === 'CopyStart' && !(wanted.incremental && isIncrementalSource)) {
    throw badRequest(
      'BadRequest',
      "CreateOption 'CopyStart' copies an incremental snapshot to an incremental snapshot, and nothing else.",
      'snapshot.creationData.createOption',
    );
  }
  if (wanted.createOption === 'Copy' && wanted.incremental && record.type === SNAPSHOT) {
    throw badRequest(
      'BadRequest',
      `An incremental snapshot of the snapshot '${record.id}' cannot be created; its source must be a disk.`,
      'snapshot.incremental',
    );
  }
  if (wanted.incremental && record.type !== SNAPSHOT) requireRoomInFamily(record, azure);
}

function requireRoomInFamily(disk: DiskRecord, azure: Azure): void {
  const earlier = azure.state
    .ofType(SNAPSHOT)
    .filter(({ incremental, creationData }) => incremental && creationData.sourceUniqueId === disk.uniqueId);
  if (earlier.length >= MOST_OF_A_DISK) {
    throw conflict(
      'OperationNotAllowed',
      `The maximum number of incremental snapshots allowed for disk '${disk.id}' is ${MOST_OF_A_DISK}.`,
    );
  }
  const since = azure.now().getTime() - AT_ONCE_MS;
  if (earlier.filter(({ createdAt }) => Date.parse(createdAt) > since).length >= MOST_AT_ONCE) {
    throw conflict(
      'OperationNotAllowed',
      `At most ${MOST_AT_ONCE} incremental snapshots of disk '${disk.id}' can be created within five minutes.`,
    );
  }
}

/** The same for all incremental snapshots of a disk, and for all their copies in a region. */
export function familyOf(source: CopySource, location: string): string {
  const { record } = source;
  const origin = record.type === SNAPSHOT ? record.incrementalSnapshotFamilyId : null;
  return derivedUuid(`snapshots of ${origin ?? record.uniqueId} in ${location}`);
}

/** @throws AzureError 409 when as many snapshots of the family as can be are under a signature */
export function requireSignatureInFamily(snapshot: SnapshotRecord, azure: Azure): void {
  const family = snapshot.incrementalSnapshotFamilyId;
  if (family === null) return;
  const others = azure.state.all('grants').filter(({ resourceId }) => {
    const other = azure.state.find(SNAPSHOT, resourceId);
    return other?.incrementalSnapshotFamilyId === family && !sameId(other.id, snapshot.id);
  });
  if (others.length < MOST_SIGNATURES_OF_A_FAMILY) return;
  throw conflict(
    'OperationNotAllowed',
    `At most ${MOST_SIGNATURES_OF_A_FAMILY} snapshots of the family '${family}' can have an active shared access signature at a time.`,
    snapshot.name,
  );
}

export function snapshotUnderAccess(snapshot: SnapshotRecord): AzureError {
  return conflict(
    'OperationNotAllowed',
    `Snapshot '${snapshot.name}' cannot be deleted: There is an active shared access signature outstanding for snapshot ` +
      `${snapshot.name}. Call EndGetAccess on it first.`,
    snapshot.name,
  );
}
