import { randomBytes } from 'node:crypto';
import { derivedUuid } from '../arm/derived-uuid.js';
import { conflict, invalidParameter } from '../arm/errors.js';
import { parseBody } from '../arm/body.js';
import { parameter, type Answer, type Call, type Route } from '../arm/route.js';
import type { Azure } from '../azure.js';
import { accepted } from '../operations/answers.js';
import type { OperationKind } from '../operations/kind.js';
import {
  DISK,
  SNAPSHOT,
  type DiskRecord,
  type DiskState,
  type GrantRecord,
  type SnapshotRecord,
} from '../state/records.js';
import { put, type Change } from '../state/state.js';
import { requireCopied } from './background-copy.js';
import { requireDisk, requireIdleDisk, VHD_FOOTER_BYTES, type StoredDiskType } from './disk-rules.js';
import { GRANT_ACCESS_BODY } from './disk-schema.js';
import { awaitsUpload } from './disk-view.js';
import { requireSignatureInFamily } from './snapshot-rules.js';

/*
 * Shared access signatures on disks and snapshots.
 *
 *   Unattached    ── beginGetAccess ──→ ActiveSAS    ── endGetAccess ──→ Unattached
 *   ReadyToUpload ── beginGetAccess ──→ ActiveUpload ── endGetAccess ──→ Unattached, with the VHD footer checked and cut off
 *
 * A disk has at most one signature; asking again while one is out gives the same one with a new expiry. A signature
 * that is revoked is refused from the moment at which the revocation is accepted.
 */
const MOST_SECONDS = 60 * 24 * 3600;
const FOOTER_COOKIE = 'conectix';

const COLLECTIONS = [
  { type: DISK, path: 'disks/{diskName}', parameter: 'diskName', name: 'Disks' },
  { type: SNAPSHOT, path: 'snapshots/{snapshotName}', parameter: 'snapshotName', name: 'Snapshots' },
] as const;

export const DISK_ACCESS_ROUTES: readonly Route[] = COLLECTIONS.flatMap((collection): Route[] => {
  const path = `/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/${collection.path}`;
  const target = (call: Call, azure: Azure): DiskRecord | SnapshotRecord =>
    requireDisk<StoredDiskType>(
      collection.type,
      parameter(call, 'resourceGroupName'),
      parameter(call, collection.parameter),
      azure,
    );
  return [
    {
      operation: `${collection.name}_GrantAccess`,
      method: 'POST',
      effect: 'action',
      path: `${path}/beginGetAccess`,
      handle: (call, azure) => beginGetAccess(target(call, azure), call, azure),
    },
    {
      operation: `${collection.name}_RevokeAccess`,
      method: 'POST',
      effect: 'action',
      path: `${path}/endGetAccess`,
      handle: (call, azure) => endGetAccess(target(call, azure), azure),
    },
  ];
});

export const GRANT_ACCESS: OperationKind<{ readonly opaque: string }> = {
  name: 'disks.grantAccess',
  run: ({ opaque }, _, azure) => {
    const grant = azure.state.get('grants', opaque);
    if (grant === undefined) throw conflict('OperationNotAllowed', 'The access was revoked before it was granted.');
    return {
      changes: [],
      output: { accessSAS: signedUrl(grant, azure) },
    };
  },
};

export const REVOKE_ACCESS: OperationKind<{ readonly opaque: string | null }> = {
  name: 'disks.revokeAccess',
  run: async ({ opaque }, operation, azure) => {
    if (opaque !== null) await azure.transfers.end(opaque);
    const snapshot = azure.state.find(SNAPSHOT, operation.resourceId);
    if (snapshot !== undefined) return { changes: [put({ ...snapshot, diskState: 'Unattached' })] };
    const disk = azure.state.find(DISK, operation.resourceId);
    if (disk === undefined) return { changes: [] };
    const diskState: DiskState = disk.managedBy === null ? 'Unattached' : 'Reserved';
    if (disk.diskState === 'ActiveSAS') return { changes: [put({ ...disk, diskState })] };
    if (disk.diskState !== 'ActiveUpload') return { changes: [] };
    return { changes: [put({ ...disk, diskState, unusable: await finishUpload(disk, azure) })] };
  },
};

function beginGetAccess(disk: DiskRecord | SnapshotRecord, call: Call, azure: Azure): Answer {
  const body = parseBody(GRANT_ACCESS_BODY, call.body);
  if (body.access === 'None')
    throw invalidParameter('access', "The value 'None' of parameter 'access' is not allowed.");
  if (body.durationInSeconds > MOST_SECONDS) {
    throw invalidParameter(
      'durationInSeconds',
      `The value '${body.durationInSeconds}' of parameter 'durationInSeconds' is out of range. It must be at most '${MOST_SECONDS}' (60 days).`,
    );
  }
  requireIdleDisk(disk, azure);
  requireCopied(disk, azure);
  const diskState = stateUnderAccess(disk, body.access);
  if (disk.type === SNAPSHOT) requireSignatureInFamily(disk, azure);
  const outstanding = grantOn(disk.id, azure);
  if (outstanding !== undefined && outstanding.access !== body.access) {
    throw conflict(
      'OperationNotAllowed',
      `There is an active shared access signature outstanding for disk ${disk.name} with access '${outstanding.access}'.`,
    );
  }
  const grant: GrantRecord = {
    opaque: outstanding?.opaque ?? randomBytes(16).toString('hex'),
    resourceId: disk.id,
    access: body.access,
    signature: outstanding?.signature ?? randomBytes(32).toString('base64'),
    expiresAt: new Date(azure.now().getTime() + body.durationInSeconds * 1000).toISOString(),
  };
  const operation = azure.operations.begin(GRANT_ACCESS, {
    resourceId: disk.id,
    location: disk.location,
    input: { opaque: grant.opaque },
    changes: [{ table: 'grants', key: grant.opaque, value: grant }, put({ ...disk, diskState })],
  });
  return accepted(azure, operation, 'disks');
}

/** @throws AzureError 409 when the disk's state doesn't allow access, 400 for a wrong kind of access */
function stateUnderAccess(disk: DiskRecord | SnapshotRecord, access: 'Read' | 'Write'): DiskState {
  const isUpload = awaitsUpload(disk);
  if (disk.type === DISK && disk.diskState === 'Attached') {
    throw conflict(
      'Conflict',
      `Access not permitted because disk ${disk.name} is currently attached to running VM ${disk.managedBy}.`,
    );
  }
  if (disk.type === SNAPSHOT && access === 'Write') {
    throw conflict('OperationNotAllowed', `Snapshot '${disk.name}' is read-only: write access cannot be granted.`);
  }
  if (isUpload && access === 'Read') {
    throw conflict(
      'OperationNotAllowed',
      `Disk '${disk.name}' is in state ${disk.diskState}: only write access can be granted.`,
    );
  }
  if (!isUpload && access === 'Write' && disk.creationData.createOption !== 'Upload') {
    throw conflict(
      'OperationNotAllowed',
      `Write access can be granted only on a disk that was created with createOption 'Upload'; disk '${disk.name}' was created with '${disk.creationData.createOption}'.`,
    );
  }
  if (!isUpload && access === 'Write') {
    throw conflict(
      'OperationNotAllowed',
      `The upload of disk '${disk.name}' has ended; write access cannot be granted again.`,
    );
  }
  return isUpload ? 'ActiveUpload' : 'ActiveSAS';
}

function endGetAccess(disk: DiskRecord | SnapshotRecord, azure: Azure): Answer {
  const running = azure.operations.on(disk.id);
  if (running?.kind === REVOKE_ACCESS.name) return accepted(azure, running, 'disks');
  const grant = grantOn(disk.id, azure);
  const changes: Change[] = grant === undefined ? [] : [{ table: 'grants', key: grant.opaque, value: null }];
  const operation = azure.operations.begin(REVOKE_ACCESS, {
    resourceId: disk.id,
    location: disk.location,
    input: { opaque: grant?.opaque ?? null },
    changes,
  });
  return accepted(azure, operation, 'disks');
}

function grantOn(diskId: string, azure: Azure): GrantRecord | undefined {
  return azure.state.grantsOn(diskId)[0];
}

function signedUrl(grant: GrantRecord, azure: Azure): string {
  // A stored policy (`si`) says what is allowed and until when: the URL itself doesn't.
  const query = new URLSearchParams({ sv: '2018-03-28', sr: 'b', si: derivedUuid(grant.opaque), sig: grant.signature });
  return `${azure.baseUrl}/sas/${grant.opaque}/abcd?${query.toString()}`;
}

/** Cuts off a footer that is right; tells why a disk with another one can't be used. */
async function finishUpload(disk: DiskRecord, azure: Azure): Promise<string | null> {
  const footer = await azure.files.read(disk.uniqueId, disk.sizeBytes, VHD_FOOTER_BYTES);
  // Already cut off, by a run that was killed before it could end.
  if (footer.length < VHD_FOOTER_BYTES) return null;
  if (footer.toString('latin1', 0, FOOTER_COOKIE.length) !== FOOTER_COOKIE) {
    return (
      `The specified cookie value in VHD footer indicates that disk '${disk.name}' is not a supported VHD. ` +
      `Disk is expected to have cookie value '${FOOTER_COOKIE}'.`
    );
  }
  await azure.files.resize(disk.uniqueId, disk.sizeBytes);
  return null;
}
