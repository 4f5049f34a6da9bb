import { restorePoller, type CreationData, type Disk } from '@azure/arm-compute';
import { carriesTags, type CloudDisk, type DiskSpec } from '@landfall/domain';
import { VHD_FOOTER_BYTES } from './blob/vhd-footer.js';
import type { AzureConnection } from './connection.js';
import { requireResourceId, type ResourcePath } from './ids.js';
import { bodyHash, changed, requireOwn } from './ownership.js';
import type { Change, Finding } from './perform.js';

/** The changes that are made to managed disks. */

const GIB = 1024 ** 3;

type ReadDisk = (id: string) => Promise<CloudDisk | null>;
type DiskKind = 'Empty' | 'Upload';

export function createDisk(
  connection: AzureConnection,
  read: ReadDisk,
  azureId: string,
  spec: DiskSpec,
  kind: DiskKind,
): Change<CloudDisk> {
  const body = diskBody(spec, kind);
  return {
    doing: `create the disk "${spec.name}" in the resource group "${spec.resourceGroup}"`,
    intent: {
      key: `disk.create:${spec.name}`,
      operation: 'disks.createOrUpdate',
      azureId,
      bodyHash: bodyHash(body),
      effect: { creates: { kind: 'disk', role: spec.role, purpose: spec.purpose } },
    },
    async look() {
      const disk = await read(azureId);
      if (disk === null) return { state: 'needed' };
      requireOwn(disk, spec.tags);
      if (disk.sizeBytes !== spec.sizeBytes) {
        throw changed(disk, `it has ${disk.sizeBytes} bytes and not ${spec.sizeBytes}`);
      }
      if (disk.sku !== spec.sku) throw changed(disk, `its kind of storage is ${disk.sku} and not ${spec.sku}`);
      return byProvisioning(disk);
    },
    send: () => connection.compute.disks.createOrUpdate(spec.resourceGroup, spec.name, body),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.disks.createOrUpdate),
  };
}

export function diskPath(connection: AzureConnection, azureId: string): ResourcePath {
  return requireResourceId(azureId, connection.subscriptionId, 'disk');
}

/** Puts the ownership tags on a disk that Azure made along with a VM. */
export function tagDisk(
  connection: AzureConnection,
  read: ReadDisk,
  azureId: string,
  tags: Readonly<Record<string, string>>,
): Change<CloudDisk | null> {
  const { resourceGroup, name } = diskPath(connection, azureId);
  return {
    doing: `tag the disk "${name}"`,
    intent: {
      key: `disk.tag:${name}`,
      operation: 'disks.update',
      azureId,
      bodyHash: bodyHash(tags),
      effect: { changes: 'ours' },
    },
    async look() {
      const disk = await read(azureId);
      if (disk === null) return { state: 'done', value: null };
      return carriesTags(disk.tags, tags) ? byProvisioning(disk) : { state: 'needed' };
    },
    send: () => connection.compute.disks.update(resourceGroup, name, { tags: { ...tags } }),
    resume: (state) => restorePoller(connection.compute, state, connection.compute.disks.update),
  };
}

/** Of a disk or a snapshot that was asked for. */
export function byProvisioning<T extends { readonly provisioningState: string }>(found: T): Finding<T> {
  switch (found.provisioningState) {
    case 'Succeeded':
      return { state: 'done', value: found };
    case 'Failed':
    case 'Canceled':
      return { state: 'needed' };
    default:
      return { state: 'busy' };
  }
}

/** What of the system decides on which sizes it starts; what is not named is SCSI and x64 to Azure. */
function capabilitiesOf({ os }: DiskSpec): Pick<Disk, 'supportedCapabilities'> {
  const supportedCapabilities = {
    ...(os?.startsFromNvme === true ? { diskControllerTypes: 'SCSI, NVMe' } : {}),
    ...(os?.architecture === undefined ? {} : { architecture: os.architecture }),
  };
  return Object.keys(supportedCapabilities).length === 0 ? {} : { supportedCapabilities };
}

/** A zone-redundant disk lies in all zones of its region, and is refused where one is named. */
export function zonesOf({ sku, zone }: Pick<DiskSpec, 'sku' | 'zone'>): Pick<Disk, 'zones'> {
  return zone === null || sku.endsWith('_ZRS') ? {} : { zones: [zone] };
}

function diskBody(spec: DiskSpec, kind: DiskKind): Disk {
  const creationData: CreationData =
    kind === 'Empty'
      ? { createOption: 'Empty' }
      : { createOption: 'Upload', uploadSizeBytes: spec.sizeBytes + VHD_FOOTER_BYTES };
  return {
    location: spec.region,
    tags: { ...spec.tags },
    sku: { name: spec.sku },
    creationData,
    ...capabilitiesOf(spec),
    ...(kind === 'Empty' ? { diskSizeGB: spec.sizeBytes / GIB } : {}),
    ...zonesOf(spec),
    ...(spec.os === null
      ? {}
      : {
          osType: spec.os.family === 'windows' ? 'Windows' : 'Linux',
          hyperVGeneration: spec.os.generation === 2 ? 'V2' : 'V1',
        }),
  };
}
