import { restorePoller } from '@azure/arm-compute';
import type { CloudDisk, RecreateDiskSpec } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { byProvisioning } from './disks.js';
import { sameId } from './ids.js';
import { bodyHash, changed, requireOwn } from './ownership.js';
import type { Change } from './perform.js';
import { handedOver } from './polling.js';
import { skuOf } from './recreated-disk-body.js';

/** A disk, and the full ID of what it was made from; null: from nothing, or Azure does not say. */
export interface DiskWithOrigin {
  readonly disk: CloudDisk;
  readonly sourceId: string | null;
}

/*
 * Making a disk anew from a snapshot, with the words in which the disk was saved that the snapshot was taken of: their version of
 * the API goes with them, so the request goes past the client, which knows its own version alone.
 */

/** @param body that is sent */
export function recreationOfDisk(
  connection: AzureConnection,
  read: (id: string) => Promise<DiskWithOrigin | null>,
  azureId: string,
  { saved, snapshotId, tags, role, purpose }: RecreateDiskSpec,
  body: Readonly<Record<string, unknown>>,
): Change<CloudDisk> {
  const { disks } = connection.compute;
  const resume = (state: string) => restorePoller(connection.compute, state, disks.createOrUpdate);
  return {
    doing: `make the disk ${azureId} from the snapshot ${snapshotId}`,
    intent: {
      key: `disk.recreate:${azureId.toLowerCase()}`,
      operation: 'disks.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'disk', role, purpose } },
    },
    instanceOf: ({ uniqueId }) => uniqueId,
    async look() {
      const found = await read(azureId);
      if (found === null) return { state: 'needed' };
      const { disk, sourceId } = found;
      // The one that it is made from a copy of: its name is free once it is gone.
      if (disk.provisioningState === 'Deleting') return { state: 'busy' };
      requireOwn(disk, tags);
      if (sourceId === null || !sameId(sourceId, snapshotId))
        throw changed(disk, `it was made from ${sourceId ?? 'nothing'} and not from ${snapshotId}`);
      const sku = skuOf(saved.body);
      if (disk.sku !== sku) throw changed(disk, `its kind of storage is ${disk.sku} and not ${sku}`);
      return byProvisioning(disk);
    },
    send: () => handedOver(() => connection.put(azureId, saved.apiVersion, body, {}), resume),
    resume,
  };
}
