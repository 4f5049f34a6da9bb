import { restorePoller, type Snapshot } from '@azure/arm-compute';
import type { CloudSnapshot, SnapshotSpec } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { byProvisioning } from './disks.js';
import { sameId } from './ids.js';
import { bodyHash, changed, requireOwn } from './ownership.js';
import type { Change } from './perform.js';

/** The change that takes an incremental snapshot of a disk. */
export function takeSnapshot(
  connection: AzureConnection,
  read: (id: string) => Promise<CloudSnapshot | null>,
  azureId: string,
  spec: SnapshotSpec,
): Change<CloudSnapshot> {
  const body = snapshotBody(spec);
  return {
    doing: `take the snapshot "${spec.name}" in the resource group "${spec.resourceGroup}"`,
    intent: {
      key: `snapshot.create:${spec.name}`,
      operation: 'snapshots.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'snapshot', role: spec.role, purpose: spec.purpose } },
    },
    async look() {
      const snapshot = await read(azureId);
      if (snapshot === null) return { state: 'needed' };
      requireOwn(snapshot, spec.tags);
      if (snapshot.diskId !== null && !sameId(snapshot.diskId, spec.diskId)) {
        throw changed(snapshot, `it was taken of ${snapshot.diskId} and not of ${spec.diskId}`);
      }
      return byProvisioning(snapshot);
    },
    send: () => connection.compute.snapshots.createOrUpdate(spec.resourceGroup, spec.name, body),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.snapshots.createOrUpdate),
  };
}

function snapshotBody({ region, tags, diskId, access }: SnapshotSpec): Snapshot {
  return {
    location: region,
    tags: { ...tags },
    incremental: true,
    creationData: { createOption: 'Copy', sourceResourceId: diskId },
    ...(access === undefined ? {} : { networkAccessPolicy: access.policy }),
    ...(access === undefined || access.diskAccessId === null ? {} : { diskAccessId: access.diskAccessId }),
  };
}
