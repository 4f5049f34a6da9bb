import { restorePoller, type Disk } from '@azure/arm-compute';
import type { CloudDisk, DiskCopySpec } from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import type { DiskWithOrigin } from './disk-recreation.js';
import { byProvisioning, zonesOf } from './disks.js';
import { sameId } from './ids.js';
import { bodyHash, changed, requireOwn } from './ownership.js';
import type { Change } from './perform.js';

/** Made by Azure within the region, at once: what it does not have yet of its own is read from its source. */
export function copyDisk(
  connection: AzureConnection,
  read: (id: string) => Promise<DiskWithOrigin | null>,
  azureId: string,
  spec: DiskCopySpec,
): Change<CloudDisk> {
  const body: Disk = {
    location: spec.region,
    tags: { ...spec.tags },
    sku: { name: spec.sku },
    creationData: { createOption: 'Copy', sourceResourceId: spec.sourceDiskId },
    networkAccessPolicy: 'DenyAll',
    publicNetworkAccess: 'Disabled',
    ...zonesOf(spec),
  };
  return {
    doing: `copy the disk ${spec.sourceDiskId} to "${spec.name}"`,
    intent: {
      key: `disk.copy:${spec.name}`,
      operation: 'disks.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'disk', role: spec.role, purpose: spec.purpose } },
    },
    async look() {
      const found = await read(azureId);
      if (found === null) return { state: 'needed' };
      const { disk, sourceId } = found;
      requireOwn(disk, spec.tags);
      if (disk.provisioningState === 'Deleting') return { state: 'busy' };
      if (sourceId === null || !sameId(sourceId, spec.sourceDiskId))
        throw changed(disk, `it was made from ${sourceId ?? 'nothing'} and not from ${spec.sourceDiskId}`);
      return byProvisioning(disk);
    },
    send: () => connection.compute.disks.createOrUpdate(spec.resourceGroup, spec.name, body),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.disks.createOrUpdate),
  };
}
